/* Judges the address of the HTTP server; where that was left out when this was built, no address is right. */
#ifndef LUBDUB_SERVER_PROGRAM_WEB_ADDRESS_H
#define LUBDUB_SERVER_PROGRAM_WEB_ADDRESS_H

#include <stdbool.h>

/* For a row of settings. */
const char *web_judge_address(const char *address, void *field);

/* Whether only this machine can reach the address, which was judged. */
bool web_is_local(const char *address);

#endif
