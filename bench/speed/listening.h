/* What the yardsticks share: where they listen, and how they accept. */
#ifndef LUBDUB_BENCH_SPEED_LISTENING_H
#define LUBDUB_BENCH_SPEED_LISTENING_H

/* Read from one connection at a time. */
#define ECHO_LENGTH 4096

/* Accepted in one turn of the loop. */
#define ECHO_ACCEPTS 64

/* A listening socket on this port of every IPv4 address. Ends the program on failure. */
int echo_listen(const char *port);

/* The next connection, non-blocking and without delay; -1: there is none. */
int echo_accept(int listening);

#endif
