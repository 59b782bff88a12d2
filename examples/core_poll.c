/*
 * A client on the core alone, with poll(): answers the server's challenges, and says why the server is down: hung where
 * its kernel still acknowledges, unreachable where it does not. The step does the rest (lubdub/step.h).
 *
 *     core_poll ADDRESS PORT [COUNT]        leaves after so many acks
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/step.h>

static struct lubdub_session session;
static struct lubdub_session_settings settings;
static long acks_left;
static int fd;

static lubdub_time now(struct lubdub_step *step)
{
    struct timespec time;

    (void)step;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (lubdub_time)time.tv_sec * LUBDUB_SECOND + (lubdub_time)time.tv_nsec;
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
    if (event->kind == LUBDUB_EVENT_UP) {
        puts("up");
    } else if (event->kind == LUBDUB_EVENT_ACKED && --acks_left == 0) {
        lubdub_session_leave(step->session, &step->turn, LUBDUB_REASON_NORMAL, NULL, false, 0);
    } else if (event->kind == LUBDUB_EVENT_DOWN) {
        printf("down: %s\n", lubdub_cause_word(event->cause));
    }
    fflush(stdout);
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

int main(int argc, char *argv[])
{
    struct sockaddr_in address;
    struct lubdub_step step;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)(argc > 2 ? atoi(argv[2]) : 3333));
    acks_left = argc > 3 ? atol(argv[3]) : -1;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (argc < 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        perror("core_poll");
        return 1;
    }
    lubdub_session_settings_init(&settings);
    settings.interval = settings.timeout = 500 * LUBDUB_MILLISECOND;
    begin(&step);
    lubdub_session_init(&session, LUBDUB_ROLE_CLIENT, &step.turn);
    while (lubdub_step_settle(&step) != LUBDUB_STEP_IS_OVER) {
        lubdub_duration wait = lubdub_time_between(now(NULL), lubdub_session_deadline(&session, &settings));
        struct pollfd ready = {fd, 0, 0};

        ready.events = (short)((lubdub_session_wants_input(&session) ? POLLIN : 0) |
                               (lubdub_session_has_output(&session) ? POLLOUT : 0));
        poll(&ready, 1, wait < LUBDUB_MINUTE ? (int)(wait / LUBDUB_MILLISECOND + 1) : 60000);
        begin(&step);
        if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            lubdub_step_read(&step);
        }
        if (lubdub_session_deadline(&session, &settings) <= step.turn.now) {
            lubdub_step_due(&step);
        }
    }
    lubdub_session_clear(&session);
    return acks_left == 0 ? 0 : 1;
}
