/*
 * Measures what it costs to list many sessions, and what the loop notices of it: a server's pool is filled with
 * sessions that have no connection (a million sockets are a test of the machine), a few real clients come and go all
 * the time, and another thread lists all again and again.
 *
 *     speed-list [SESSIONS [SECONDS]]          1000000, 5
 *     speed-list SESSIONS SECONDS pages        by pages of 1,000, as /api/sessions writes them, but without a socket
 *
 * Says how much memory a session takes all told, own data included, how long a list takes, and how long the turns of
 * the loop took without a lister and with one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/client.h>
#include <lubdub/server.h>

#include "ev/clock.h"
#ifdef LUBDUB_HTTP
#include "server/http/sessions.h"
#include "server/register/register.h"
#endif
#include "server/library/identity_index.h"
#include "server/library/marks.h"
#include "server/library/peer.h"
#include "server/library/state.h"

#define GUESTS 8
#define GUESTS_STAY 0.005 /* seconds */

struct guest {
    struct lubdub_client *client;
    ev_timer leave;
};

static struct lubdub_server *server;
static atomic_bool may_list;
static atomic_bool is_over;
static atomic_uint lists;
static atomic_uint listed;      /* by the last list */
static lubdub_duration listing; /* in all */
static struct lubdub_server_figures before;

/* The turns of the loop by the thread's own clock: on a busy machine most long turns are turns of others. */
static struct {
    ev_check begins;
    ev_prepare ends;
    lubdub_duration began;
    lubdub_duration longest;
    long waited_before;
    unsigned waited; /* turns in which the thread slept, that is waited for a lock */
} turns;

static lubdub_duration processor_time(void)
{
    struct timespec time;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (lubdub_duration)time.tv_sec * LUBDUB_SECOND + (lubdub_duration)time.tv_nsec;
}

static long sleeps(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void on_turn_begins(struct ev_loop *loop, ev_check *watcher, int revents)
{
    (void)loop, (void)watcher, (void)revents;
    turns.began = processor_time();
    turns.waited_before = sleeps();
}

static void on_turn_ends(struct ev_loop *loop, ev_prepare *watcher, int revents)
{
    (void)loop, (void)watcher, (void)revents;
    if (turns.began != 0) {
        turns.longest = lubdub_duration_longer(turns.longest, processor_time() - turns.began);
        turns.waited += sleeps() > turns.waited_before;
    }
}

static void watch_turns(struct ev_loop *loop)
{
    ev_check_init(&turns.begins, on_turn_begins);
    ev_set_priority(&turns.begins, EV_MAXPRI);
    ev_check_start(loop, &turns.begins);
    ev_prepare_init(&turns.ends, on_turn_ends);
    ev_set_priority(&turns.ends, EV_MINPRI);
    ev_prepare_start(loop, &turns.ends);
}

static long resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1) {
        exit(1);
    }
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* What a HELLO with an identity of a dozen bytes leaves behind, without its socket. */
static void add_session(unsigned number)
{
    static char data; /* whatever the application keeps */
    struct lubdub_worker *worker = &server->workers[0];
    struct lubdub_record *record = lubdub_pool_take(&worker->pool);
    struct lubdub_options hello = {.interval_ms = 1000};
    struct lubdub_address address;
    char identity[24];

    snprintf(identity, sizeof identity, "dev-%08u", number);
    hello.identity = (struct lubdub_slice){identity, strlen(identity)};
    lubdub_address_parse(&address, "192.0.2.7", 0);
    record->peer = lubdub_peer_introduce(lubdub_peer_new(&address), number + 1, &hello, 0, (struct lubdub_slice){0});
    record->connected_at = lubdub_clock_now() / LUBDUB_MILLISECOND & 0xffffffffffff;
    record->link.session.heard_at = lubdub_clock_now();
    record->link.session.interval_ms = 1000;
    record->link.session.expiry_ms = 3000;
    lubdub_identity_index_put(&server->identities, lubdub_pool_place(&worker->pool, record));
    (void)lubdub_pool_swap_data(&worker->pool, record, &data);
    lubdub_mark_listed(worker, record);
}

