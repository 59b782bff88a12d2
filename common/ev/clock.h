/* Reads the kernel's clocks; no other file does. */
#ifndef LUBDUB_EV_CLOCK_H
#define LUBDUB_EV_CLOCK_H

#include <lubdub/time.h>

/* CLOCK_MONOTONIC: does not go on while the machine is suspended, so a suspend is no silence. */
lubdub_time lubdub_clock_now(void);

/* CLOCK_REALTIME since 1970, in nanoseconds: for incarnations and for people, never for a deadline. */
uint64_t lubdub_clock_realtime(void);

/* For how long the calling thread has had a processor. A system call, unlike the others. */
lubdub_duration lubdub_clock_worked(void);

#endif
