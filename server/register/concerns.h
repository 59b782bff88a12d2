/*
 * The sessions that need attention now: those that are late, and those whose health is not passing. Bounded: of more
 * than CONCERNS the first are kept, and others take their places as they free them.
 */
#ifndef LUBDUB_SERVER_REGISTER_CONCERNS_H
#define LUBDUB_SERVER_REGISTER_CONCERNS_H

#include <lubdub/server.h>

#define CONCERNS 512

struct concern {
    bool is_late;
    enum lubdub_health health;
    uint64_t since_ms; /* 1970; of the last change */
    size_t length;
    char identity[LUBDUB_IDENTITY_LIMIT];
};

/* Zeroed: none. */
struct concerns {
    uint64_t sessions[CONCERNS]; /* of each item, in no order */
    struct concern items[CONCERNS];
    size_t count;
};

/* LATE, RECOVERED, HEALTH and DISCONNECTED change something, other events nothing. */
void concerns_note(struct concerns *concerns, const struct lubdub_server_event *event, uint64_t now_ms);

#endif
