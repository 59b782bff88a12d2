/* Does what lubdub-presence is asked for, over Redis. */
#ifndef LUBDUB_PRESENCE_OVER_REDIS_H
#define LUBDUB_PRESENCE_OVER_REDIS_H

#include "presence/options.h"

/* Returns the exit status; what is wrong stands on standard error. */
int over_redis_run(const struct presence_options *options);

#endif
