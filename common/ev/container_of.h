/* Gets a pointer to a struct from a pointer to one of its members. */
#ifndef LUBDUB_EV_CONTAINER_OF_H
#define LUBDUB_EV_CONTAINER_OF_H

#include <stddef.h>

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
