/* Percent-encodes fields, and takes them apart again. */
#include "server/presence/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_words[] = {"up", "late", "away", "gone", "absent", "unknown"};

const char *presence_state_word(enum presence_state state)
{
    return state_words[state];
}

/* ---- writing ---- */

struct writer {
    char *target;
    size_t used;
    bool is_full;
};

static void put_byte(struct writer *writer, char byte)
{
    if (writer->used == PRESENCE_CLAIM_SIZE - 1) {
        writer->is_full = true;
        return;
    }
    writer->target[writer->used++] = byte;
}

static bool is_plain(unsigned char byte)
{
    return byte > ' ' && byte != '%' && byte != ',' && byte != 0x7f;
}

static void put_encoded(struct writer *writer, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t i;

    for (i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (is_plain(byte)) {
            put_byte(writer, (char)byte);
        } else {
            put_byte(writer, '%');
            put_byte(writer, digits[byte >> 4]);
            put_byte(writer, digits[byte & 15]);
        }
    }
}

static void put_text(struct writer *writer, const char *text)
{
    const char *shown = text != NULL && text[0] != '\0' ? text : "-";

    if (writer->used > 0) {
        put_byte(writer, ' ');
    }
    put_encoded(writer, shown, strlen(shown));
}

static void put_number(struct writer *writer, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    put_text(writer, text);
}

static void put_labels(struct writer *writer, const struct lubdub_server_session *session)
{
    size_t i;

    put_byte(writer, ' ');
    if (session->label_count == 0) {
        put_byte(writer, '-');
    }
    for (i = 0; i < session->label_count; i++) {
        if (i > 0) {
            put_byte(writer, ',');
        }
        put_encoded(writer, session->labels[i].key.data, session->labels[i].key.length);
        put_byte(writer, '=');
        put_encoded(writer, session->labels[i].value.data, session->labels[i].value.length);
    }
}

void presence_incarnation(uint64_t incarnation, char target[21])
{
    snprintf(target, 21, "%020" PRIu64, incarnation);
}

size_t presence_claim_write(char target[PRESENCE_CLAIM_SIZE], const struct presence_holder *holder,
                            const struct lubdub_server_session *session, enum presence_state state, uint64_t since_ms)
{
    struct writer writer = {.target = target};
    char incarnation[21];

    presence_incarnation(session->incarnation, incarnation);
    put_text(&writer, holder->node);
    put_text(&writer, holder->boot);
    put_number(&writer, session->session);
    put_text(&writer, incarnation);
    put_text(&writer, holder->proof);
    put_text(&writer, state_words[state]);
    put_number(&writer, since_ms);
    put_text(&writer, lubdub_health_word(session->health));
    put_text(&writer, session->remote);
    put_labels(&writer, session);
    target[writer.used] = '\0';
    return writer.is_full ? 0 : writer.used;
}

/* ---- reading ---- */

static int hex_digit(char letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    return letter >= 'A' && letter <= 'F' ? letter - 'A' + 10 : -1;
}

/* In place. */
static void decode(char *text)
{
    char *from = text;
    char *to = text;

    while (*from != '\0') {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1;
        int low = high >= 0 ? hex_digit(from[2]) : -1;

        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            from += 3;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* The next field of *text, which is cut behind it; NULL: there is none. */
static char *take_field(char **text)
{
    char *field = *text;
    char *blank;

    if (field == NULL || *field == '\0') {
        return NULL;
    }
    blank = strchr(field, ' ');
    if (blank != NULL) {
        *blank = '\0';
    }
    *text = blank != NULL ? blank + 1 : NULL;
    if (strcmp(field, "-") == 0) {
        *field = '\0';
    }
    return field;
}

static bool take_number(char **text, uint64_t *number)
{
    const char *field = take_field(text);
    char *end;

    if (field == NULL || *field < '0' || *field > '9') {
        return false;
    }
    *number = strtoull(field, &end, 10);
    return *end == '\0';
}

static bool take_text(char **text, const char **field)
{
    char *taken = take_field(text);

    *field = taken;
    if (taken != NULL) {
        decode(taken);
    }
    return taken != NULL;
}

static bool take_state(char **text, enum presence_state *state)
{
    const char *field = take_field(text);
    size_t i;

    for (i = 0; field != NULL && i < sizeof state_words / sizeof state_words[0]; i++) {
        if (strcmp(field, state_words[i]) == 0) {
            *state = (enum presence_state)i;
            return true;
        }
    }
    return false;
}

bool presence_claim_read(struct presence_claim *claim, const char *bytes, size_t length)
{
    char *text = claim->text;

    if (length >= sizeof claim->text || memchr(bytes, '\0', length) != NULL) {
        return false;
    }
    memcpy(claim->text, bytes, length);
    claim->text[length] = '\0';
    if (!take_text(&text, &claim->node) || !take_text(&text, &claim->boot) || !take_number(&text, &claim->session) ||
        !take_text(&text, &claim->incarnation) || !take_text(&text, &claim->proof) ||
        !take_state(&text, &claim->state) || !take_number(&text, &claim->since_ms) ||
        !take_text(&text, &claim->health) || !take_text(&text, &claim->address)) {
        return false;
    }
    claim->labels = take_field(&text); /* encoded: a comma in a value is none between two */
    return claim->labels != NULL;
}

bool presence_entry_read(struct presence_entry *entry, const char *bytes, size_t length)
{
    char copy[PRESENCE_ENTRY_SIZE];
    char *text = copy;
    const char *boot;
    const char *state;

    if (length >= sizeof copy || memchr(bytes, '\0', length) != NULL) {
        return false;
    }
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    strcpy(entry->text, copy);
    if (!take_text(&text, &boot) || strlen(boot) >= sizeof entry->boot || !take_number(&text, &entry->counter) ||
        !take_text(&text, &state) || !take_number(&text, &entry->lease_ms)) {
        return false;
    }
    if (!take_number(&text, &entry->sessions)) {
        entry->sessions = 0;
    }
    snprintf(entry->boot, sizeof entry->boot, "%s", boot);
    entry->is_live = strcmp(state, "live") == 0;
    entry->has_left = strcmp(state, "left") == 0;
    entry->is_claiming = text != NULL && strcmp(text, "claiming") == 0;
    return true;
}

bool presence_node_is_valid(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    return length > 0 && name[length] == '\0' && length < PRESENCE_NODE_SIZE;
}
