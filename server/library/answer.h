/* Declares what the application answers about a client that wants to become a session. */
#ifndef LUBDUB_SERVER_LIBRARY_ANSWER_H
#define LUBDUB_SERVER_LIBRARY_ANSWER_H

#include <stdbool.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>
#include <lubdub/time.h>

struct lubdub_answer {
    uint64_t request;
    bool is_given;
    bool accepts;
    lubdub_duration interval; /* accepts: 0: as it was asked for */
    lubdub_duration expiry;
    enum lubdub_reason reason; /* refuses */
    char text[LUBDUB_TEXT_LIMIT + 1];
};

#endif
