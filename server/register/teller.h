/* The function that the register tells its own events to. */
#ifndef LUBDUB_SERVER_REGISTER_TELLER_H
#define LUBDUB_SERVER_REGISTER_TELLER_H

#include "program/events/line.h"

/* Any thread; it must not call the register. */
typedef void (*register_tell)(const struct lubdub_event_line *line, void *user_data);

#endif
