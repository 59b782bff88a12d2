/*
 * The natural logarithm and its inverse, from the C library's libm, which is opened when it is needed: mapped, it is a
 * tenth of what a client keeps in memory for years, and only a client with a goal computes.
 */
#ifndef LUBDUB_CLIENT_PLAN_LOGARITHM_H
#define LUBDUB_CLIENT_PLAN_LOGARITHM_H

#include <stdbool.h>

/*
 * Opens libm; it stays open. Not from two threads at once. The functions below call it, but a process that gives up
 * the right to map code (--seccomp) calls it before. False: there is no libm; lubdub_logarithm_problem() says why.
 */
bool lubdub_logarithm_open(void);

/* Of the last lubdub_logarithm_open() that was false. */
const char *lubdub_logarithm_problem(void);

/* Without libm they end the process. */
double lubdub_logarithm(double x);
double lubdub_exponential(double x);

#endif
