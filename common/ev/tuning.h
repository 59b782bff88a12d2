/*
 * Sets TCP's timers as a heartbeat needs them. By default TCP resends after 200 ms, and then waits twice as long each
 * time, so that after an outage B of the path it may stay silent for another B. A session with short deadlines cannot
 * wait for that.
 *
 *                         default      for a patience P, the shortest of a session's deadlines
 *
 *     TCP_RTO_MIN_US      200 ms       P/10, 60 to 200 ms: several tries fit into it
 *
 *     TCP_RTO_MAX_MS      120 s        P/6, from the 1 s that the kernel demands
 *
 *     TCP_USER_TIMEOUT    13–30 min    2 × the longest deadline + 1 s: after all verdicts
 *
 *     TCP_THIN_LINEAR_…   off          on: the first six tries do not double
 *
 * Only a congestion control with a threshold knows thin streams, and BBR has no threshold: TCP_CONGESTION is "reno",
 * which is in every kernel and for 16 bytes as good as any.
 *
 * Accepted sockets inherit the options of their listening socket, and so cost no calls.
 */
#ifndef LUBDUB_EV_TUNING_H
#define LUBDUB_EV_TUNING_H

#include <lubdub/time.h>

struct lubdub_tuning {
    unsigned rto_min_us;
    unsigned rto_max_ms;
    unsigned user_timeout_ms;
};

/*
 * longest 0: the owner waits on, whatever happens. By default the kernel would end the connection after some 15 tries
 * (net.ipv4.tcp_retries2), which with a short TCP_RTO_MAX_MS take a quarter of a minute: it gets two days.
 */
struct lubdub_tuning lubdub_tuning_for(lubdub_duration shortest, lubdub_duration longest);

/* A server does not know for how long its client waits for an ack: three intervals are usual. */
struct lubdub_tuning lubdub_tuning_of_server(lubdub_duration interval, lubdub_duration expiry);

/*
 * Options that the kernel lacks are left out. `has`: the options that the socket was given before or inherited, which
 * need not be set again; NULL or zeroed: none.
 */
void lubdub_tuning_set(int socket, const struct lubdub_tuning *tuning, const struct lubdub_tuning *has);

/*
 * The names of the options that this kernel lacks or does not let us set, TCP_NOTSENT_LOWAT among them, with blanks
 * between them; empty where it has them all. Asks the kernel with a new socket, by setting options to the values that
 * they have already. target has at least LUBDUB_TUNING_TEXT_SIZE bytes. Returns target.
 */
#define LUBDUB_TUNING_TEXT_SIZE 96
char *lubdub_tuning_lacks(char *target);

#endif
