/* HOST:PORT as people write it: what is taken can be written and read again, and a refusal touches nothing. */
#include <string.h>

#include "fuzz.h"
#include "program/settings/hostport.h"

static bool is_same(const struct lubdub_hostport *one, const struct lubdub_hostport *other)
{
    return one->port == other->port && strcmp(one->host, other->host) == 0;
}

/* The first byte says whether the port may be left out; the rest is the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint16_t default_port = (fuzz_byte(&input) & 1) != 0 ? 3333 : 0;
    struct lubdub_hostport untouched = {.host = "before", .port = 1};
    struct lubdub_hostport hostport = untouched;
    char text[LUBDUB_HOSTPORT_TEXT_SIZE];
    char *copy = malloc(input.left + 1);
    const char *wrong;

    CHECK(copy != NULL);
    memcpy(copy, input.bytes, input.left);
    copy[input.left] = '\0';
    wrong = lubdub_hostport_parse(copy, default_port, &hostport);
    free(copy);
    if (wrong != NULL) {
        CHECK(strlen(wrong) > 0 && is_same(&hostport, &untouched));
        return 0;
    }
    CHECK(hostport.port != 0 && strlen(hostport.host) >= 1 && strlen(hostport.host) <= LUBDUB_HOST_LENGTH_MAX);
    CHECK(strpbrk(hostport.host, " \t\r\n[]") == NULL);
    CHECK(lubdub_hostport_format(&hostport, text) == text && strlen(text) < sizeof text);
    untouched = hostport;
    memset(&hostport, 0, sizeof hostport);
    CHECK(lubdub_hostport_parse(text, 0, &hostport) == NULL && is_same(&hostport, &untouched));
    return 0;
}
