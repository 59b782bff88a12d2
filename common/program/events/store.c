/* Fills one half of the store while the other is written, and changes them. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "program/events/store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ev/clock.h"

#define HEAD_LENGTH offsetof(struct lubdub_event_line, fields)

static int init_half(struct lubdub_event_half *half, size_t capacity, size_t resident)
{
    void *bytes = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (bytes == MAP_FAILED) {
        return errno;
    }
    /* A huge page would make the first small event cost two megabytes. */
    (void)madvise(bytes, capacity, MADV_NOHUGEPAGE);
    memset(bytes, 0, resident);
    half->bytes = bytes;
    half->closed = LUBDUB_EVENT_RANKS;
    return 0;
}

int lubdub_event_store_init(struct lubdub_event_store *store, size_t capacity)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t wanted = capacity > sizeof(struct lubdub_event_line) ? capacity : sizeof(struct lubdub_event_line);
    pthread_condattr_t attributes;
    int wrong;

    memset(store, 0, sizeof *store);
    store->capacity = (wanted + page - 1) / page * page;
    store->resident = (store->capacity / LUBDUB_EVENT_STORE_RESIDENT_PART + page - 1) / page * page;
    store->filling = &store->halves[0];
    wrong = init_half(&store->halves[0], store->capacity, store->resident);
    if (wrong != 0) {
        return wrong;
    }
    wrong = init_half(&store->halves[1], store->capacity, store->resident);
    if (wrong != 0) {
        munmap(store->halves[0].bytes, store->capacity);
        return wrong;
    }

    pthread_mutex_init(&store->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return 0;
}

void lubdub_event_store_clear(struct lubdub_event_store *store)
{
    munmap(store->halves[0].bytes, store->capacity);
    munmap(store->halves[1].bytes, store->capacity);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->lock);
}

static void refuse(struct lubdub_event_half *half, const struct lubdub_event_line *line)
{
    half->closed = line->rank < half->closed ? line->rank : half->closed;
    if (half->refused == 0) {
        half->refused_at = half->used;
        half->refused_mono = line->mono;
        half->refused_real = line->real;
    }
    half->refused++;
}

/* Gives up the lock and wakes the writer, if that is wanted and the writer sleeps. */
static void unlock(struct lubdub_event_store *store, bool wakes_writer)
{
    bool sleeps = store->is_waiting || store->is_gathering;

    if (wakes_writer) {
        store->is_waiting = store->is_gathering = false;
    }
    pthread_mutex_unlock(&store->lock);
    if (wakes_writer && sleeps) {
        pthread_cond_signal(&store->wake); /* behind the lock, which the writer takes first: else it would wait again */
    }
}

static bool is_worth_waking(const struct lubdub_event_store *store)
{
    return store->is_waiting || store->filling->used > store->capacity / 2 || store->filling->refused > 0;
}

/* How much of a half lines of this rank leave to the others. */
static size_t reserved_from(const struct lubdub_event_store *store, enum lubdub_event_rank rank)
{
    switch (rank) {
    case LUBDUB_EVENT_RANK_SECOND:
        return store->capacity / LUBDUB_EVENT_STORE_LEFT_BY_SECOND;
    case LUBDUB_EVENT_RANK_THIRD:
        return store->capacity / LUBDUB_EVENT_STORE_LEFT_BY_THIRD;
    case LUBDUB_EVENT_RANK_FIRST:
    case LUBDUB_EVENT_RANKS:
        break;
    }
    return 0;
}

/*
 * Once one line is refused, so are the shorter ones of its rank after it: the line that counts them stands where the
 * first is missing, and none of them comes after it. Lines of higher rank go on into their part of the half.
 */
static bool fits(const struct lubdub_event_store *store, const struct lubdub_event_half *half,
                 const struct lubdub_event_line *line, size_t length)
{
    size_t room = store->capacity - half->used;

    return line->rank < half->closed && length + reserved_from(store, line->rank) <= room;
}

bool lubdub_event_store_put(struct lubdub_event_store *store, const struct lubdub_event_line *line)
{
    size_t length = HEAD_LENGTH + line->length;
    struct lubdub_event_half *half;
    bool is_taken;

    pthread_mutex_lock(&store->lock);
    half = store->filling;
    is_taken = fits(store, half, line, length);
    if (is_taken) {
        memcpy(half->bytes + half->used, line, length);
        half->used += length;
    } else {
        refuse(half, line);
    }
    unlock(store, is_worth_waking(store));
    return is_taken;
}

void lubdub_event_store_wake(struct lubdub_event_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->is_woken = true;
    unlock(store, true);
}

