/*
 * A Lubdub client in C, on the core and poll(): keeps a session with a server, and comes back when it is lost.
 *
 *     heartbeat [--id NAME] [--interval MS] [--timeout MS] [--token TOKEN] [HOST[:PORT]]
 *
 *     cc heartbeat.c $(pkg-config --cflags --libs lubdub-core) -o heartbeat
 *
 * Prints a line for what happens. Ends with a BYE on SIGTERM and SIGINT. An IPv6 address is written in brackets.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/step.h>

#define CONNECT_TIMEOUT (5 * LUBDUB_SECOND)
#define SHORTEST_RANGE (100 * LUBDUB_MILLISECOND) /* from which a wait is drawn */
#define LONGEST_RANGE (30 * LUBDUB_SECOND)

/* One session after the other, on one socket after the other. */
static struct lubdub_session session;
static struct lubdub_session_settings settings;
static int fd = -1;

/* Why the last one ended, and how long the server wants to be left alone. */
static enum lubdub_cause end_cause;
static lubdub_duration retry_after;

static volatile sig_atomic_t is_leaving;

static void on_signal(int number)
{
    (void)number;
    is_leaving = 1; /* signals are blocked but while the program waits: none is missed */
}

static lubdub_time clock_of(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (lubdub_time)time.tv_sec * LUBDUB_SECOND + (lubdub_time)time.tv_nsec;
}

/* Waits, and lets signals in. A descriptor of -1 is passed over. */
static short wait_for(int descriptor, short events, lubdub_duration length)
{
    struct pollfd ready = {descriptor, events, 0};
    struct timespec limit;
    sigset_t none;

    if (length > LUBDUB_MINUTE) {
        length = LUBDUB_MINUTE;
    }
    limit.tv_sec = (time_t)(length / LUBDUB_SECOND);
    limit.tv_nsec = (long)(length % LUBDUB_SECOND);
    sigemptyset(&none);
    return ppoll(&ready, 1, &limit, &none) > 0 ? ready.revents : 0;
}

/* ---- the session's stream */

static lubdub_time now(struct lubdub_step *step)
{
    (void)step;
    return clock_of(CLOCK_MONOTONIC);
}

static struct lubdub_transfer transfer_of(ssize_t length, enum lubdub_cause end_of_file)
{
    struct lubdub_transfer transfer = {length > 0 ? (size_t)length : 0, LUBDUB_CAUSE_NONE, false};

    if (length == 0) {
        transfer.end = end_of_file;
    } else if (length < 0 && errno != EAGAIN && errno != EINTR) {
        transfer.end = errno == ECONNRESET || errno == EPIPE ? LUBDUB_CAUSE_RESET : LUBDUB_CAUSE_UNREACHABLE;
    }
    return transfer;
}

static struct lubdub_transfer read_socket(struct lubdub_step *step)
{
    return transfer_of(recv(fd, step->input, step->input_capacity, 0), LUBDUB_CAUSE_CLOSED);
}

static struct lubdub_transfer write_socket(struct lubdub_step *step, const uint8_t *bytes, size_t length, bool is_last)
{
    (void)step, (void)is_last;
    return transfer_of(send(fd, bytes, length, MSG_NOSIGNAL), LUBDUB_CAUSE_NONE);
}

static void shut(struct lubdub_step *step)
{
    (void)step;
    shutdown(fd, SHUT_WR);
}

/* Before a verdict: what the kernel knows tells a hung process from a dead path. */
static void look(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    (void)step;
    memset(&info, 0, sizeof info);
    evidence->is_known = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
    evidence->is_sent_again = info.tcpi_retransmits > 0 || info.tcpi_backoff > 0;
    evidence->unacknowledged = info.tcpi_unacked;
    evidence->silent_for = info.tcpi_last_ack_recv * LUBDUB_MILLISECOND;
    evidence->round_trip = info.tcpi_rtt * LUBDUB_MICROSECOND;
    evidence->ack_delay = 50 * LUBDUB_MILLISECOND + (info.tcpi_rtt + 4 * info.tcpi_rttvar) * LUBDUB_MICROSECOND;
}

/* There is no timer to set: the loop below asks for the deadline before it waits. */
static void arm(struct lubdub_step *step, lubdub_time at)
{
    (void)step, (void)at;
}

