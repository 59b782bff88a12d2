/* The header of a proxy: the verdict on a part is kept by the whole, and no byte behind the header matters. */
#include <string.h>

#include "fuzz.h"
#include "server/library/proxy_header.h"

static bool is_same(const struct lubdub_proxy_header *one, const struct lubdub_proxy_header *other)
{
    return one->length == other->length && one->fault == other->fault;
}

static void check(enum lubdub_proxy_header_result result, const struct lubdub_proxy_header *header, size_t length)
{
    switch (result) {
    case LUBDUB_PROXY_HEADER_IS_SHORT:
        CHECK(header->length > length && header->length <= LUBDUB_PROXY_HEADER_LIMIT);
        return;
    case LUBDUB_PROXY_HEADER_CLIENT:
    case LUBDUB_PROXY_HEADER_UNKNOWN:
    case LUBDUB_PROXY_HEADER_LOCAL:
        CHECK(header->length >= 16 && header->length <= length && header->length <= LUBDUB_PROXY_HEADER_LIMIT);
        return;
    case LUBDUB_PROXY_HEADER_WRONG:
        CHECK(header->fault != NULL && strlen(header->fault) > 0);
        return;
    }
    FAIL("a result that does not exist");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lubdub_proxy_header whole = {0};
    struct lubdub_proxy_header part = {0};
    enum lubdub_proxy_header_result result = lubdub_proxy_header_read(data, size, &whole);
    size_t length;

    check(result, &whole, size);
    if (result != LUBDUB_PROXY_HEADER_IS_SHORT && result != LUBDUB_PROXY_HEADER_WRONG) {
        CHECK(lubdub_proxy_header_read(data, whole.length, &part) == result && is_same(&whole, &part));
        CHECK(memcmp(&whole.address, &part.address, sizeof whole.address) == 0 || result != LUBDUB_PROXY_HEADER_CLIENT);
    }
    /* As a server reads: no further than is asked for. */
    for (length = 0; length < size;) {
        enum lubdub_proxy_header_result so_far = lubdub_proxy_header_read(data, length, &part);

        check(so_far, &part, length);
        if (so_far != LUBDUB_PROXY_HEADER_IS_SHORT) {
            CHECK(so_far == result);
            return 0;
        }
        CHECK(part.length > length);
        length = part.length;
    }
    return 0;
}
