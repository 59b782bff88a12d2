/* The examples of tests/vectors, played. README.md there tells the format. */
#define _POSIX_C_SOURCE 200809L

#include "support/assert_frame.h"
#include "support/endpoint.h"
#include "support/test.h"
#include "support/words.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_VECTORS 400
#define MOST_LINES 120
#define LINE_LENGTH 512

struct vector {
    char *name;
    char *file;
    int first_line;
    int line_numbers[MOST_LINES];
    char *lines[MOST_LINES];
    size_t line_count;
};

static struct vector *vectors[MOST_VECTORS];
static struct CMUnitTest tests[MOST_VECTORS];
static size_t vector_count;

/* ---- one vector on the stage ---- */

struct play {
    const struct vector *vector;
    size_t line;
    struct endpoint endpoint;
    enum lubdub_role role;
    bool is_open;
    struct lubdub_frame said; /* by the last "says" */
};

static void stop(const struct play *play, const char *what)
{
    print_error("%s:%d: %s: %s\n", play->vector->file, play->vector->line_numbers[play->line],
                play->vector->lines[play->line], what);
    event_log_print(&play->endpoint.events, play->endpoint.name);
    fail();
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads "4c44 01 x3 "text" (remark)" and adds it to bytes. */
static void parse_bytes(const struct play *play, const char *text, struct wire_bytes *bytes)
{
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
        } else if (*text == '(') {
            text += strcspn(text, ")");
            text += *text == ')';
        } else if (*text == '"') {
            size_t length = strcspn(text + 1, "\"");

            wire_bytes_put(bytes, text + 1, length);
            text += length + 1 + (text[length + 1] == '"');
        } else if (*text == 'x' && bytes->length > 0) {
            char *end;
            unsigned long count = strtoul(text + 1, &end, 10);
            uint8_t last = bytes->data[bytes->length - 1];

            while (count-- > 1) {
                wire_bytes_put(bytes, &last, 1);
            }
            text = end;
        } else if (hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0) {
            uint8_t byte = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));

            wire_bytes_put(bytes, &byte, 1);
            text += 2;
        } else {
            stop(play, "these are no bytes");
        }
    }
}

static bool starts_with(const char *line, const char *start, const char **rest)
{
    size_t length = strlen(start);

    if (strncmp(line, start, length) != 0) {
        return false;
    }
    *rest = line + length;
    return true;
}

/* The session begins with the first line that needs it, after all the settings. */
static void begin(struct play *play)
{
    if (!play->is_open) {
        play->is_open = true;
        endpoint_open(&play->endpoint);
    }
}

static void set(struct play *play, const char *rest)
{
    struct lubdub_session_settings *settings = &play->endpoint.settings;
    char name[32];
    int end = 0;
    const char *value;
    uint64_t number;

    if (sscanf(rest, "%31s %n", name, &end) != 1) {
        stop(play, "a setting has a name");
    }
    value = rest + end;
    number = strtoull(value, NULL, 10);
    if (strcmp(name, "max_content") == 0) {
        settings->max_content = (size_t)number;
    } else if (strcmp(name, "message_rate") == 0) {
        settings->message_rate = (uint32_t)number;
    } else if (strcmp(name, "message_burst") == 0) {
        settings->message_burst = (uint32_t)number;
    } else if (strcmp(name, "interval_limit_ms") == 0) {
        settings->interval_limit = number * LUBDUB_MILLISECOND;
    } else if (strcmp(name, "requires_hello") == 0) {
        settings->requires_hello = number != 0;
    } else if (strcmp(name, "stays_connected") == 0) {
        settings->stays_connected = number != 0;
    } else if (strcmp(name, "interval_ms") == 0) {
        settings->interval = number * LUBDUB_MILLISECOND;
    } else if (strcmp(name, "expiry_ms") == 0) {
        settings->expiry = number * LUBDUB_MILLISECOND;
    } else if (strcmp(name, "timeout_ms") == 0) {
        settings->timeout = number * LUBDUB_MILLISECOND;
    } else if (strcmp(name, "handshake_ms") == 0) {
        settings->handshake_timeout = number * LUBDUB_MILLISECOND;
    } else if (strcmp(name, "incarnation") == 0) {
        settings->incarnation = number;
    } else if (strcmp(name, "identity") == 0) {
        settings->identity = (struct lubdub_slice){value, strlen(value)};
    } else if (strcmp(name, "content") == 0) {
        settings->content = (struct lubdub_slice){value, strlen(value)};
    } else if (strcmp(name, "agent") == 0) {
        settings->agent = (struct lubdub_slice){value, strlen(value)};
    } else {
        stop(play, "there is no such setting");
    }
}

