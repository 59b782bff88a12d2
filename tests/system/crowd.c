#define _GNU_SOURCE
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lubdub/frame.h>
#include <lubdub/option.h>

#include "patience.h"
#include "support/test.h"
#include "support/wire_bytes.h"

#define HEADER 16
#define EVENTS 256
#define GREETED_AT_ONCE 64 /* so that no backlog overflows */

struct member {
    int socket;
    bool is_welcome;
    uint64_t probes;
    lubdub_time next_probe_at;
    uint8_t bytes[256];
    size_t length;
};

struct scene {
    const struct crowd *crowd;
    struct member *members;
    uint32_t begun;
    uint32_t welcome;
    lubdub_time look_at; /* when to go through all of them again */
    int loop;
    struct crowd_report report;
};

static volatile sig_atomic_t is_asked;
static volatile sig_atomic_t was_stopped;

static void on_question(int signal)
{
    (void)signal;
    is_asked = 1;
}

static void on_continue(int signal)
{
    (void)signal;
    was_stopped = 1;
}

/* Between two rounds of the loop. */
static void note_gap(struct crowd_report *report, lubdub_time *before)
{
    lubdub_time moment = now();
    uint32_t gap_ms = (uint32_t)((moment - *before) / LUBDUB_MILLISECOND);

    if (!was_stopped && gap_ms > report->longest_gap_ms) {
        report->longest_gap_ms = gap_ms;
    }
    was_stopped = 0;
    *before = moment;
}

/* Without content, and with as little work as can be: there are thousands a second. */
static void put_frame(struct member *member, uint8_t type, uint64_t sequence)
{
    uint8_t frame[HEADER] = {'L', 'D', 1, type};
    int i;

    for (i = 0; i < 8; i++) {
        frame[HEADER - 1 - i] = (uint8_t)(sequence >> 8 * i);
    }
    (void)!send(member->socket, frame, sizeof frame, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_hello(const struct crowd *crowd, struct member *member, uint32_t number)
{
    struct wire_bytes options = {0};
    struct wire_bytes hello = {0};
    char identity[64];

    snprintf(identity, sizeof identity, "%s-%u", crowd->prefix, number);
    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, identity, strlen(identity));
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, crowd->interval_ms);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, crowd->expiry_ms);
    wire_bytes_put_frame(&hello, LUBDUB_FRAME_HELLO, 0, now(), options.data, options.length);
    (void)!send(member->socket, hello.data, hello.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    wire_bytes_clear(&options);
    wire_bytes_clear(&hello);
}

