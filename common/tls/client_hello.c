/* Finds the end of a ClientHello (RFC 8446, 4.1.2 and 5.1), which may be spread over several records. */
#include "tls/client_hello.h"

#include <stdbool.h>
#include <string.h>

#define RECORD_HEADER 5
#define RECORD_HANDSHAKE 22
#define MAJOR_VERSION 3 /* of every record since SSL 3.0 */
#define HANDSHAKE_HEADER 4
#define HANDSHAKE_CLIENT_HELLO 1

static bool begins_with(const uint8_t *bytes, size_t length, const char *text)
{
    size_t size = strlen(text);

    return memcmp(bytes, text, length < size ? length : size) == 0;
}

static enum lubdub_client_hello judge_plain(const uint8_t *bytes, size_t length)
{
    static const char *const methods[] = {"GET ", "HEAD ", "POST ", "PUT ", "OPTIONS ", "CONNECT "};
    size_t i;

    if (begins_with(bytes, length, "LD")) {
        return LUBDUB_CLIENT_HELLO_PLAIN;
    }
    for (i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (begins_with(bytes, length, methods[i])) {
            return LUBDUB_CLIENT_HELLO_HTTP;
        }
    }
    return LUBDUB_CLIENT_HELLO_UNKNOWN;
}

static size_t get16(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* The bytes of a message are put together from its records, as far as its header goes: then its length is known. */
struct message {
    uint8_t header[HANDSHAKE_HEADER];
    size_t length; /* of what came of it, with the header */
};

static void add(struct message *message, const uint8_t *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length && message->length + i < HANDSHAKE_HEADER; i++) {
        message->header[message->length + i] = bytes[i];
    }
    message->length += length;
}

static size_t whole_length(const struct message *message)
{
    return HANDSHAKE_HEADER + ((size_t)message->header[1] << 16 | get16(message->header + 2));
}

enum lubdub_client_hello lubdub_client_hello_judge(const uint8_t *bytes, size_t length)
{
    struct message message = {.length = 0};
    size_t at = 0;

    if (length == 0) {
        return LUBDUB_CLIENT_HELLO_PART;
    }
    if (bytes[0] != RECORD_HANDSHAKE) {
        return judge_plain(bytes, length);
    }
    while (at < length) {
        size_t here = length - at;
        size_t size;

        if (bytes[at] != RECORD_HANDSHAKE || (here > 1 && bytes[at + 1] != MAJOR_VERSION)) {
            return LUBDUB_CLIENT_HELLO_UNKNOWN;
        }
        if (here < RECORD_HEADER) {
            break;
        }
        size = get16(bytes + at + 3);
        if (size == 0) {
            return LUBDUB_CLIENT_HELLO_UNKNOWN;
        }
        here -= RECORD_HEADER;
        add(&message, bytes + at + RECORD_HEADER, here < size ? here : size);
        if (message.length > 0 && message.header[0] != HANDSHAKE_CLIENT_HELLO) {
            return LUBDUB_CLIENT_HELLO_UNKNOWN;
        }
        if (message.length >= HANDSHAKE_HEADER && whole_length(&message) > LUBDUB_CLIENT_HELLO_LIMIT) {
            return LUBDUB_CLIENT_HELLO_TOO_LONG;
        }
        if (message.length >= HANDSHAKE_HEADER && message.length >= whole_length(&message)) {
            return LUBDUB_CLIENT_HELLO_WHOLE;
        }
        if (here < size) {
            break;
        }
        at += RECORD_HEADER + size;
    }
    return length >= LUBDUB_CLIENT_HELLO_LIMIT ? LUBDUB_CLIENT_HELLO_TOO_LONG : LUBDUB_CLIENT_HELLO_PART;
}
