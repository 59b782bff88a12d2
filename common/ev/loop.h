/* Checks whether a loop of libev can wait at all. */
#ifndef LUBDUB_EV_LOOP_H
#define LUBDUB_EV_LOOP_H

#include <ev.h>
#include <stdbool.h>

/*
 * For a loop that was just made, before anything else is watched there. libev watches a descriptor of its own, by which
 * signals and other threads wake the loop. Where the kernel refuses to watch it (its limit of watches is reached, no
 * memory), libev reports no error, and the loop would never hear of a signal. Returns false then, and errno.
 */
bool lubdub_loop_can_wait(struct ev_loop *loop);

#endif
