/* Asks the owner of the register where identities may be beside this server, in a cluster of several. */
#ifndef LUBDUB_SERVER_REGISTER_ELSEWHERE_H
#define LUBDUB_SERVER_REGISTER_ELSEWHERE_H

#include <stdint.h>

#include <lubdub/option.h>

enum register_where {
    REGISTER_NOT_ELSEWHERE,
    REGISTER_ELSEWHERE,
    REGISTER_WHERE_UNKNOWN, /* it may be there: nobody is missing by that */
    REGISTER_WHERE_ASKED,   /* the answer is there in a moment */
};

/*
 * Both are called with the register's lock held, in any thread: they do not wait, and do not call the register. Whoever
 * wants to know asks again and again.
 */
struct register_elsewhere {
    enum register_where (*find)(struct lubdub_slice identity, void *user_data); /* NULL: there is no elsewhere */

    /* here: how many match the pattern here, which is told to the others. *elsewhere: how many match there */
    enum register_where (*find_like)(struct lubdub_slice pattern, uint64_t here, uint64_t *elsewhere, void *user_data);
    void *user_data;
};

#endif