void lubdub_event_store_close(struct lubdub_event_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->is_closed = true;
    unlock(store, true);
}

static bool has_lines(const struct lubdub_event_half *half)
{
    return half->used > 0 || half->refused > 0;
}

static struct lubdub_event_half *other_half(struct lubdub_event_store *store)
{
    return store->filling == &store->halves[0] ? &store->halves[1] : &store->halves[0];
}

static struct lubdub_event_half *change_places(struct lubdub_event_store *store)
{
    struct lubdub_event_half *full = store->filling;

    store->filling = other_half(store);
    if (full->touched < full->used) {
        full->touched = full->used;
    }
    return full;
}

/* Outside the lock: the half is the writer's own. */
static void give_back(struct lubdub_event_store *store, struct lubdub_event_half *half)
{
    if (half->touched > store->resident) {
        (void)madvise(half->bytes + store->resident, store->capacity - store->resident, MADV_DONTNEED);
        half->touched = 0;
    }
}

/* Under the lock. Returns whether it was woken before the time was over. */
static bool wait_until(struct lubdub_event_store *store, lubdub_time until)
{
    struct timespec limit = {.tv_sec = (time_t)(until / LUBDUB_SECOND), .tv_nsec = (long)(until % LUBDUB_SECOND)};

    if (until == LUBDUB_TIME_NEVER) {
        return pthread_cond_wait(&store->wake, &store->lock) == 0;
    }
    return pthread_cond_timedwait(&store->wake, &store->lock, &limit) == 0;
}

/* Lines came soon after the lines before: there will be more. */
static void gather(struct lubdub_event_store *store)
{
    lubdub_time until = lubdub_time_after(store->taken_at, LUBDUB_EVENT_STORE_GATHERING);

    if (until <= lubdub_clock_now()) {
        return; /* the usual case where little happens */
    }
    store->is_gathering = store->filling->used <= store->capacity / 2 && store->filling->refused == 0;
    while (store->is_gathering && !store->is_closed && !store->is_woken && wait_until(store, until)) {
        ; /* until the time is over, or another thread ended the gathering */
    }
    store->is_gathering = false;
}

/* Nothing is waiting: the time to shrink both halves, each while it is the writer's. */
static void shrink(struct lubdub_event_store *store)
{
    give_back(store, other_half(store));
    pthread_mutex_lock(&store->lock);
    if (!has_lines(store->filling) && store->filling->touched > store->resident) {
        struct lubdub_event_half *half = change_places(store);

        pthread_mutex_unlock(&store->lock);
        give_back(store, half);
        return;
    }
    pthread_mutex_unlock(&store->lock);
}

enum lubdub_event_store_result lubdub_event_store_take(struct lubdub_event_store *store, lubdub_time until,
                                                       struct lubdub_event_half **half)
{
    struct lubdub_event_half *finished = other_half(store);
    enum lubdub_event_store_result result;
    bool is_in_time = true;
    bool is_idle;

    finished->used = 0;
    finished->read = 0;
    finished->refused = 0;
    finished->closed = LUBDUB_EVENT_RANKS;

    pthread_mutex_lock(&store->lock);
    is_idle = !has_lines(store->filling) && !store->is_closed;
    pthread_mutex_unlock(&store->lock);
    if (is_idle) {
        shrink(store);
    }

    pthread_mutex_lock(&store->lock);
    while (is_in_time && !has_lines(store->filling) && !store->is_closed && !store->is_woken) {
        store->is_waiting = true;
        is_in_time = wait_until(store, until);
    }
    store->is_waiting = false;
    if (has_lines(store->filling)) {
        gather(store);
        store->taken_at = lubdub_clock_now();
    }
    store->is_woken = false;
    if (has_lines(store->filling)) {
        *half = change_places(store);
        result = LUBDUB_EVENT_STORE_LINES;
    } else {
        result = store->is_closed ? LUBDUB_EVENT_STORE_END : LUBDUB_EVENT_STORE_NOTHING;
    }
    pthread_mutex_unlock(&store->lock);
    return result;
}

bool lubdub_event_store_is_at_gap(const struct lubdub_event_half *half)
{
    return half->refused > 0 && half->read == half->refused_at;
}

bool lubdub_event_store_next(struct lubdub_event_half *half, struct lubdub_event_line *line)
{
    size_t length;

    if (half->read == half->used) {
        return false;
    }
    memcpy(line, half->bytes + half->read, HEAD_LENGTH);
    length = line->length;
    assert(HEAD_LENGTH + length <= half->used - half->read);
    memcpy(line->fields, half->bytes + half->read + HEAD_LENGTH, length);
    half->read += HEAD_LENGTH + length;
    return true;
}