static void join(struct scene *scene, uint32_t number)
{
    const struct crowd *crowd = scene->crowd;
    struct member *member = &scene->members[number];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(crowd->port)};
    struct epoll_event interest = {.events = EPOLLIN, .data.u32 = number};
    const int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (member->socket < 0 || connect(member->socket, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("crowd");
        _exit(1);
    }
    setsockopt(member->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(scene->loop, EPOLL_CTL_ADD, member->socket, &interest);
    say_hello(crowd, member, number);
}

static void leave(struct scene *scene, struct member *member)
{
    close(member->socket);
    member->socket = -1;
    scene->report.living--;
}

static void take_frame(struct scene *scene, struct member *member, const uint8_t *frame)
{
    uint64_t sequence = 0;
    int i;

    for (i = 8; i < HEADER; i++) {
        sequence = sequence << 8 | frame[i];
    }
    switch (frame[3]) {
    case LUBDUB_FRAME_WELCOME:
        member->is_welcome = true;
        member->next_probe_at = now() + (lubdub_duration)(rand() % (int)scene->crowd->interval_ms) * LUBDUB_MILLISECOND;
        scene->welcome++;
        scene->report.living++;
        break;
    case LUBDUB_FRAME_ACK:
        scene->report.acks++;
        break;
    case LUBDUB_FRAME_PROBE:
        put_frame(member, LUBDUB_FRAME_ACK, sequence);
        break;
    case LUBDUB_FRAME_BYE:
        scene->report.byes[sequence < 16 ? sequence : 15]++;
        leave(scene, member);
        break;
    default:
        break;
    }
}

static void read_from(struct scene *scene, struct member *member)
{
    ssize_t part =
        recv(member->socket, member->bytes + member->length, sizeof member->bytes - member->length, MSG_DONTWAIT);

    if (part <= 0) {
        if (part == 0 || errno != EAGAIN) {
            scene->report.ended++;
            leave(scene, member);
        }
        return;
    }
    member->length += (size_t)part;
    while (member->socket >= 0 && member->length >= HEADER) {
        size_t size = HEADER + ((size_t)member->bytes[6] << 8 | member->bytes[7]);

        if (member->length < size) {
            break;
        }
        take_frame(scene, member, member->bytes);
        member->length -= size;
        memmove(member->bytes, member->bytes + size, member->length);
    }
}

static void probe_where_due(struct scene *scene)
{
    lubdub_time moment = now();
    lubdub_duration interval = scene->crowd->interval_ms * LUBDUB_MILLISECOND;
    uint32_t i;

    if (moment < scene->look_at) {
        return;
    }
    scene->look_at = moment + 5 * LUBDUB_MILLISECOND;
    for (i = 0; i < scene->begun; i++) {
        struct member *member = &scene->members[i];

        if (member->socket >= 0 && member->is_welcome && member->next_probe_at <= moment) {
            put_frame(member, LUBDUB_FRAME_PROBE, ++member->probes);
            scene->report.probes++;
            member->next_probe_at += interval;
            if (member->next_probe_at <= moment) {
                member->next_probe_at = moment + interval;
            }
        }
    }
}

/* The child's life. */
static void play(const struct crowd *crowd)
{
    struct scene scene = {.crowd = crowd, .loop = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event events[EVENTS];
    lubdub_time before = now();
    bool is_told = false;

    scene.members = calloc(crowd->count, sizeof *scene.members);
    srand((unsigned)getpid());
    for (;;) {
        int count = epoll_wait(scene.loop, events, EVENTS, 2);
        int i;

        for (i = 0; i < count; i++) {
            struct member *member = &scene.members[events[i].data.u32];

            if (member->socket >= 0) {
                read_from(&scene, member);
            }
        }
        while (scene.begun < crowd->count && scene.begun - scene.welcome < GREETED_AT_ONCE) {
            join(&scene, scene.begun++);
        }
        probe_where_due(&scene);
        note_gap(&scene.report, &before);
        if ((!is_told && scene.welcome == crowd->count) || is_asked) {
            is_told = true;
            is_asked = 0;
            if (write(crowd->reports, &scene.report, sizeof scene.report) != sizeof scene.report) {
                _exit(1);
            }
        }
    }
}

static void read_report(struct crowd *crowd, struct crowd_report *report)
{
    struct pollfd wait = {.fd = crowd->reports, .events = POLLIN};

    assert_int_equal(poll(&wait, 1, poll_time(now() + PATIENCE)), 1);
    assert_int_equal(read(crowd->reports, report, sizeof *report), sizeof *report);
}

void crowd_start(struct crowd *crowd)
{
    struct crowd_report report;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    crowd->pid = fork();
    assert_true(crowd->pid >= 0);
    if (crowd->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, on_question);
        signal(SIGCONT, on_continue);
        crowd->reports = ends[1];
        play(crowd);
    }
    close(ends[1]);
    crowd->reports = ends[0];
    read_report(crowd, &report);
    if (report.living < crowd->count && report.longest_gap_ms > crowd->expiry_ms / 2) {
        print_message("the machine kept the crowd silent for %u ms: this says nothing\n", report.longest_gap_ms);
        skip();
    }
    assert_int_equal(report.living, crowd->count);
}

void crowd_stop(struct crowd *crowd)
{
    int status;

    assert_int_equal(kill(crowd->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(crowd->pid, &status, WUNTRACED), crowd->pid);
    assert_true(WIFSTOPPED(status));
}

void crowd_go_on(struct crowd *crowd)
{
    assert_int_equal(kill(crowd->pid, SIGCONT), 0);
}

void crowd_ask(struct crowd *crowd, struct crowd_report *report)
{
    assert_int_equal(kill(crowd->pid, SIGUSR1), 0);
    read_report(crowd, report);
}

void crowd_kill(struct crowd *crowd)
{
    if (crowd->pid > 0) {
        kill(crowd->pid, SIGKILL);
        waitpid(crowd->pid, NULL, 0);
        close(crowd->reports);
        crowd->pid = 0;
    }
}
