/* Everything that can be counted, in the text format of Prometheus (version 0.0.4). */
#ifndef LUBDUB_SERVER_HTTP_METRICS_H
#define LUBDUB_SERVER_HTTP_METRICS_H

#include "server/http/source.h"
#include "server/http/text.h"

#define METRICS_NAMES 1000 /* expected identities that have a row; no other name that a client chose is in it */

void metrics_write(const struct source *source, struct text *text);

#endif
