/*
 * Takes over the sockets that a service manager opened for this program: the protocol of sd_listen_fds_with_names(3),
 * without its library. They are the descriptors from LUBDUB_ACTIVATION_FIRST on, and stay open while the program is
 * restarted.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_ACTIVATION_H
#define LUBDUB_PROGRAM_PROCESS_ACTIVATION_H

#include <stdbool.h>

#define LUBDUB_ACTIVATION_FIRST 3

struct lubdub_activation {
    unsigned
        count;   /* of descriptors, which are the caller's to close. 0: none, or they are meant for another process */
    char *names; /* FileDescriptorName= of each, with colons between, the program's for good; NULL: none were told */
    unsigned name_count;
};

/*
 * Takes the manager's variables out of the environment and marks the descriptors, so that no program that this one
 * starts has them. To be called while there is one thread, and before anything else opens a descriptor.
 */
void lubdub_activation_take(struct lubdub_activation *activation);

/* Whether the manager told names, and not one for each descriptor, so that it is not known which is whose. */
bool lubdub_activation_is_doubtful(const struct lubdub_activation *activation);

/*
 * Whether the name of the descriptor with this index (from 0) is this word, or ends in a hyphen and the word, with or
 * without ".socket" behind it: of "tls" that are tls, heartbeat-tls, and lubdub-server-tls.socket, which systemd makes
 * of the name of the unit where the unit names none.
 */
bool lubdub_activation_is_named(const struct lubdub_activation *activation, unsigned index, const char *word);

#endif