static unsigned list_all(void)
{
    struct lubdub_server_session *first;
    uint64_t cursor = 0;
    unsigned count = 0;

    while (!is_over && lubdub_server_list(server, &cursor, LUBDUB_SERVER_LIST_LIMIT, &first) == LUBDUB_ERROR_OK &&
           first != NULL) {
        const struct lubdub_server_session *session;

        for (session = first; session != NULL; session = session->next) {
            count++;
        }
        lubdub_server_session_free(first);
    }
    return count;
}

static bool by_pages;
static lubdub_duration longest_page;

#ifdef LUBDUB_HTTP

static struct source source;

static unsigned count_in(const struct text *page)
{
    static const char member[] = "\"state\":";
    const char *at = page->bytes;
    unsigned count = 0;

    while ((at = memmem(at, page->length - (size_t)(at - page->bytes), member, sizeof member - 1)) != NULL) {
        at += sizeof member - 1;
        count++;
    }
    return count;
}

/* The last member of a page is "next". False: nothing is left. */
static bool take_next(const struct text *page, char after[64])
{
    static const char member[] = "\"next\":\"";
    const char *tail = page->length > 64 ? page->bytes + page->length - 64 : page->bytes;
    const char *next = memmem(tail, page->length - (size_t)(tail - page->bytes), member, sizeof member - 1);

    if (next != NULL) {
        next += sizeof member - 1;
        snprintf(after, 64, "%.*s", (int)strcspn(next, "\""), next);
    }
    return next != NULL;
}

static unsigned list_pages(void)
{
    char after[64] = "";
    unsigned count = 0;
    bool has_next = true;

    while (has_next && !is_over) {
        const struct sessions_query query = {.limit = "1000", .after = after};
        lubdub_duration began = processor_time();
        struct text page = {0};

        if (sessions_write(&source, &query, &page) != NULL || page.has_failed) {
            exit(1);
        }
        longest_page = lubdub_duration_longer(longest_page, processor_time() - began);
        text_put(&page, "", 1);
        has_next = take_next(&page, after);
        count += count_in(&page);
        text_clear(&page);
    }
    return count;
}

/* The server knows nothing of these identities but their sessions, as one without --expect and --state. */
static void prepare_pages(void)
{
    const struct register_settings settings = {0};

    source.server = server;
    if (register_open(&source.reg, &settings) != 0) {
        exit(1);
    }
}

#else

static unsigned list_pages(void)
{
    return 0;
}

static void prepare_pages(void)
{
    fprintf(stderr, "speed-list: pages are not built in (LUBDUB_HTTP was off)\n");
    exit(2);
}

#endif

static void *list(void *user_data)
{
    (void)user_data;
    while (!is_over) {
        lubdub_time began = lubdub_clock_now();
        unsigned count;

        if (!may_list) {
            usleep(1000);
            continue;
        }
        count = by_pages ? list_pages() : list_all();
        if (!is_over) {
            listing += lubdub_time_between(began, lubdub_clock_now());
            listed = count;
            lists++;
        }
    }
    return NULL;
}

static void on_leave(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct guest *guest = timer->data;
    (void)loop, (void)revents;

    lubdub_client_stop(guest->client, LUBDUB_REASON_NORMAL);
}

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct guest *guest = user_data;

    if (event->kind == LUBDUB_CLIENT_UP) {
        ev_timer_set(&guest->leave, GUESTS_STAY, 0);
        ev_timer_start(ev_default_loop(0), &guest->leave);
    } else if (event->kind == LUBDUB_CLIENT_STOPPED && !is_over) {
        lubdub_client_start(client);
    }
}