static void tell(struct lubdub_step *step, const struct lubdub_event *event)
{
    (void)step;
    if (event->kind == LUBDUB_EVENT_UP) {
        printf("up: session %llu, a probe every %llu ms\n", (unsigned long long)event->session_number,
               (unsigned long long)(lubdub_session_interval(&session) / LUBDUB_MILLISECOND));
    } else if (event->kind == LUBDUB_EVENT_ACKED) {
        printf("ack %llu: %.3f ms\n", (unsigned long long)event->sequence,
               (double)event->round_trip / (double)LUBDUB_MILLISECOND);
    } else if (event->kind == LUBDUB_EVENT_DOWN) {
        end_cause = event->cause;
        retry_after = event->has_retry_after ? event->retry_after : 0;
        printf("down: %s", lubdub_cause_word(event->cause));
        if (event->has_reason) {
            printf(" reason %llu", (unsigned long long)event->reason_code);
        }
        puts("");
    }
}

static void begin(struct lubdub_step *step)
{
    static const struct lubdub_stream stream = {read_socket, write_socket, shut, look, now, arm, tell, {NULL}};
    static uint8_t input[8192], output[sizeof input + 4096];

    memset(step, 0, sizeof *step);
    step->session = &session;
    step->stream = &stream;
    step->turn.now = now(NULL);
    step->turn.settings = &settings;
    step->turn.output = output;
    step->turn.output_capacity = sizeof output;
    step->input = input;
    step->input_capacity = sizeof input;
}

static void run_session(void)
{
    struct lubdub_step step;
    bool has_left = false;

    settings.incarnation = clock_of(CLOCK_REALTIME);
    begin(&step);
    if (lubdub_session_init(&session, LUBDUB_ROLE_CLIENT, &step.turn) != LUBDUB_ERROR_OK) {
        fprintf(stderr, "heartbeat: no memory is left\n");
        exit(3);
    }
    while (lubdub_step_settle(&step) != LUBDUB_STEP_IS_OVER) {
        lubdub_time due = lubdub_session_deadline(&session, &settings);
        short ready = wait_for(fd,
                               (short)((lubdub_session_wants_input(&session) ? POLLIN : 0) |
                                       (lubdub_session_has_output(&session) ? POLLOUT : 0)),
                               lubdub_time_between(now(NULL), due));

        begin(&step);
        if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
            lubdub_step_read(&step);
        }
        if (lubdub_session_deadline(&session, &settings) <= step.turn.now) {
            lubdub_step_due(&step);
        }
        if (is_leaving && !has_left) {
            has_left = true;
            lubdub_session_leave(&session, &step.turn, LUBDUB_REASON_NORMAL, NULL, false, 0);
        }
    }
    lubdub_session_clear(&session);
}

/* ---- connecting and coming back */

static enum lubdub_cause cause_of_failure(int error)
{
    return error == ECONNREFUSED ? LUBDUB_CAUSE_REFUSED
           : error == ETIMEDOUT  ? LUBDUB_CAUSE_TIMEOUT
                                 : LUBDUB_CAUSE_UNREACHABLE;
}

/* Sets fd; or returns the cause by which there is none. */
static enum lubdub_cause connect_to(const struct addrinfo *address)
{
    const int on = 1;
    socklen_t length = sizeof(int);
    int error = 0;

    fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return LUBDUB_CAUSE_UNREACHABLE;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            error = wait_for(fd, POLLOUT, CONNECT_TIMEOUT) == 0 ? ETIMEDOUT : 0;
            if (error == 0) {
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
            }
        }
    }
    if (error != 0) {
        close(fd);
        fd = -1;
    }
    return error != 0 ? cause_of_failure(error) : LUBDUB_CAUSE_NONE;
}

/* One session with the first address that can be connected to. */
static void visit(const char *host, const char *port)
{
    static const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    struct addrinfo *address;

    retry_after = 0;
    end_cause = getaddrinfo(host, port, &wanted, &addresses) != 0 ? LUBDUB_CAUSE_RESOLVE : LUBDUB_CAUSE_UNREACHABLE;
    for (address = addresses; address != NULL && fd < 0 && !is_leaving; address = address->ai_next) {
        end_cause = connect_to(address);
    }
    if (addresses != NULL) {
        freeaddrinfo(addresses);
    }
    if (fd < 0) {
        printf("down: %s\n", lubdub_cause_word(end_cause));
        return;
    }
    run_session();
    close(fd);
    fd = -1;
}

