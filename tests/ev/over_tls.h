/* Runs a suite of tests over TLS instead of plain TCP, where the environment has LUBDUB_TESTS_OVER_TLS. */
#ifndef LUBDUB_TESTS_EV_OVER_TLS_H
#define LUBDUB_TESTS_EV_OVER_TLS_H

struct lubdub_tls;

/* What a server needs, and raw clients speak TLS from now on. NULL: the suite runs plainly. */
struct lubdub_tls *over_tls_begin(void);

/* NULL does no harm. */
void over_tls_end(struct lubdub_tls *tls);

#endif
