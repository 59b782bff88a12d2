/*
 * The log has one line for each entry, TIME LEVEL MESSAGE KEY=VALUE..., on standard error. It never keeps the caller
 * waiting.
 *
 *     lubdub_log_warning("accepting pauses reason=%s sessions=%u", reason, count);
 *
 * Control bytes cannot get through, whatever is in an argument; a value from a peer is still to be written with
 * lubdub_escape_value (escape.h), so that it stays one value. One log a process; any thread may write to it.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_LOG_H
#define LUBDUB_PROGRAM_EVENTS_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

enum lubdub_log_level {
    LUBDUB_LOG_ERROR,
    LUBDUB_LOG_WARNING,
    LUBDUB_LOG_INFO,
    LUBDUB_LOG_DEBUG,
};

/* For a CHOICE setting: "error", "warning", "info", "debug", NULL. */
extern const char *const lubdub_log_level_words[];

/* Entries of one place in the source in a second, where a peer can bring them about (lubdub_log_peer). */
#define LUBDUB_LOG_RATE 10

/* Longer entries are cut. */
#define LUBDUB_LOG_LINE_MAX 1024

/*
 * Starts writing to descriptor (2, as a rule), which stays the caller's; entries above level are left out. Before this
 * call, or if it fails, entries are written at once and may block. Returns 0 or an errno. Call it from the main thread.
 */
int lubdub_log_open(int descriptor, enum lubdub_log_level level);

/* Any time, any thread. */
void lubdub_log_set_level(enum lubdub_log_level level);
enum lubdub_log_level lubdub_log_level(void);

/*
 * Writes what waits, for two seconds, or six where it is being read; counts of suppressed entries come last. No other
 * thread may log meanwhile.
 */
void lubdub_log_close(void);

/* Another rate than LUBDUB_LOG_RATE. Any time, any thread. */
void lubdub_log_set_rate(unsigned rate);

/* Entries that were left out because of their rate. */
uint64_t lubdub_log_suppressed(void);

/* Entries that standard error did not take. */
uint64_t lubdub_log_lost(void);

void lubdub_log(enum lubdub_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define lubdub_log_error(...) lubdub_log(LUBDUB_LOG_ERROR, __VA_ARGS__)
#define lubdub_log_warning(...) lubdub_log(LUBDUB_LOG_WARNING, __VA_ARGS__)
#define lubdub_log_info(...) lubdub_log(LUBDUB_LOG_INFO, __VA_ARGS__)
#define lubdub_log_debug(...) lubdub_log(LUBDUB_LOG_DEBUG, __VA_ARGS__)

/*
 * For what a peer can bring about as often as it likes: each place in the source writes at most ten entries a second
 * (or lubdub_log_set_rate), and the next one written says how many were left out: suppressed=N.
 */
#define lubdub_log_peer(level, ...)                                \
    do {                                                           \
        static struct lubdub_log_site lubdub_log_site_;            \
        lubdub_log_limited(&lubdub_log_site_, level, __VA_ARGS__); \
    } while (0)

/* One place in the source; zero is its start. */
struct lubdub_log_site {
    _Atomic uint64_t window_start;
    atomic_uint written;
    atomic_uint suppressed;
    atomic_bool is_listed;
    const char *format;
    enum lubdub_log_level level;
    struct lubdub_log_site *next;
};

void lubdub_log_limited(struct lubdub_log_site *site, enum lubdub_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Whether an entry may be written at now; if so *suppressed tells how many were not since the last one.
 * Counts the entry either way. Pure but for the site.
 */
bool lubdub_log_site_admits(struct lubdub_log_site *site, lubdub_time now, unsigned *suppressed);

#endif
