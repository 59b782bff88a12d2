/* Builds the register's own events and tells them. Under the register's lock. */
#ifndef LUBDUB_SERVER_REGISTER_TELLING_H
#define LUBDUB_SERVER_REGISTER_TELLING_H

#include "server/register/state.h"

void tell_gone(struct lubdub_register *reg, const struct known *known);

/* Of an identity; how long nobody has seen it. */
void tell_missing(struct lubdub_register *reg, const struct known *known, lubdub_duration away_for);
void tell_found(struct lubdub_register *reg, const struct known *known, lubdub_duration away_for);

/* Of a pattern; how long too few have been up. */
void tell_few(struct lubdub_register *reg, const struct watch *watch, lubdub_duration for_so_long);
void tell_enough(struct lubdub_register *reg, const struct watch *watch, lubdub_duration for_so_long);

void tell_flapping(struct lubdub_register *reg, const struct known *known, unsigned count, uint64_t over_ms);
void tell_outage(struct lubdub_register *reg, const struct outage_burst *burst);

#endif
