/*
 * A getaddrinfo() that knows names of its own; all others it hands on to the system's. Linked in by whoever calls
 * something here.
 *
 *     two.fake        ::1 and 127.0.0.1
 *     blackhole.fake  127.0.0.3 and 127.0.0.1
 *     mixed.fake      ::1 ::2 ::3 127.0.0.1 127.0.0.2, and most of them twice
 *     many.fake       500 addresses 127.1.x.y
 *     empty.fake      success without any address
 *     none.fake       no such name
 *     flaky.fake      127.0.0.1 while fake_names_set_flaky(true), else the name server does not answer
 *     slow.fake       127.0.0.1, when fake_names_release() is called
 */
#ifndef LUBDUB_TESTS_EV_FAKE_NAMES_H
#define LUBDUB_TESTS_EV_FAKE_NAMES_H

#include <stdbool.h>

void fake_names_set_flaky(bool is_known);

/* From now on slow.fake keeps whoever asks. */
void fake_names_hold(void);
void fake_names_release(void);

/* How many ask for slow.fake at this moment. */
unsigned fake_names_waiting(void);

/* How often a name of ours was asked for in all. */
unsigned fake_names_asked(void);

#endif
