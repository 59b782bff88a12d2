/* Where an identity may be beside this node. */
#ifndef LUBDUB_SERVER_PRESENCE_WHERE_H
#define LUBDUB_SERVER_PRESENCE_WHERE_H

enum presence_where {
    PRESENCE_NOT_ELSEWHERE,
    PRESENCE_ELSEWHERE,     /* up at another node that is live */
    PRESENCE_WHERE_UNKNOWN, /* Redis is away, or the node that held it is dead and its grace time is not over */
    PRESENCE_WHERE_ASKED,   /* Redis is being asked: the answer is there in a moment */
};

#endif
