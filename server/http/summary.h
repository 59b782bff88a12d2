/* All at a glance, as JSON: what is up, what happened lately, what needs attention. */
#ifndef LUBDUB_SERVER_HTTP_SUMMARY_H
#define LUBDUB_SERVER_HTTP_SUMMARY_H

#include "server/http/source.h"
#include "server/http/text.h"

#define SUMMARY_ATTENTION 200 /* entries that are written; the count is of all */

void summary_write(const struct source *source, struct text *text);

/* The few numbers that a stream of events tells each second. */
void summary_write_tick(const struct source *source, struct text *text);

#endif
