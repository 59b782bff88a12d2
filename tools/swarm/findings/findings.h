/* All that a run found out, and how it ended: filled by the run, read by the report. Pure. */
#ifndef LUBDUB_SWARM_FINDINGS_FINDINGS_H
#define LUBDUB_SWARM_FINDINGS_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "swarm/findings/bound.h"
#include "swarm/findings/ledger.h"
#include "swarm/findings/measures.h"
#include "swarm/findings/timeline.h"

#define SWARM_NOTE_LIMIT 16
#define SWARM_NOTE_SIZE 256
#define SWARM_PROBLEM_SIZE 512

struct swarm_findings {
    lubdub_time began_at;
    bool has_server;    /* of our own, which tells what it notices */
    bool has_bad_paths; /* some were worse than others by order */

    struct swarm_ledger ledger;
    struct swarm_timeline timeline;
    struct swarm_measures measures;
    struct swarm_timing timing;

    char notes[SWARM_NOTE_LIMIT][SWARM_NOTE_SIZE]; /* sentences for the report */
    size_t note_count;

    /* how it ended */
    int interrupted_by; /* a signal, or 0 */
    bool is_server_lost;
    bool is_worker_lost;              /* a process of the swarm, or of its network, died, and not by our hand */
    bool is_overloaded;               /* clients were lost as fast as they came: it ended with what it had */
    char problem[SWARM_PROBLEM_SIZE]; /* why it could not start */
};

/* Adds a sentence to the notes, as long as there is room for one. */
void swarm_findings_note(struct swarm_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says why it could not start. Returns false, for its caller to return. */
bool swarm_findings_fail(struct swarm_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void swarm_findings_clear(struct swarm_findings *findings);

#endif