static void grant(struct play *play, const char *rest)
{
    uint64_t number;
    uint64_t interval_ms;
    uint64_t expiry_ms;

    if (sscanf(rest, "%" SCNu64 " %" SCNu64 " %" SCNu64, &number, &interval_ms, &expiry_ms) != 3) {
        stop(play, "a grant has three numbers");
    }
    play->endpoint.grant.session_number = number;
    play->endpoint.grant.interval = interval_ms * LUBDUB_MILLISECOND;
    play->endpoint.grant.expiry = expiry_ms * LUBDUB_MILLISECOND;
    if (play->is_open) {
        assert_int_equal(endpoint_grant(&play->endpoint, &play->endpoint.grant), LUBDUB_ERROR_OK);
    }
}

static void expect_bytes(struct play *play, const struct wire_bytes *expected)
{
    struct endpoint *endpoint = &play->endpoint;
    const uint8_t *actual = endpoint->written.data + endpoint->written_read;
    size_t left = endpoint->written.length - endpoint->written_read;
    size_t i;

    for (i = 0; i < expected->length; i++) {
        if (i >= left || actual[i] != expected->data[i]) {
            char what[120];

            snprintf(what, sizeof what, "byte %zu of %zu is another, or was not written", i, expected->length);
            stop(play, what);
        }
    }
    endpoint->written_read += expected->length;
}

static void bytes_line(struct play *play, enum lubdub_role writer, const char *rest)
{
    struct wire_bytes bytes = {0};

    parse_bytes(play, rest, &bytes);
    begin(play);
    if (writer == play->role) {
        expect_bytes(play, &bytes);
    } else {
        endpoint_receive(&play->endpoint, bytes.data, bytes.length);
    }
    wire_bytes_clear(&bytes);
}

static void says_line(struct play *play, const char *rest)
{
    char type[16];
    uint64_t sequence;
    unsigned flags;
    unsigned i;

    if (sscanf(rest, "%15s sequence %" SCNu64 " flags %u", type, &sequence, &flags) != 3) {
        stop(play, "says TYPE sequence N flags N");
    }
    begin(play);
    for (i = 1; i <= 6 && strcmp(type, frame_type_word(i)) != 0; i++) {
    }
    play->said = endpoint_next_frame(&play->endpoint, i, play->vector->file, play->vector->line_numbers[play->line]);
    if (play->said.sequence != sequence || play->said.flags != flags) {
        char words[WORDS_LENGTH];

        stop(play, frame_in_words(&play->said, words));
    }
}

static void option_line(struct play *play, const char *rest)
{
    struct wire_bytes value = {0};
    char *end;
    unsigned long tag = strtoul(rest, &end, 10);
    size_t at = 0;

    parse_bytes(play, end, &value);
    while (at + 3 <= play->said.length) {
        const uint8_t *option = play->said.content + at;
        size_t length = (size_t)(option[1] << 8 | option[2]);

        if (option[0] == tag) {
            if (length != value.length || memcmp(option + 3, value.data, length) != 0) {
                stop(play, "the option has another value");
            }
            wire_bytes_clear(&value);
            return;
        }
        at += 3 + length;
    }
    stop(play, "the option is not there");
}

