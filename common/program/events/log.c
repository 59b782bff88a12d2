/* Formats log entries and hands them to a writer, or writes them to standard error where there is no writer. */
#define _POSIX_C_SOURCE 200809L
#include "program/events/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/events/escape.h"
#include "program/events/line.h"
#include "program/events/timestamp.h"
#include "program/events/writer.h"

#define SITE_WINDOW LUBDUB_SECOND
#define SUPPRESSED_LENGTH sizeof " suppressed=4294967295"

/* The log is small: a burst of a few thousand entries is more than a person reads. */
#define LOG_CAPACITY ((size_t)1024 * 1024)

const char *const lubdub_log_level_words[] = {"error", "warning", "info", "debug", NULL};

static _Atomic(struct lubdub_event_writer *) log_writer;
static atomic_int log_level = LUBDUB_LOG_INFO;
static atomic_uint log_rate = LUBDUB_LOG_RATE;
static _Atomic uint64_t log_suppressed;
static pthread_mutex_t site_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lubdub_log_site *sites;

/* TIME LEVEL MESSAGE KEY=VALUE... */
static size_t format_entry(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    char time[LUBDUB_TIMESTAMP_SIZE];
    const char *message = "";
    size_t message_length = 0;
    uint64_t count;
    size_t used;

    (void)user_data;
    lubdub_format_timestamp(line->real, time);
    if (lubdub_event_line_is(line, "dropped") && lubdub_event_line_get_number(line, "count", &count)) {
        lubdub_event_line_get_string(line, "text", &message, &message_length);
        used = (size_t)snprintf(text, capacity, "%s warning log entries dropped count=%llu reason=", time,
                                (unsigned long long)count);
        return used + lubdub_escape_value(text + used, capacity - used, message, message_length);
    }
    lubdub_event_line_get_string(line, "message", &message, &message_length);
    used = (size_t)snprintf(text, capacity, "%s %s ", time, line->event);
    return used + lubdub_escape_line(text + used, capacity - used, message, message_length);
}

static void write_at_once(const struct lubdub_event_line *line)
{
    char text[LUBDUB_LOG_LINE_MAX * 4];
    size_t length = format_entry(line, text, sizeof text - 1, NULL);

    text[length++] = '\n';
    if (write(STDERR_FILENO, text, length) < 0) {
        return; /* there is nowhere to complain to */
    }
}

static void write_entry(enum lubdub_log_level level, const char *message)
{
    struct lubdub_event_writer *writer = atomic_load(&log_writer);
    struct lubdub_event_line line;

    lubdub_event_line_begin_now(&line, lubdub_log_level_words[level]);
    lubdub_event_line_text(&line, "message", message);
    if (writer != NULL) {
        lubdub_event_writer_put(writer, &line);
    } else {
        write_at_once(&line);
    }
}

static void format_and_write(enum lubdub_log_level level, unsigned suppressed, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void format_and_write(enum lubdub_log_level level, unsigned suppressed, const char *format, va_list arguments)
{
    char message[LUBDUB_LOG_LINE_MAX];
    size_t room = sizeof message - SUPPRESSED_LENGTH; /* so that a long entry does not hide how many it stands for */
    int length = vsnprintf(message, room, format, arguments);

    if (length < 0) {
        return;
    }
    if (suppressed > 0) {
        snprintf(message + strlen(message), SUPPRESSED_LENGTH, " suppressed=%u", suppressed);
    }
    write_entry(level, message);
}

void lubdub_log(enum lubdub_log_level level, const char *format, ...)
{
    va_list arguments;

    if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed)) {
        return;
    }
    va_start(arguments, format);
    format_and_write(level, 0, format, arguments);
    va_end(arguments);
}

bool lubdub_log_site_admits(struct lubdub_log_site *site, lubdub_time now, unsigned *suppressed)
{
    lubdub_time start = atomic_load(&site->window_start);

    /* Several threads may find the window over; one of them opens the next. */
    if ((start == 0 || lubdub_time_between(start, now) >= SITE_WINDOW) &&
        atomic_compare_exchange_strong(&site->window_start, &start, now)) {
        atomic_store(&site->written, 0);
    }
    if (atomic_fetch_add(&site->written, 1) >= atomic_load_explicit(&log_rate, memory_order_relaxed)) {
        atomic_fetch_sub(&site->written, 1);
        atomic_fetch_add(&site->suppressed, 1);
        atomic_fetch_add(&log_suppressed, 1);
        return false;
    }
    *suppressed = atomic_exchange(&site->suppressed, 0);
    return true;
}

/* So that what is suppressed last is told at the end. */
static void list_site(struct lubdub_log_site *site, enum lubdub_log_level level, const char *format)
{
    if (atomic_exchange(&site->is_listed, true)) {
        return;
    }
    pthread_mutex_lock(&site_lock);
    site->level = level;
    site->format = format;
    site->next = sites;
    sites = site;
    pthread_mutex_unlock(&site_lock);
}

void lubdub_log_limited(struct lubdub_log_site *site, enum lubdub_log_level level, const char *format, ...)
{
    struct lubdub_event_line clock;
    unsigned suppressed = 0;
    va_list arguments;

    if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed)) {
        return;
    }
    lubdub_event_line_begin_now(&clock, "");
    list_site(site, level, format);
    if (!lubdub_log_site_admits(site, clock.mono, &suppressed)) {
        return;
    }
    va_start(arguments, format);
    format_and_write(level, suppressed, format, arguments);
    va_end(arguments);
}

static void report_suppressed(void)
{
    struct lubdub_log_site *site;

    pthread_mutex_lock(&site_lock);
    for (site = sites; site != NULL; site = site->next) {
        unsigned suppressed = atomic_exchange(&site->suppressed, 0);

        if (suppressed > 0) {
            /* The words of the message, up to its first argument, say which place it was. */
            lubdub_log(site->level, "%u more suppressed: %.*s", suppressed, (int)strcspn(site->format, "=%"),
                       site->format);
        }
    }
    pthread_mutex_unlock(&site_lock);
}

int lubdub_log_open(int descriptor, enum lubdub_log_level level)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    int wrong;

    lubdub_log_set_level(level);
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = descriptor;
    settings.format = format_entry;
    settings.capacity = LOG_CAPACITY;
    wrong = lubdub_event_writer_new(&writer, &settings);
    if (wrong == 0) {
        atomic_store(&log_writer, writer);
    }
    return wrong;
}

void lubdub_log_close(void)
{
    report_suppressed();
    lubdub_event_writer_close(atomic_exchange(&log_writer, NULL), LUBDUB_EVENT_WRITER_PATIENCE);
}

void lubdub_log_set_level(enum lubdub_log_level level)
{
    atomic_store(&log_level, level);
}

enum lubdub_log_level lubdub_log_level(void)
{
    return (enum lubdub_log_level)atomic_load(&log_level);
}

void lubdub_log_set_rate(unsigned rate)
{
    atomic_store(&log_rate, rate);
}

uint64_t lubdub_log_suppressed(void)
{
    return atomic_load(&log_suppressed);
}

uint64_t lubdub_log_lost(void)
{
    return lubdub_event_writer_lost(atomic_load(&log_writer));
}
