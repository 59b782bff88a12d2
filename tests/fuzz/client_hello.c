/* The first bytes of a connection: a verdict that more bytes change was "a part so far", and the wait is bounded. */
#include "tls/client_hello.h"
#include "fuzz.h"

/* Which other protocol it is may show later. */
static bool is_other(enum lubdub_client_hello verdict)
{
    return verdict == LUBDUB_CLIENT_HELLO_PLAIN || verdict == LUBDUB_CLIENT_HELLO_HTTP ||
           verdict == LUBDUB_CLIENT_HELLO_UNKNOWN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum lubdub_client_hello last = LUBDUB_CLIENT_HELLO_PART;
    size_t length;

    for (length = 1; length <= size; length += length < 64 ? 1 : 37) {
        enum lubdub_client_hello verdict = lubdub_client_hello_judge(data, length);

        CHECK(verdict <= LUBDUB_CLIENT_HELLO_UNKNOWN);
        CHECK(last == LUBDUB_CLIENT_HELLO_PART || verdict == last || (is_other(last) && is_other(verdict)));
        CHECK(verdict != LUBDUB_CLIENT_HELLO_PART || length < LUBDUB_CLIENT_HELLO_LIMIT);
        last = verdict;
    }
    return 0;
}
