/* Writes the peer's frames and hands them to the session. */
#include "script.h"

void say(struct endpoint *endpoint, unsigned type, unsigned flags, uint64_t sequence, const void *content,
         size_t length)
{
    struct wire_bytes bytes = {0};

    wire_bytes_put_frame(&bytes, type, flags, sequence, content, length);
    endpoint_receive(endpoint, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
}

void say_text(struct endpoint *endpoint, unsigned type, uint64_t sequence, const char *content)
{
    size_t length = 0;

    while (content[length] != '\0') {
        length++;
    }
    say(endpoint, type, 0, sequence, content, length);
}

void say_welcome(struct endpoint *endpoint, unsigned flags, uint64_t session_number, uint32_t interval_ms,
                 uint32_t expiry_ms)
{
    struct wire_bytes options = {0};

    if (interval_ms > 0) {
        wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, interval_ms);
    }
    if (expiry_ms > 0) {
        wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, expiry_ms);
    }
    say(endpoint, LUBDUB_FRAME_WELCOME, flags, session_number, options.data, options.length);
    wire_bytes_clear(&options);
}

void say_probes(struct endpoint *endpoint, uint64_t first, uint64_t last)
{
    struct wire_bytes bytes = {0};

    for (; first <= last; first++) {
        wire_bytes_put_frame(&bytes, LUBDUB_FRAME_PROBE, 0, first, NULL, 0);
    }
    endpoint_receive(endpoint, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
}

void script_server_open(struct endpoint *server)
{
    struct wire_bytes options = {0};

    endpoint_open(server);
    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, "pump-7", 6);
    say_hello(server, 1, &options);
    wire_bytes_clear(&options);
    expect_event(server, HELLO);
    expect_frame(server, WELCOME);
    expect_state(server, UP);
}

void script_server_up(struct endpoint *server)
{
    endpoint_init(server, LUBDUB_ROLE_SERVER);
    script_server_open(server);
}

void script_client_open(struct endpoint *client)
{
    endpoint_open(client);
    expect_frame(client, HELLO);
    say_welcome(client, 0, SCRIPT_SESSION_NUMBER, 1000, 3000);
    expect_event(client, UP);
    expect_frame(client, PROBE);
    expect_state(client, UP);
}

void script_client_up(struct endpoint *client)
{
    endpoint_init(client, LUBDUB_ROLE_CLIENT);
    script_client_open(client);
}
