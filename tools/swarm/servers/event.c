/* Reads JSON lines with jansson. */
#include "swarm/servers/event.h"

#include <jansson.h>
#include <string.h>

#include "program/settings/parse.h"

#include "swarm/orders/identity.h"

static enum swarm_server_event_kind kind_of(const char *word)
{
    static const char *const words[] = {"listening", "connected", "disconnected", "late", "dropped"};
    int i;

    for (i = 0; i < SWARM_SERVER_OTHER && strcmp(word, words[i]) != 0; i++) {
    }
    return (enum swarm_server_event_kind)i;
}

static enum lubdub_cause cause_of(const char *word)
{
    int cause;

    for (cause = LUBDUB_CAUSE_SHUTDOWN; cause > LUBDUB_CAUSE_NONE; cause--) {
        if (strcmp(word, lubdub_cause_word((enum lubdub_cause)cause)) == 0) {
            break;
        }
    }
    return (enum lubdub_cause)cause;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));

    return number > 0 ? (uint64_t)number : 0;
}

static bool client_of(const char *identity, uint32_t *client)
{
    const size_t prefix_length = sizeof SWARM_IDENTITY_PREFIX - 1;
    uint64_t number;

    if (strncmp(identity, SWARM_IDENTITY_PREFIX, prefix_length) != 0 ||
        lubdub_parse_count(identity + prefix_length, &number) != LUBDUB_PARSE_OK || number > UINT32_MAX) {
        return false;
    }
    *client = (uint32_t)number;
    return true;
}

bool swarm_server_event_parse(struct swarm_server_event *event, const char *line, size_t length)
{
    json_t *object = json_loadb(line, length, 0, NULL);
    const char *word = text_of(object, "event");
    bool is_event = *word != '\0';
    uint64_t deadline;

    memset(event, 0, sizeof *event);
    event->kind = kind_of(word);
    event->at = number_of(object, "mono_ns");
    event->session = number_of(object, "session");
    event->has_client = client_of(text_of(object, "id"), &event->client);
    event->cause = cause_of(text_of(object, "cause"));
    event->count = number_of(object, "count");
    deadline = number_of(object, "deadline_ns");
    event->has_deadline = deadline != 0;
    event->late_by = deadline != 0 ? (int64_t)(event->at - deadline) : 0;
    json_decref(object);
    return is_event;
}
