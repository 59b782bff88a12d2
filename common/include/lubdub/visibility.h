/* Marks the functions that a shared library shows to its users; everything else stays hidden. */
#ifndef LUBDUB_VISIBILITY_H
#define LUBDUB_VISIBILITY_H

#if defined(__GNUC__)
#define LUBDUB_API __attribute__((visibility("default")))
#else
#define LUBDUB_API
#endif

#endif
