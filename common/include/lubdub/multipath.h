/*
 * Says whether a connection may use several paths (Multipath TCP, RFC 8684). Which paths there are is the system's to
 * say: `ip mptcp endpoint` names the addresses, and both ends must speak it. Where one end, or a box on the way, does
 * not, the connection is plain TCP on one path. docs/guide/two-paths.md shows how two uplinks are set up.
 */
#ifndef LUBDUB_MULTIPATH_H
#define LUBDUB_MULTIPATH_H

#ifdef __cplusplus
extern "C" {
#endif

enum lubdub_multipath {
    LUBDUB_MULTIPATH_OFF,         /* plain TCP; the default */
    LUBDUB_MULTIPATH_IF_POSSIBLE, /* plain TCP where this kernel or the peer does not speak it */
    LUBDUB_MULTIPATH_REQUIRED,    /* no session over plain TCP */
};

#ifdef __cplusplus
}
#endif

#endif
