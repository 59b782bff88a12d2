/* Keeps sentences for the report, and gives the memory of findings back. */
#include "swarm/findings/findings.h"

#include <stdarg.h>
#include <stdio.h>

void swarm_findings_note(struct swarm_findings *findings, const char *format, ...)
{
    va_list arguments;

    if (findings->note_count < SWARM_NOTE_LIMIT) {
        va_start(arguments, format);
        vsnprintf(findings->notes[findings->note_count++], SWARM_NOTE_SIZE, format, arguments);
        va_end(arguments);
    }
}

bool swarm_findings_fail(struct swarm_findings *findings, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(findings->problem, sizeof findings->problem, format, arguments);
    va_end(arguments);
    return false;
}

void swarm_findings_clear(struct swarm_findings *findings)
{
    swarm_ledger_clear(&findings->ledger);
    swarm_timeline_clear(&findings->timeline);
}
