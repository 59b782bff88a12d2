/* Judges the value of an option --redis, for every program that has one. Built without Redis, it says so. */
#ifndef LUBDUB_SERVER_PRESENCE_URL_SETTING_H
#define LUBDUB_SERVER_PRESENCE_URL_SETTING_H

#include "server/presence/url.h"

/* For lubdub_setting.take: NULL, or a phrase that ends the sentence. */
static inline const char *presence_url_judge(const char *value, void *field)
{
#ifdef LUBDUB_WITH_REDIS
    struct presence_url url;
    (void)field;

    return presence_url_parse(value, &url);
#else
    (void)value, (void)field;
    return "is not built in (LUBDUB_REDIS was off)";
#endif
}

#endif
