/* Tells the register's own time, and the grace of what it watches. */
#include "server/register/state.h"

lubdub_time register_clock(const struct lubdub_register *reg, lubdub_time now)
{
    return now - reg->absence;
}

lubdub_duration register_grace_of(const struct lubdub_register *reg, const struct watch *watch)
{
    if (watch != NULL && watch->line->grace != LUBDUB_TIME_NEVER) {
        return watch->line->grace;
    }
    return reg->grace > 0 ? reg->grace : REGISTER_GRACE;
}
