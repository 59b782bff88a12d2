/* From a member to the struct around it. */
#ifndef LUBDUB_EV_CONTAINER_OF_H
#define LUBDUB_EV_CONTAINER_OF_H

#include <stddef.h>

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
