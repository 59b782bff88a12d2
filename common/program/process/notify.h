/*
 * Tells the service manager that started the program how it does: the protocol of sd_notify(3), without its library.
 *
 * The manager names a datagram socket in NOTIFY_SOCKET, by a path or as an abstract name, and in WATCHDOG_USEC after
 * which silence it will kill the program. Without NOTIFY_SOCKET every call here does nothing. No call waits: what the
 * manager's socket does not take is lost, and the call says so.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_NOTIFY_H
#define LUBDUB_PROGRAM_PROCESS_NOTIFY_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <lubdub/time.h>

struct lubdub_notify {
    int socket; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_length;
    lubdub_duration watchdog; /* is to hear _alive more often than this; 0: there is none */
};

/*
 * Takes the manager's variables out of the environment, so that no program that this one starts speaks for it. To be
 * called while there is one thread. Returns 0, or an errno where the manager's socket cannot be used: EINVAL for a name
 * that is neither a path nor abstract.
 */
int lubdub_notify_open(struct lubdub_notify *notify);
void lubdub_notify_close(struct lubdub_notify *notify);

/* Whether a manager listens. */
bool lubdub_notify_is_heard(const struct lubdub_notify *notify);

/* Each returns whether the manager's socket took it, true where there is none. A status is one line for people. */
bool lubdub_notify_ready(const struct lubdub_notify *notify, const char *status); /* also after _reloading */
bool lubdub_notify_reloading(const struct lubdub_notify *notify);
bool lubdub_notify_stopping(const struct lubdub_notify *notify, const char *status);
bool lubdub_notify_status(const struct lubdub_notify *notify, const char *status);
bool lubdub_notify_alive(const struct lubdub_notify *notify);

#endif
