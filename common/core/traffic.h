/* Counts frames and bytes that sessions exchange (struct lubdub_traffic, session.h). One thread adds, any may read. */
#ifndef LUBDUB_CORE_TRAFFIC_H
#define LUBDUB_CORE_TRAFFIC_H

#include <lubdub/session.h>

/* traffic NULL: it is not counted. */
void lubdub_traffic_add_received(struct lubdub_traffic *traffic, unsigned type, size_t content_length);
void lubdub_traffic_add_sent(struct lubdub_traffic *traffic, unsigned type, size_t content_length);

#endif