static void invite(struct guest *guest)
{
    struct lubdub_client_server address = {"127.0.0.1", lubdub_server_port(server)};
    struct lubdub_client_settings settings;

    lubdub_client_settings_init(&settings);
    settings.servers = &address;
    settings.server_count = 1;
    ev_timer_init(&guest->leave, on_leave, 0, 0);
    guest->leave.data = guest;
    if (lubdub_client_new(&guest->client, ev_default_loop(0), &settings, on_event, guest) == LUBDUB_ERROR_OK) {
        lubdub_client_start(guest->client);
    }
}

static void report(const char *what, const struct lubdub_server_figures *from, const struct lubdub_server_figures *to)
{
    uint64_t count = to->turn.count - from->turn.count;

    printf("%s: %llu turns of the loop, %.1f us each; longer than 1 ms: %llu, than 5 ms: %llu; the longest by the "
           "thread's clock: %.0f us; it waited in %u; %llu sessions began\n",
           what, (unsigned long long)count,
           count > 0 ? (double)(to->turn.sum - from->turn.sum) / (double)count / 1000 : 0,
           (unsigned long long)(count - (to->turn.within[3] - from->turn.within[3])),
           (unsigned long long)(count - (to->turn.within[5] - from->turn.within[5])), (double)turns.longest / 1000,
           turns.waited, (unsigned long long)(to->started - from->started));
    turns.longest = turns.waited = 0;
}

static void on_phase(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_server_figures now = {.size = sizeof now};
    (void)revents;

    lubdub_server_figures(server, &now);
    if (!may_list) {
        report("without a lister", &before, &now);
        before = now;
        may_list = true;
        return;
    }
    report("with a lister", &before, &now);
    is_over = true;
    ev_timer_stop(loop, timer);
    ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char *argv[])
{
    unsigned sessions = argc > 1 ? (unsigned)atol(argv[1]) : 1000000;
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_server_settings settings;
    static struct guest guests[GUESTS];
    pthread_t lister;
    ev_timer phase;
    long empty;
    unsigned i;

    lubdub_server_settings_init(&settings);
    if (lubdub_server_new(&server, loop, &settings, NULL, NULL) != LUBDUB_ERROR_OK ||
        lubdub_server_listen(server, "127.0.0.1", 0) != LUBDUB_ERROR_OK ||
        lubdub_server_start(server) != LUBDUB_ERROR_OK) {
        perror("speed-list");
        return 1;
    }
    lubdub_pool_clear(&server->workers[0].pool); /* it has room for as many as there may be descriptors */
    if (!lubdub_pool_init(&server->workers[0].pool, sessions + GUESTS, 0, 1)) {
        return 1;
    }
    empty = resident_bytes();
    for (i = 0; i < sessions; i++) {
        add_session(i);
    }
    printf("%u sessions: %.1f bytes each, with 8 of own data, without libev's table of descriptors\n", sessions,
           (double)(resident_bytes() - empty) / sessions);
    for (i = 0; i < GUESTS; i++) {
        invite(&guests[i]);
    }
    before.size = sizeof before;
    lubdub_server_figures(server, &before);
    by_pages = argc > 3 && strcmp(argv[3], "pages") == 0;
    if (by_pages) {
        prepare_pages();
    }
    pthread_create(&lister, NULL, list, NULL);
    ev_timer_init(&phase, on_phase, seconds, seconds);
    ev_timer_start(loop, &phase);
    watch_turns(loop);
    ev_run(loop, 0);
    pthread_join(lister, NULL);
    if (lists > 0) {
        printf("%u lists: %u sessions in %.0f ms, %.0f ns each\n", lists, listed, (double)listing / lists / 1e6,
               (double)listing / lists / listed);
    }
    if (by_pages) {
        printf("the longest page: %.2f ms of its thread's processor time\n", (double)longest_page / 1e6);
    }
    fflush(stdout);
    _exit(0); /* the sessions without a connection cannot be closed */
}