static void event_line(struct play *play, const char *rest)
{
    const struct lubdub_event *event;
    char kind[32];
    char detail[64] = "";
    unsigned reason = 0;
    int words = sscanf(rest, "%31s %63s %u", kind, detail, &reason);
    unsigned i;

    begin(play);
    for (i = LUBDUB_EVENT_HELLO; i <= LUBDUB_EVENT_DOWN; i++) {
        if (strcmp(kind, event_kind_word((enum lubdub_event_kind)i)) == 0) {
            break;
        }
    }
    event = endpoint_next_event(&play->endpoint, (enum lubdub_event_kind)i, play->vector->file,
                                play->vector->line_numbers[play->line]);
    if (event->kind == LUBDUB_EVENT_DOWN && (strcmp(detail, lubdub_cause_word(event->cause)) != 0 ||
                                             event->has_reason != (words == 3) || event->reason_code != reason)) {
        char in_words[WORDS_LENGTH];

        stop(play, event_in_words(event, in_words));
    }
    if (event->kind == LUBDUB_EVENT_ACKED && event->sequence != strtoull(detail, NULL, 10)) {
        stop(play, "another probe was acknowledged");
    }
    if (event->kind == LUBDUB_EVENT_MESSAGE) {
        struct wire_bytes expected = {0};

        parse_bytes(play, detail, &expected);
        if (event->length != expected.length ||
            (expected.length > 0 && memcmp(event->content, expected.data, expected.length) != 0)) {
            stop(play, "the message says something else");
        }
        wire_bytes_clear(&expected);
    }
}

static void play_line(struct play *play)
{
    const char *line = play->vector->lines[play->line];
    const char *rest;

    if (starts_with(line, "set ", &rest)) {
        set(play, rest);
    } else if (starts_with(line, "grant ", &rest)) {
        grant(play, rest);
    } else if (starts_with(line, "refuse ", &rest)) {
        play->endpoint.refuses_with = atoi(rest);
    } else if (starts_with(line, "client: ", &rest)) {
        bytes_line(play, LUBDUB_ROLE_CLIENT, rest);
    } else if (starts_with(line, "server: ", &rest)) {
        bytes_line(play, LUBDUB_ROLE_SERVER, rest);
    } else if (starts_with(line, "client says ", &rest) || starts_with(line, "server says ", &rest)) {
        says_line(play, rest);
    } else if (starts_with(line, "option ", &rest)) {
        option_line(play, rest);
    } else if (starts_with(line, "event ", &rest)) {
        event_line(play, rest);
    } else if (starts_with(line, "wait ", &rest)) {
        begin(play);
        expect_no_event(&play->endpoint);
        expect_no_frame(&play->endpoint);
        endpoint_advance(&play->endpoint, strtoull(rest, NULL, 10) * LUBDUB_MILLISECOND);
    } else if (strstr(line, " closes") != NULL) {
        endpoint_receive_end(&play->endpoint, LUBDUB_CAUSE_CLOSED);
    } else if (strstr(line, " resets") != NULL) {
        endpoint_receive_end(&play->endpoint, LUBDUB_CAUSE_RESET);
    } else if (starts_with(line, "state ", &rest)) {
        if (strcmp(rest, session_state_word(endpoint_state(&play->endpoint))) != 0) {
            stop(play, session_state_word(endpoint_state(&play->endpoint)));
        }
    } else {
        stop(play, "this line means nothing");
    }
}

static void play_vector(void **state)
{
    const struct vector *vector = *state;
    enum split split;

    for (split = SPLIT_WHOLE; split <= SPLIT_RANDOM; split++) {
        struct play play = {.vector = vector};

        if (vector->line_count == 0 || strncmp(vector->lines[0], "role ", 5) != 0) {
            print_error("%s:%d: the first line tells the role\n", vector->file, vector->first_line);
            fail();
        }
        play.role = strcmp(vector->lines[0] + 5, "server") == 0 ? LUBDUB_ROLE_SERVER : LUBDUB_ROLE_CLIENT;
        endpoint_init(&play.endpoint, play.role);
        play.endpoint.split = split;
        play.endpoint.random = 1;
        for (play.line = 1; play.line < vector->line_count; play.line++) {
            play_line(&play);
        }
        expect_no_event(&play.endpoint);
        expect_no_frame(&play.endpoint);
        endpoint_clear(&play.endpoint);
    }
}

