/* Sets the stage for the tests of lubdub-client. */
#include "client_stage.h"

#include <stdarg.h>
#include <stdlib.h>

#include "support/test.h"

int client_stage_set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    server_process_init(&stage->server);
    server_process_init(&stage->other);
    process_init(&stage->client, "LUBDUB_CLIENT");
    scratch_make(&stage->scratch);
    return 0;
}

int client_stage_tear_down(void **state)
{
    struct stage *stage = *state;

    event_reader_clear(&stage->events);
    process_clear(&stage->client);
    server_process_clear(&stage->server);
    server_process_clear(&stage->other);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

void start_client(struct stage *stage, ...)
{
    const char *option;
    va_list options;

    process_add(&stage->client, "--events=json");
    va_start(options, stage);
    while ((option = va_arg(options, const char *)) != NULL) {
        process_add(&stage->client, option);
    }
    va_end(options);
    if (stage->server.port != 0) {
        process_add(&stage->client, stage->server.address);
    }
    process_start(&stage->client);
    event_reader_init(&stage->events, stage->client.output);
}

json_t *expect(struct stage *stage, const char *event)
{
    return expect_event(&stage->events, event, NULL);
}

void expect_status(struct stage *stage, int status)
{
    event_reader_finish(&stage->events);
    assert_int_equal(process_wait(&stage->client), status);
}
