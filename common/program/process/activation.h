/*
 * Takes over the sockets that a service manager opened for this program: the protocol of sd_listen_fds(3), without its
 * library. They are the descriptors from LUBDUB_ACTIVATION_FIRST on, and stay open while the program is restarted.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_ACTIVATION_H
#define LUBDUB_PROGRAM_PROCESS_ACTIVATION_H

#define LUBDUB_ACTIVATION_FIRST 3

/*
 * Takes the manager's variables out of the environment and marks the descriptors, so that no program that this one
 * starts has them. To be called while there is one thread, and before anything else opens a descriptor. Returns how many
 * descriptors there are; they are the caller's to close. 0: none, or they are meant for another process.
 */
unsigned lubdub_activation_take(void);

#endif
