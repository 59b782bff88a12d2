/*
 * Tells the version of the toolkit and of the protocol that it speaks.
 *
 * A program that was compiled with the headers of one release runs with the shared libraries of every later release
 * that has the same MAJOR.MINOR, and means the same. So, in these releases:
 *
 * - Names, the meaning and order of fields, numbers of enumerations, and functions stay. New ones may come.
 * - A struct that begins with `size` grows at its end. Its initialiser (settings) or the caller (counts) sets size. The
 *   library reads and writes no more than that. A field that the caller does not know has its default. Where a caller
 *   is newer than the library, fields that the library does not know must be 0, else settings are INVALID.
 * - A struct with `reserved` keeps its size. A new field takes the place of reserved bytes or functions.
 * - A struct that the library allocates and a callback gets a pointer to (lubdub_server_event, lubdub_client_event)
 *   grows at its end. A copy of it has the fields that the program's own header knows.
 * - All other structs stay as they are.
 *
 * Before 1.0 a new MINOR may change all of this, and the shared libraries' names carry it.
 */
#ifndef LUBDUB_VERSION_H
#define LUBDUB_VERSION_H

#define LUBDUB_VERSION "0.1.0"
#define LUBDUB_PROTOCOL_VERSION 1
#define LUBDUB_DEFAULT_PORT 3333

#endif
