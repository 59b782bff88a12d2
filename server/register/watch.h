/* One line of the list of the expected, and how it is with it. */
#ifndef LUBDUB_SERVER_REGISTER_WATCH_H
#define LUBDUB_SERVER_REGISTER_WATCH_H

#include "server/register/expect_file.h"
#include "server/register/known.h"

struct watch {
    const struct expected *line;
    struct known *known; /* the identity; NULL: a pattern */

    /* of a pattern; an identity has the same of its own */
    uint64_t up;
    uint64_t elsewhere;     /* up at other nodes */
    lubdub_time missing_at; /* LUBDUB_TIME_NEVER: enough are up, or it was told */
    lubdub_time since;      /* too few are up */
    bool is_missing;
};

/* Zeroed: nothing is expected. Owns the file. */
struct watch_list {
    struct expect_file file;
    struct watch *items;
    size_t count;
};

#endif
