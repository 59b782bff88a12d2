/* Marks the processes as not started, and ends all in the order in which one leans on the other. */
#include "cable_stage.h"

#include <stdlib.h>

#include "support/test.h"

void cable_stage_init(struct cable_stage *stage)
{
    stage->client.errors = stage->client.output = -1;
    stage->server.process.errors = stage->server.process.output = -1;
}

void cable_stage_clear(struct cable_stage *stage)
{
    network_remove(&stage->network);
    event_reader_clear(&stage->client_events);
    process_clear(&stage->client);
    server_process_clear(&stage->server);
}

int cable_stage_set_up(void **state)
{
    struct cable_stage *stage = calloc(1, sizeof *stage);

    assert_non_null(stage);
    cable_stage_init(stage);
    *state = stage;
    return 0;
}

int cable_stage_tear_down(void **state)
{
    cable_stage_clear(*state);
    free(*state);
    return 0;
}
