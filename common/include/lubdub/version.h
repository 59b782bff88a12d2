/* The version of the toolkit and of the protocol that it speaks. */
#ifndef LUBDUB_VERSION_H
#define LUBDUB_VERSION_H

#define LUBDUB_VERSION "0.1.0"
#define LUBDUB_PROTOCOL_VERSION 1
#define LUBDUB_DEFAULT_PORT 3333

#endif
