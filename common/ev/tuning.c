/* Computes TCP's timers from deadlines, and sets them as socket options. */
#include "ev/tuning.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Linux 6.11 and 6.15, include/uapi/linux/tcp.h; Debian 12's headers are older than that. */
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44
#endif
#ifndef TCP_RTO_MIN_US
#define TCP_RTO_MIN_US 45
#endif

#define RTO_MIN_LEAST (60 * LUBDUB_MILLISECOND) /* above the peer's delayed acknowledgement, 40 ms */
#define RTO_MIN_MOST (200 * LUBDUB_MILLISECOND) /* TCP_RTO_MIN; the kernel takes no more */
#define RTO_MAX_LEAST LUBDUB_SECOND             /* TCP_RTO_MAX_MIN_SEC; the kernel takes no less */
#define RTO_MAX_MOST (120 * LUBDUB_SECOND)      /* TCP_RTO_MAX_SEC */
#define USER_TIMEOUT_MOST (24 * LUBDUB_HOUR)
#define USUAL_TIMEOUT 3 /* intervals */

struct lubdub_tuning lubdub_tuning_for(lubdub_duration shortest, lubdub_duration longest)
{
    lubdub_duration patience = longest > 0 ? lubdub_duration_shorter(longest, USER_TIMEOUT_MOST) : USER_TIMEOUT_MOST;
    lubdub_duration user_timeout = patience * 2 + LUBDUB_SECOND;

    return (struct lubdub_tuning){
        .rto_min_us =
            (unsigned)(lubdub_duration_clamp(shortest / 10, RTO_MIN_LEAST, RTO_MIN_MOST) / LUBDUB_MICROSECOND),
        .rto_max_ms = (unsigned)(lubdub_duration_clamp(shortest / 6, RTO_MAX_LEAST, RTO_MAX_MOST) / LUBDUB_MILLISECOND),
        .user_timeout_ms = (unsigned)(user_timeout / LUBDUB_MILLISECOND),
    };
}

struct lubdub_tuning lubdub_tuning_of_server(lubdub_duration interval, lubdub_duration expiry)
{
    return lubdub_tuning_for(lubdub_duration_shorter(expiry, USUAL_TIMEOUT * interval), expiry);
}

static void set(int socket, int option, unsigned value, unsigned before)
{
    if (value != before) {
        setsockopt(socket, IPPROTO_TCP, option, &value, sizeof value);
    }
}

void lubdub_tuning_set(int socket, const struct lubdub_tuning *tuning, const struct lubdub_tuning *has)
{
    static const char congestion[] = "reno";
    const struct lubdub_tuning none = {0};

    if (has == NULL) {
        has = &none;
    }
    set(socket, TCP_RTO_MIN_US, tuning->rto_min_us, has->rto_min_us);
    set(socket, TCP_RTO_MAX_MS, tuning->rto_max_ms, has->rto_max_ms);
    set(socket, TCP_USER_TIMEOUT, tuning->user_timeout_ms, has->user_timeout_ms);
    if (has->rto_min_us == 0) {
        set(socket, TCP_THIN_LINEAR_TIMEOUTS, 1, 0);
        setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, congestion, sizeof congestion - 1);
    }
}

char *lubdub_tuning_lacks(char *target)
{
    const struct {
        int option;
        const char *name;
    } wanted[] = {{TCP_RTO_MIN_US, "TCP_RTO_MIN_US"},
                  {TCP_RTO_MAX_MS, "TCP_RTO_MAX_MS"},
                  {TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"},
                  {TCP_THIN_LINEAR_TIMEOUTS, "TCP_THIN_LINEAR_TIMEOUTS"},
                  {TCP_NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"}};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t i;

    target[0] = '\0';
    if (descriptor < 0) {
        return target;
    }
    for (i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int value;
        socklen_t length = sizeof value;

        if (getsockopt(descriptor, IPPROTO_TCP, wanted[i].option, &value, &length) != 0 ||
            setsockopt(descriptor, IPPROTO_TCP, wanted[i].option, &value, length) != 0) {
            strcat(strcat(target, target[0] != '\0' ? " " : ""), wanted[i].name);
        }
    }
    close(descriptor);
    return target;
}