/* ---- reading them ---- */

static char *copied(const char *text)
{
    char *copy = malloc(strlen(text) + 1);

    if (copy == NULL) {
        abort();
    }
    strcpy(copy, text);
    return copy;
}

static struct vector *new_vector(const char *name, const char *file, int line)
{
    struct vector *vector = calloc(1, sizeof *vector);

    if (vector == NULL || vector_count == MOST_VECTORS) {
        abort();
    }
    vector->name = copied(name);
    vector->file = copied(file);
    vector->first_line = line;
    tests[vector_count] = (struct CMUnitTest){.name = vector->name, .test_func = play_vector, .initial_state = vector};
    vectors[vector_count++] = vector;
    return vector;
}

/* One that is indented further goes on with the line before. */
static void add_line(struct vector *vector, const char *text, int number)
{
    if (text[0] == ' ' && vector->line_count > 0) {
        char **last = &vector->lines[vector->line_count - 1];

        *last = realloc(*last, strlen(*last) + strlen(text) + 1);
        if (*last == NULL) {
            abort();
        }
        strcat(*last, text);
        return;
    }
    if (vector->line_count == MOST_LINES) {
        abort();
    }
    vector->line_numbers[vector->line_count] = number;
    vector->lines[vector->line_count++] = copied(text);
}

static void read_file(const char *file)
{
    char path[1024];
    char text[LINE_LENGTH];
    struct vector *vector = NULL;
    FILE *stream;
    int number = 0;

    snprintf(path, sizeof path, "%s/%s", LUBDUB_VECTORS_DIR, file);
    stream = fopen(path, "r");
    if (stream == NULL) {
        perror(path);
        exit(1);
    }
    while (fgets(text, sizeof text, stream) != NULL) {
        size_t length = strcspn(text, "\n");

        number++;
        text[length] = '\0';
        while (length > 0 && text[length - 1] == ' ') {
            text[--length] = '\0';
        }
        if (strncmp(text, "## ", 3) == 0) {
            vector = new_vector(text + 3, file, number);
        } else if (strncmp(text, "    ", 4) == 0 && vector != NULL) {
            add_line(vector, text + 4, number);
        }
    }
    fclose(stream);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void read_directory(void)
{
    DIR *directory = opendir(LUBDUB_VECTORS_DIR);
    const struct dirent *entry;
    char *names[64];
    size_t count = 0;
    size_t i;

    if (directory == NULL) {
        perror(LUBDUB_VECTORS_DIR);
        exit(1);
    }
    while ((entry = readdir(directory)) != NULL && count < COUNT_OF(names)) {
        size_t length = strlen(entry->d_name);

        if (length > 3 && strcmp(entry->d_name + length - 3, ".md") == 0 && strcmp(entry->d_name, "README.md") != 0) {
            names[count++] = copied(entry->d_name);
        }
    }
    closedir(directory);
    qsort(names, count, sizeof names[0], by_name);
    for (i = 0; i < count; i++) {
        read_file(names[i]);
        free(names[i]);
    }
}

int main(void)
{
    int failures;
    size_t i;
    size_t k;

    read_directory();
    if (vector_count == 0) {
        fprintf(stderr, "there are no vectors in %s\n", LUBDUB_VECTORS_DIR);
        return 1;
    }
    failures = _cmocka_run_group_tests("vectors", tests, vector_count, NULL, NULL);
    for (i = 0; i < vector_count; i++) {
        for (k = 0; k < vectors[i]->line_count; k++) {
            free(vectors[i]->lines[k]);
        }
        free(vectors[i]->name);
        free(vectors[i]->file);
        free(vectors[i]);
    }
    return failures;
}