static lubdub_duration draw(lubdub_duration range)
{
    uint64_t random = 0;

    (void)!getrandom(&random, sizeof random, 0);
    return random % (range + 1);
}

/* Draws each wait from the whole of a range that doubles: clients that lost one server do not come back together. */
static lubdub_duration next_wait(lubdub_duration *range)
{
    bool was_replaced = end_cause == LUBDUB_CAUSE_REPLACED;
    lubdub_duration least = retry_after < LUBDUB_HOUR ? retry_after : LUBDUB_HOUR; /* more is not believed */
    lubdub_duration wait;

    if (was_replaced) { /* two clients under one name must not throw each other out as fast as they can */
        *range = *range > LONGEST_RANGE / 8 ? LONGEST_RANGE : *range * 8;
        return *range / 2 + draw(*range / 2);
    }
    wait = least + draw(*range > least / 2 ? *range : least / 2);
    *range = *range > LONGEST_RANGE / 2 ? LONGEST_RANGE : *range * 2;
    return wait;
}

static void keep_a_session(const char *host, const char *port)
{
    lubdub_duration range = SHORTEST_RANGE;

    while (!is_leaving) {
        lubdub_time began = now(NULL);
        lubdub_time until;
        lubdub_duration lasted;

        visit(host, port);
        if (is_leaving) {
            return;
        }
        lasted = lubdub_time_between(began, now(NULL));
        if (lasted >= 2 * LONGEST_RANGE || (lasted >= 9 * settings.interval && end_cause != LUBDUB_CAUSE_REPLACED)) {
            range = SHORTEST_RANGE; /* a server that lived so long did not die of its clients */
        }
        until = lubdub_time_after(now(NULL), next_wait(&range));
        printf("again in %llu ms\n", (unsigned long long)(lubdub_time_between(now(NULL), until) / LUBDUB_MILLISECOND));
        while (!is_leaving && now(NULL) < until) {
            wait_for(-1, 0, lubdub_time_between(now(NULL), until));
        }
    }
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t caught;

    sigemptyset(&caught);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGINT);
    sigprocmask(SIG_BLOCK, &caught, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static lubdub_duration milliseconds(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (number == 0 || *end != '\0' || number > 1000000000) {
        fprintf(stderr, "heartbeat: %s: must be a number of milliseconds, at least 1\n", text);
        exit(2);
    }
    return number * LUBDUB_MILLISECOND;
}

/* HOST, HOST:PORT, or [IPV6]:PORT; cuts it. */
static void split_address(char *text, const char **host, const char **port)
{
    char *colon = strrchr(text, ':');
    char *bracket = strchr(text, ']');

    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        *colon = '\0';
        *port = colon + 1;
    }
    if (*text == '[' && bracket != NULL) {
        *bracket = '\0';
        text++;
    }
    *host = text;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {{"id", 1, NULL, 'i'},
                                            {"interval", 1, NULL, 'v'},
                                            {"timeout", 1, NULL, 't'},
                                            {"token", 1, NULL, 'k'},
                                            {NULL, 0, NULL, 0}};
    const char *host = "localhost";
    const char *port = "3333";
    int option;

    lubdub_session_settings_init(&settings);
    settings.agent = (struct lubdub_slice){"lubdub-poll", 11};
    settings.interval = LUBDUB_SECOND;
    settings.timeout = 3 * LUBDUB_SECOND;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            settings.identity = (struct lubdub_slice){optarg, strlen(optarg)};
            break;
        case 'v':
            settings.interval = milliseconds(optarg);
            break;
        case 't':
            settings.timeout = milliseconds(optarg);
            break;
        case 'k':
            settings.token = (struct lubdub_slice){optarg, strlen(optarg)};
            break;
        default:
            return 2;
        }
    }
    if (optind < argc) {
        split_address(argv[optind], &host, &port);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    catch_signals();
    keep_a_session(host, port);
    return 0;
}
