/* One entry of the list: a session, an identity without one, or a pattern that too few have; and its JSON. */
#ifndef LUBDUB_SERVER_HTTP_ENTRY_H
#define LUBDUB_SERVER_HTTP_ENTRY_H

#include "server/http/text.h"
#include "server/register/copies.h"

#include <lubdub/server.h>

enum entry_state {
    ENTRY_MISSING,
    ENTRY_LATE,
    ENTRY_AWAY,
    ENTRY_GONE,
    ENTRY_UP,
    ENTRY_STATES,
};

/* "missing", "late", ... */
const char *entry_state_word(enum entry_state state);

struct entry {
    const struct lubdub_server_session *session; /* NULL: the server library does not know it */
    const struct register_identity *known;       /* NULL: the register does not know it */
};

enum entry_state entry_state(const struct entry *entry);
struct lubdub_slice entry_identity(const struct entry *entry);

/* Whether it has this label; value NULL: any. */
bool entry_has_label(const struct entry *entry, struct lubdub_slice key, const struct lubdub_slice *value);

/* Since when it is in its state, in milliseconds since 1970; 0: not known. */
uint64_t entry_since_ms(const struct entry *entry);

/* As an object; with its ends and the content that told its health, where all is wanted. */
void entry_write(const struct entry *entry, bool wants_all, struct text *text);

#endif
