/* Keeps the results of a run in lists that grow. */
#include "simulate/world/result.h"

#include <stdlib.h>

static void *grown(void *items, size_t *capacity, size_t size)
{
    *capacity = *capacity > 0 ? *capacity * 2 : 256;
    items = realloc(items, *capacity * size);
    if (items == NULL) {
        abort();
    }
    return items;
}

void sim_detections_add(struct sim_detections *detections, lubdub_duration duration)
{
    if (detections->count == detections->capacity) {
        detections->items = grown(detections->items, &detections->capacity, sizeof *detections->items);
    }
    detections->items[detections->count++] = duration;
}

void sim_trace_add(struct sim_trace *trace, lubdub_time sent_at)
{
    if (trace->count == trace->capacity) {
        trace->beats = grown(trace->beats, &trace->capacity, sizeof *trace->beats);
    }
    trace->beats[trace->count++] = (struct sim_beat){sent_at, LUBDUB_TIME_NEVER, LUBDUB_TIME_NEVER};
}

void sim_trace_clear(struct sim_trace *trace)
{
    free(trace->beats);
    *trace = (struct sim_trace){0};
}

void sim_result_clear(struct sim_result *result)
{
    unsigned observer;
    unsigned kind;

    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        for (kind = 0; kind < 2; kind++) {
            free(result->detections[observer][kind].items);
        }
    }
    *result = (struct sim_result){0};
}
