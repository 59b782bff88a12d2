/* The kernel's table of this process' descriptors. */
#ifndef LUBDUB_PROGRAM_PROCESS_DESCRIPTOR_TABLE_H
#define LUBDUB_PROGRAM_PROCESS_DESCRIPTOR_TABLE_H

/*
 * Makes room in it for all descriptors that may be opened, at most 64 Ki. For a program that will have thousands of
 * sockets and more than one thread, to be called while there is one. A failure is no error: the table then grows when
 * it has to.
 */
void lubdub_descriptor_table_reserve(void);

#endif
