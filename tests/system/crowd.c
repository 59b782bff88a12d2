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
    int loop;
    struct crowd_report report;
};

static volatile sig_atomic_t is_asked;

static void on_question(int signal)
{
    (void)signal;
    is_asked = 1;
}

static void put_frame(struct member *member, unsigned type, uint64_t sequence, const void *content, size_t length)
{
    struct wire_bytes bytes = {0};

    wire_bytes_put_frame(&bytes, type, 0, sequence, content, length);
    (void)!send(member->socket, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    wire_bytes_clear(&bytes);
}

static void join(struct scene *scene, uint32_t number)
{
    const struct crowd *crowd = scene->crowd;
    struct member *member = &scene->members[number];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(crowd->port)};
    struct epoll_event interest = {.events = EPOLLIN, .data.u32 = number};
    struct wire_bytes options = {0};
    char identity[64];
    const int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (member->socket < 0 || connect(member->socket, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("crowd");
        _exit(1);
    }
    setsockopt(member->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(scene->loop, EPOLL_CTL_ADD, member->socket, &interest);
    snprintf(identity, sizeof identity, "%s-%u", crowd->prefix, number);
    wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, identity, strlen(identity));
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, crowd->interval_ms);
    wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, crowd->expiry_ms);
    put_frame(member, LUBDUB_FRAME_HELLO, now(), options.data, options.length);
    wire_bytes_clear(&options);
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
        put_frame(member, LUBDUB_FRAME_ACK, sequence, NULL, 0);
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
    ssize_t part = recv(member->socket, member->bytes + member->length, sizeof member->bytes - member->length,
                        MSG_DONTWAIT);

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

    for (i = 0; i < scene->begun; i++) {
        struct member *member = &scene->members[i];

        if (member->socket >= 0 && member->is_welcome && member->next_probe_at <= moment) {
            put_frame(member, LUBDUB_FRAME_PROBE, ++member->probes, NULL, 0);
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
    bool is_told = false;

    scene.members = calloc(crowd->count, sizeof *scene.members);
    srand((unsigned)getpid());
    for (;;) {
        int count = epoll_wait(scene.loop, events, EVENTS, 1);
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
        crowd->reports = ends[1];
        play(crowd);
    }
    close(ends[1]);
    crowd->reports = ends[0];
    read_report(crowd, &report);
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
