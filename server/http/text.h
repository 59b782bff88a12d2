/* Builds a text of any length, and the parts of JSON in it. */
#ifndef LUBDUB_SERVER_HTTP_TEXT_H
#define LUBDUB_SERVER_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct text {
    char *bytes; /* no NUL behind them */
    size_t length;
    size_t room;
    bool has_failed; /* no memory; nothing more is added */
};

void text_clear(struct text *text);

void text_put(struct text *text, const char *bytes, size_t length);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As a string of JSON, in quotes: ASCII only, U+FFFD for NUL and what is no UTF-8. */
void text_json(struct text *text, const char *bytes, size_t length);

/* A member of an object: ,"key":"…" - with the comma, but for the first one behind {. The key is a literal. */
void text_member(struct text *text, const char *key);
void text_member_json(struct text *text, const char *key, const char *bytes, size_t length);
void text_member_word(struct text *text, const char *key, const char *word);
void text_member_number(struct text *text, const char *key, uint64_t number);
void text_member_flag(struct text *text, const char *key, bool flag);

/* RFC 3339 with microseconds. */
void text_member_time(struct text *text, const char *key, uint64_t real_ns);

#endif
