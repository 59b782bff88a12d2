/* The session of a client: whatever a server sends, and whenever. */
#include "orders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory_session memory;
    struct fuzz_input input = {data, size};
    struct orders_peer peer = {0};

    memory_session_prepare(&memory, LUBDUB_ROLE_CLIENT);
    orders_settings(&memory.settings, &input);
    memory_session_open(&memory);
    orders_follow(&memory, &peer, &input);
    memory_session_finish(&memory);
    return 0;
}
