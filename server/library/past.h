/* Holds what is known of an identity's or an address's last session when the next one begins. */
#ifndef LUBDUB_SERVER_LIBRARY_PAST_H
#define LUBDUB_SERVER_LIBRARY_PAST_H

#include <stdbool.h>

#include <lubdub/cause.h>
#include <lubdub/time.h>

/* Zeroed: nothing. */
struct lubdub_past {
    enum lubdub_cause last_end;
    bool is_resumed;
};

#endif
