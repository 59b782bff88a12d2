/* Leads to the HTTP server, if there is one. */
#include "server/program/web_address.h"

#include <stddef.h>

#ifdef LUBDUB_HTTP

#include "server/http/http.h"

const char *web_judge_address(const char *address, void *field)
{
    return http_judge_address(address, field);
}

bool web_is_local(const char *address)
{
    return http_is_local(address);
}

#else

const char *web_judge_address(const char *address, void *field)
{
    (void)address, (void)field;
    return "is not built in (LUBDUB_HTTP)";
}

bool web_is_local(const char *address)
{
    return address != NULL;
}

#endif
