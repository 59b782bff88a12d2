/* A program of ours as a child process. Every wait here has a limit and fails the test with the child's own words. */
#ifndef LUBDUB_TESTS_SYSTEM_PROCESS_H
#define LUBDUB_TESTS_SYSTEM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_ARGUMENTS 48
#define PROCESS_PIPE (-1)
#define PROCESS_CLOSED (-2)

struct process {
    const char *variable; /* where the program's path stands: "LUBDUB_SERVER" */
    const char *arguments[PROCESS_ARGUMENTS];
    size_t argument_count;
    int input_from; /* a descriptor of the test's, or PROCESS_CLOSED; /dev/null unless set */
    int output_to;  /* likewise; PROCESS_PIPE unless set */
    bool errors_closed;
    int inherits; /* a descriptor that the child keeps, at the same number; 0: none */

    pid_t pid;       /* 0 when it does not run */
    int output;      /* the reading end of its standard output */
    int errors;      /* a file in memory: its standard error so far */
    int status;      /* after the end: exit status, or 128 + signal */
    bool was_killed; /* it was that signal that ended it */
};

/* The program's path is in this environment variable. */
void process_init(struct process *process, const char *variable);

/* The text must outlive the process. */
void process_add(struct process *process, const char *argument);

void process_start(struct process *process);

/* It ends by itself within the patience. Returns its exit status, 128 + N for one killed by signal N. */
int process_wait(struct process *process);

/*
 * Kills it if it still runs, and closes what the test has of it. A report of a sanitizer fails the test.
 * One that is all zeros, because its test was skipped before it began, is left alone.
 */
void process_clear(struct process *process);

void process_signal(struct process *process, int signal);

/* SIGSTOP, and waits until every thread stands still. */
void process_stop(struct process *process);
void process_go_on(struct process *process);

/* What stands on its standard error so far; the caller frees. */
char *process_errors(const struct process *process);

/* Waits until this stands there. */
void process_expect_error(struct process *process, const char *words);

/* How often. */
unsigned process_count_errors(const struct process *process, const char *words);

/* Reads standard output to its end; the caller frees. Ends it with NUL. */
char *process_read_output(struct process *process, size_t *length);

/* Programs started from now on give freed memory back soon, sanitized or not: their resident memory tells something. */
void measure_memory(void);

/* How many bytes one byte costs: ThreadSanitizer keeps shadows. */
#ifdef __SANITIZE_THREAD__
#define MEMORY_FACTOR 8
#else
#define MEMORY_FACTOR 1
#endif

/* Resident memory in KiB, CPU time in milliseconds, open descriptors. */
size_t process_resident(const struct process *process);
uint64_t process_cpu(const struct process *process);
size_t process_descriptors(const struct process *process);

/* Neither gone nor a zombie: of any process, not the test's alone. */
bool process_is_running(pid_t pid);

/* Waits for any child of the test to stop; SIGSTOP was sent. */
void wait_until_stopped(pid_t pid);

/* Runs one program without LUBDUB's path: "ip", … Returns its exit status; its output is thrown away. */
int run(const char *program, ...);

#endif
