/* Decides which interval and expiry a client is granted; pure. */
#ifndef LUBDUB_SERVER_LIBRARY_ADMISSION_H
#define LUBDUB_SERVER_LIBRARY_ADMISSION_H

#include <lubdub/server.h>

/* The grant for these wishes (0: none), by the limits of the settings (docs/protocol.md, section 4). */
void lubdub_admission_grant(const struct lubdub_server_settings *settings, lubdub_duration interval,
                            lubdub_duration expiry, struct lubdub_grant *grant);

#endif
