/* Writes whole lines to pipes, sockets, terminals and files, each in the manner that it needs. */
#define _POSIX_C_SOURCE 200809L
#include "program/events/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ev/clock.h"

#define FILE_MODE 0640

int lubdub_event_output_adopt(int descriptor)
{
    struct stat status;

    if (fstat(descriptor, &status) != 0) {
        return -1;
    }
    /* Opened anew, a pipe or a terminal gets flags of its own; a socket has MSG_DONTWAIT, and a file needs neither. */
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        char path[32];
        int own;

        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own != -1) {
            return own;
        }
    }
    return fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

int lubdub_event_output_open(const char *path)
{
    /* O_NONBLOCK: a FIFO without a reader is refused instead of waited for. */
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat status;
    int descriptor;

    if (geteuid() != 0) {
        return open(path, flags, FILE_MODE);
    }
    descriptor = open(path, flags | O_NOFOLLOW, FILE_MODE);
    if (descriptor != -1 && (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(descriptor);
        errno = EMEDIUMTYPE;
        return -1;
    }
    return descriptor;
}

const char *lubdub_event_output_error_text(int error)
{
    if (error == EMEDIUMTYPE) {
        return "it is not a regular file, and root writes to no other";
    }
    if (error == ELOOP && geteuid() == 0) {
        return "it is a symbolic link, and root follows none here";
    }
    return strerror(error);
}

static void use(struct lubdub_event_output *output, int descriptor)
{
    struct stat status;
    int flags = fcntl(descriptor, F_GETFL);

    output->descriptor = descriptor;
    output->is_regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    output->is_socket = !output->is_regular && S_ISSOCK(status.st_mode);
    output->may_block = !output->is_regular && !output->is_socket && (flags == -1 || (flags & O_NONBLOCK) == 0);
    output->is_torn = false;
}

int lubdub_event_output_init(struct lubdub_event_output *output, int descriptor)
{
    memset(output, 0, sizeof *output);
    atomic_init(&output->next_descriptor, -1);
    atomic_init(&output->give_up_at, LUBDUB_TIME_NEVER);
    output->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (output->kick == -1) {
        int wrong = errno;

        close(descriptor);
        return wrong;
    }
    use(output, descriptor);
    return 0;
}

void lubdub_event_output_clear(struct lubdub_event_output *output)
{
    int next = atomic_exchange(&output->next_descriptor, -1);

    if (next != -1) {
        close(next);
    }
    close(output->descriptor);
    close(output->kick);
}

static void kick(struct lubdub_event_output *output)
{
    uint64_t one = 1;

    /* Can only fail because it is already kicked 2^64 - 2 times. */
    if (write(output->kick, &one, sizeof one) != sizeof one) {
        return;
    }
}

void lubdub_event_output_replace(struct lubdub_event_output *output, int descriptor)
{
    int earlier = atomic_exchange(&output->next_descriptor, descriptor);

    if (earlier != -1) {
        close(earlier);
    }
    kick(output);
}

void lubdub_event_output_limit(struct lubdub_event_output *output, lubdub_time give_up_at)
{
    atomic_store(&output->give_up_at, give_up_at);
    kick(output);
}

bool lubdub_event_output_switch(struct lubdub_event_output *output)
{
    int next = atomic_exchange(&output->next_descriptor, -1);

    if (next == -1) {
        return false;
    }
    close(output->descriptor);
    use(output, next);
    return true;
}

enum wait_result {
    WAIT_WRITABLE,
    WAIT_SWITCHED,
    WAIT_TIME_UP,
};

static int poll_timeout(lubdub_time give_up_at)
{
    lubdub_duration left = lubdub_time_between(lubdub_clock_now(), give_up_at);

    if (give_up_at == LUBDUB_TIME_NEVER) {
        return -1;
    }
    return left < 1000 * LUBDUB_SECOND ? (int)((left + LUBDUB_MILLISECOND - 1) / LUBDUB_MILLISECOND) : 1000000;
}

static enum wait_result wait_writable(struct lubdub_event_output *output)
{
    for (;;) {
        struct pollfd polled[2] = {{.fd = output->descriptor, .events = POLLOUT},
                                   {.fd = output->kick, .events = POLLIN}};
        int timeout = poll_timeout(atomic_load(&output->give_up_at));
        uint64_t kicks;

        if (poll(polled, 2, timeout) == -1 && errno != EINTR && errno != EAGAIN) {
            return WAIT_WRITABLE; /* the write will say what is wrong */
        }
        if (polled[1].revents != 0 && read(output->kick, &kicks, sizeof kicks) == sizeof kicks &&
            lubdub_event_output_switch(output)) {
            return WAIT_SWITCHED;
        }
        if (polled[0].revents != 0) {
            return WAIT_WRITABLE;
        }
        if (timeout == 0) {
            return WAIT_TIME_UP;
        }
    }
}

static ssize_t write_some(struct lubdub_event_output *output, const char *bytes, size_t length)
{
    ssize_t count;

    do {
        count = output->is_socket ? send(output->descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                                  : write(output->descriptor, bytes, length);
    } while (count == -1 && errno == EINTR);
    return count;
}

/* The length of the whole lines that lines begins with. */
static size_t whole_lines(const char *lines, size_t length)
{
    while (length > 0 && lines[length - 1] != '\n') {
        length--;
    }
    return length;
}

/* How much to offer at once: a file takes all; to others, what the kernel takes whole or not at all, if lines allow. */
static size_t piece(const struct lubdub_event_output *output, const char *lines, size_t length)
{
    const char *end;
    size_t whole;

    if (output->is_regular || length <= PIPE_BUF) {
        return length;
    }
    whole = whole_lines(lines, PIPE_BUF);
    if (whole > 0) {
        return whole;
    }
    end = memchr(lines, '\n', length);
    return end != NULL ? (size_t)(end - lines) + 1 : length;
}

static enum lubdub_event_output_result judge(struct lubdub_event_output *output, int error)
{
    output->error = error;
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
    case EBADF:
    case EINVAL:
        return LUBDUB_EVENT_OUTPUT_DEAD;
    default:
        return LUBDUB_EVENT_OUTPUT_REFUSED;
    }
}

/* The last line is there in part. If nothing was written behind it, it can be taken back. */
static void mend(struct lubdub_event_output *output, size_t part)
{
    struct stat status;
    off_t end;

    if (part == 0) {
        return;
    }
    output->is_torn = true;
    end = output->is_regular ? lseek(output->descriptor, 0, SEEK_CUR) : -1;
    if (end < (off_t)part || fstat(output->descriptor, &status) != 0 || status.st_size != end ||
        ftruncate(output->descriptor, end - (off_t)part) != 0) {
        return;
    }
    /* Without O_APPEND the next write would leave a hole. */
    output->is_torn = lseek(output->descriptor, end - (off_t)part, SEEK_SET) == -1;
}

/* Offers bytes until all are taken, or until there is another descriptor: a DONE with fewer. *taken is always exact. */
static enum lubdub_event_output_result write_piece(struct lubdub_event_output *output, const char *bytes, size_t length,
                                                   size_t *taken)
{
    bool waits = output->may_block;

    *taken = 0;
    while (*taken < length) {
        ssize_t count;

        if (waits) {
            enum wait_result waited = wait_writable(output);

            if (waited != WAIT_WRITABLE) {
                return waited == WAIT_SWITCHED ? LUBDUB_EVENT_OUTPUT_DONE : LUBDUB_EVENT_OUTPUT_TIME_UP;
            }
        }
        count = write_some(output, bytes + *taken, length - *taken);
        if (count > 0) {
            waits = output->may_block;
            *taken += (size_t)count;
            atomic_fetch_add_explicit(&output->taken, (uint64_t)count, memory_order_relaxed);
        } else if (count == 0) {
            return judge(output, EIO);
        } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
            return judge(output, errno);
        } else {
            waits = true;
        }
    }
    return LUBDUB_EVENT_OUTPUT_DONE;
}

enum lubdub_event_output_result lubdub_event_output_write(struct lubdub_event_output *output, const char *lines,
                                                          size_t length, size_t *written)
{
    enum lubdub_event_output_result result = LUBDUB_EVENT_OUTPUT_DONE;
    size_t taken;

    *written = 0;
    if (output->is_torn && length > 0) {
        result = write_piece(output, "\n", 1, &taken);
        output->is_torn = output->is_torn && taken == 0;
    }
    while (result == LUBDUB_EVENT_OUTPUT_DONE && *written < length) {
        const char *start = lines + *written;

        result = write_piece(output, start, piece(output, start, length - *written), &taken);
        *written += whole_lines(start, taken);
        if (result != LUBDUB_EVENT_OUTPUT_DONE) {
            mend(output, taken - whole_lines(start, taken));
        }
    }
    return result;
}
