/*
 * Keeps which identities are there and which are missing: what sessions that begin and end change, and what becomes
 * due. Under the register's lock.
 */
#ifndef LUBDUB_SERVER_REGISTER_ATTENDANCE_H
#define LUBDUB_SERVER_REGISTER_ATTENDANCE_H

#include "server/register/state.h"

/* `now` is of the monotonic clock, now_ms since 1970. */
void attendance_connected(struct lubdub_register *reg, const struct lubdub_server_event *event, lubdub_time now,
                          uint64_t now_ms);
void attendance_disconnected(struct lubdub_register *reg, const struct lubdub_server_event *event, lubdub_time now,
                             uint64_t now_ms);
void attendance_gone(struct lubdub_register *reg, const struct lubdub_server_event *event, uint64_t now_ms);

/* The identity is not there and counts from now on: it will be missing, or gone, where it does not come. */
void attendance_await(struct lubdub_register *reg, struct known *known, lubdub_time clock);

/* The pattern has as many as are expected, or too few, from now on. */
void attendance_settle_pattern(struct lubdub_register *reg, struct watch *watch, lubdub_time clock);

/* Does what is due for REGISTER_PIECE identities at most. Returns when the next is due; LUBDUB_TIME_NEVER. */
lubdub_time attendance_mind(struct lubdub_register *reg, lubdub_time clock);

#endif
