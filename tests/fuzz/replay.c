/*
 * Runs a target without a fuzzer: over every file and every folder that is named, and
 *
 *     --mutate N     over N changed copies of each, the same ones every time
 *     --runs N       afterwards so often over changed and spliced copies of files that --seed S draws
 *     --seconds N    the same, for so long
 *     --found FILE   writes an input that aborts to this file
 *
 * Nothing looks at what the program covers, so that most of the time goes into the target. Prints how many executions
 * there were; and how far the drawn ones came, where the target counts that, and fails where that is not far.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_LIMIT (1 << 20)
#define KEPT_LIMIT 8192
#define KEPT_LENGTH 2304 /* longer inputs are not drawn from */
#define MADE_LENGTH (2 * KEPT_LENGTH)
#define SPLICES_LIMIT 3
#define RUNS_BETWEEN_LOOKS_AT_THE_CLOCK 1000

struct kept {
    uint8_t *bytes;
    size_t length;
};

static struct kept kept[KEPT_LIMIT];
static size_t kept_count;
static unsigned long mutations;
static unsigned long executions;
static unsigned long files;
static const char *found; /* where an input goes that aborts */
static const uint8_t *last_input;
static size_t last_length;

/* Of a build that measures coverage: what was covered before the blind executions is forgotten. */
void __llvm_profile_reset_counters(void) __attribute__((weak));

