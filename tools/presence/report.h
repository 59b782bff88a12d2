/* Writes what a server told, for people. */
#ifndef LUBDUB_PRESENCE_REPORT_H
#define LUBDUB_PRESENCE_REPORT_H

#include <jansson.h>
#include <stdio.h>

/* An entry of a list: "pump-7 up since 2026-11-29 09:54:21, 127.0.0.1:40198, passing, site=north". */
void report_entry(FILE *file, const json_t *entry);

/* The last ends of one, a line each. */
void report_ends(FILE *file, const json_t *entry);

/* An event: "09:54:21 pump-7 disconnected: closed". */
void report_event(FILE *file, const json_t *event);

#endif
