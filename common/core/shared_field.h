/*
 * Writes and reads fields of a session that one thread, the session's, writes, and any other may read: heard_at,
 * probes_received, interval_ms and expiry_ms of a session that is up. That costs as much as an assignment. A reader
 * gets each field whole; several fields need not be of the same moment.
 */
#ifndef LUBDUB_CORE_SHARED_FIELD_H
#define LUBDUB_CORE_SHARED_FIELD_H

#define LUBDUB_FIELD_WRITE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)
#define LUBDUB_FIELD_READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

#endif