static uint64_t next_random(uint64_t *random)
{
    uint64_t z = (*random += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* In memory that is as large as the input, so that a sanitizer sees a byte too far. */
static void run(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length > 0 ? length : 1);

    CHECK(copy != NULL);
    memcpy(copy, bytes, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
    executions++;
}

static void run_mutations(uint8_t *bytes, size_t length)
{
    uint64_t random = length;
    unsigned long i;

    for (i = 0; i < mutations && length > 0; i++) {
        unsigned changes = (unsigned)(next_random(&random) % 4) + 1;
        size_t cut = next_random(&random) % 4 == 0 ? (size_t)(next_random(&random) % length) + 1 : length;

        while (changes-- > 0) {
            bytes[next_random(&random) % length] = (uint8_t)next_random(&random);
        }
        run(bytes, cut);
    }
}

static void keep(const uint8_t *bytes, size_t length)
{
    struct kept *one = &kept[kept_count];

    if (kept_count < KEPT_LIMIT && length <= KEPT_LENGTH) {
        one->bytes = malloc(length > 0 ? length : 1);
        CHECK(one->bytes != NULL);
        memcpy(one->bytes, bytes, length);
        one->length = length;
        kept_count++;
    }
}

static size_t below(uint64_t *random, size_t bound)
{
    return (size_t)(next_random(random) % bound);
}

/* Puts a part of a drawn input behind what is there, from its start or from anywhere. Returns the new length. */
static size_t add_piece(uint8_t *bytes, size_t length, bool is_from_start, uint64_t *random)
{
    const struct kept *one = &kept[below(random, kept_count)];
    size_t from = is_from_start ? 0 : below(random, one->length + 1);
    size_t part = one->length - from;

    if (is_from_start && below(random, 4) == 0) {
        part = below(random, part + 1);
    }
    if (part > MADE_LENGTH - length) {
        part = MADE_LENGTH - length;
    }
    memcpy(bytes + length, one->bytes + from, part);
    return length + part;
}

/* The start of one input, some ends of others behind it, and a few bytes changed. At most MADE_LENGTH bytes. */
static size_t make_input(uint8_t *bytes, uint64_t *random)
{
    size_t length = add_piece(bytes, 0, true, random);
    size_t times;

    for (times = below(random, SPLICES_LIMIT + 1); times > 0; times--) {
        length = add_piece(bytes, length, false, random);
    }
    for (times = length > 0 ? below(random, 5) : 0; times > 0; times--) {
        uint8_t *at = &bytes[below(random, length)];

        *at = (uint8_t)(below(random, 2) == 0 ? next_random(random) : *at ^ 1u << below(random, 8));
    }
    return length;
}

/* Keeps the input that the target did not return from. */
static void on_abort(int number)
{
    int file = open(found, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

    if (file >= 0) {
        ssize_t written = write(file, last_input, last_length);

        (void)written;
        close(file);
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* A sanitizer aborts, too, behind its report; without one a signal is all there is. */
static void keep_what_crashes(void)
{
    if (found != NULL) {
        signal(SIGABRT, on_abort);
#ifndef LUBDUB_SANITIZED
        signal(SIGSEGV, on_abort);
        signal(SIGBUS, on_abort);
        signal(SIGFPE, on_abort);
        signal(SIGILL, on_abort);
#endif
    }
}

static void run_blind(unsigned long runs, uint64_t *random)
{
    static uint8_t bytes[MADE_LENGTH];

    CHECK(kept_count > 0 || runs == 0);
    for (executions += runs; runs > 0; runs--) {
        size_t length = make_input(bytes, random);

        /* At the end of the memory that the sanitizer watches: no allocation for each run. */
        last_input = bytes + sizeof bytes - length;
        last_length = length;
        memmove(bytes + sizeof bytes - length, bytes, length);
        LLVMFuzzerTestOneInput(last_input, length);
    }
}

static void run_for(time_t seconds, uint64_t *random)
{
    struct timespec now;
    time_t end;

    clock_gettime(CLOCK_MONOTONIC, &now);
    for (end = now.tv_sec + seconds; now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now)) {
        run_blind(RUNS_BETWEEN_LOOKS_AT_THE_CLOCK, random);
    }
}

static void run_file(const char *path)
{
    static uint8_t bytes[INPUT_LIMIT];
    FILE *file = fopen(path, "rb");
    size_t length;

    CHECK(file != NULL);
    length = fread(bytes, 1, sizeof bytes, file);
    CHECK(ferror(file) == 0);
    fclose(file);
    files++;
    keep(bytes, length);
    run(bytes, length);
    run_mutations(bytes, length);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By name, so that a seed draws the same everywhere. */
static void run_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_shown, alphasort);
    int i;

    CHECK(count >= 0);
    for (i = 0; i < count; i++) {
        char path[4096];

        CHECK((size_t)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) < sizeof path);
        run_file(path);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    unsigned long seconds = 0;
    unsigned long runs = 0;
    uint64_t seed = 1;
    int i;

    for (i = 1; i < argc; i++) {
        struct stat status;

        if (argv[i][0] == '-' && i + 1 < argc) {
            const char *option = argv[i++];

            if (strcmp(option, "--mutate") == 0) {
                mutations = strtoul(argv[i], NULL, 10);
            } else if (strcmp(option, "--runs") == 0) {
                runs = strtoul(argv[i], NULL, 10);
            } else if (strcmp(option, "--seconds") == 0) {
                seconds = strtoul(argv[i], NULL, 10);
            } else if (strcmp(option, "--seed") == 0) {
                seed = strtoull(argv[i], NULL, 10);
            } else if (strcmp(option, "--found") == 0) {
                found = argv[i];
            } else {
                FAIL("an option that does not exist");
            }
            continue;
        }
        CHECK(stat(argv[i], &status) == 0);
        if (S_ISDIR(status.st_mode)) {
            run_folder(argv[i]);
        } else {
            run_file(argv[i]);
        }
    }
    run((const uint8_t *)"", 0);
    keep_what_crashes();
    if ((runs > 0 || seconds > 0) && __llvm_profile_reset_counters != NULL) {
        __llvm_profile_reset_counters();
    }
    if (fuzz_depth_begin != NULL) {
        fuzz_depth_begin();
    }
    run_blind(runs, &seed);
    run_for((time_t)seconds, &seed);
    CHECK(files > 0);
    printf("%lu files, %lu executions\n", files, executions);
    if (runs == 0 && seconds == 0) {
        return 0;
    }
    printf("%.0f executions in a second of processor\n", (double)executions * CLOCKS_PER_SEC / (double)clock());
    return fuzz_depth == NULL || fuzz_depth() ? 0 : 1;
}
