/*
 * What a program sets right about its process before anything else, whoever started it.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_STANDARD_STREAMS_H
#define LUBDUB_PROGRAM_PROCESS_STANDARD_STREAMS_H

/*
 * The first call in main:
 *  - descriptors 0, 1 and 2 that are closed are opened on /dev/null, so that no socket gets their number and data for
 *    one of them never reaches a peer;
 *  - SIGPIPE is ignored (also in children that are started without setting it back);
 *  - the limit of open descriptors is raised as far as it may be (a failure of this is no error).
 * Returns 0, or an errno where /dev/null could not be opened: then nothing should be started.
 */
int lubdub_standard_streams_prepare(void);

#endif
