/* Those that need attention, the gravest first: missing, late, critical, flapping, away. */
#ifndef LUBDUB_SERVER_HTTP_ATTENTION_H
#define LUBDUB_SERVER_HTTP_ATTENTION_H

#include <stddef.h>

#include "server/http/source.h"
#include "server/http/text.h"

struct register_summary;

/* Writes an array of `most` objects at most. */
void attention_write(const struct source *source, const struct register_summary *summary, size_t most,
                     struct text *text);

#endif
