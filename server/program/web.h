/* The HTTP server of the program; where it was left out when this was built, it says so. */
#ifndef LUBDUB_SERVER_PROGRAM_WEB_H
#define LUBDUB_SERVER_PROGRAM_WEB_H

#include <lubdub/server.h>

#include "program/events/line.h"
#include "server/program/cluster.h"
#include "server/program/hooks.h"
#include "server/program/options.h"
#include "server/program/reporter.h"
#include "server/register/register.h"

struct web;

/* What the pages are about; all is borrowed until web_stop. */
struct web_settings {
    const struct options *options;
    struct lubdub_server *server;
    struct lubdub_register *reg;
    struct reporter *reporter; /* its events go to the readers, too: to be called before the first one */
    struct hooks *hooks;       /* NULL: none */
    struct cluster *cluster;   /* NULL: none */
};

/* Returns 0 or an errno. Does nothing where the options have no address. */
int web_open(struct web **web, const struct web_settings *settings);

/* The settings were read again, to these; or, taken is NULL, could not be. web NULL: does nothing. */
void web_note_reload(struct web *web, const struct options *taken);

/* While the server is there still. NULL does no harm, here and below. */
void web_stop(struct web *web);

/* After the last event was told. */
void web_close(struct web *web);

#endif
