/*
 * Runs a target without a fuzzer: over every file and every folder that is named, and
 *
 *     --mutate N     over N changed copies of each (the same ones every time)
 *     --seconds N    afterwards, for so long, over changed and spliced copies of files drawn by --seed S. Nothing looks
 * at what the program covers, so that most of the time goes into the target. An input that aborts is written to --found
 * FILE
 *
 * Prints how many executions there were.
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

/* The start of one input, often the end of another behind it, and a few bytes changed. At most 2 * KEPT_LENGTH bytes.
 */
static size_t make_input(uint8_t *bytes, uint64_t *random)
{
    const struct kept *one = &kept[below(random, kept_count)];
    const struct kept *other = &kept[below(random, kept_count)];
    size_t length = below(random, 4) == 0 ? below(random, one->length + 1) : one->length;
    size_t changes;

    memcpy(bytes, one->bytes, length);
    if (below(random, 2) == 0) {
        size_t from = below(random, other->length + 1);

        memcpy(bytes + length, other->bytes + from, other->length - from);
        length += other->length - from;
    }
    for (changes = length > 0 ? below(random, 5) : 0; changes > 0; changes--) {
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

static void run_for(time_t seconds, uint64_t random)
{
    static uint8_t bytes[2 * KEPT_LENGTH];
    struct timespec now;
    time_t end;
    unsigned i;

    CHECK(kept_count > 0);
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (end = now.tv_sec + seconds; now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now)) {
        for (i = 0; i < RUNS_BETWEEN_LOOKS_AT_THE_CLOCK; i++) {
            size_t length = make_input(bytes, &random);

            /* At the end of the memory that the sanitizer watches: no allocation for each run. */
            last_input = bytes + sizeof bytes - length;
            last_length = length;
            memmove(bytes + sizeof bytes - length, bytes, length);
            LLVMFuzzerTestOneInput(last_input, length);
        }
        executions += RUNS_BETWEEN_LOOKS_AT_THE_CLOCK;
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

static void run_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        char path[4096];

        if (entry->d_name[0] != '.') {
            CHECK((size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < sizeof path);
            run_file(path);
        }
    }
    closedir(directory);
}

int main(int argc, char **argv)
{
    unsigned long seconds = 0;
    uint64_t seed = 1;
    int i;

    for (i = 1; i < argc; i++) {
        struct stat status;

        if (argv[i][0] == '-' && i + 1 < argc) {
            const char *option = argv[i++];

            if (strcmp(option, "--mutate") == 0) {
                mutations = strtoul(argv[i], NULL, 10);
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
    if (seconds > 0) {
        if (found != NULL) {
            signal(SIGABRT, on_abort);
        }
        run_for((time_t)seconds, seed);
    }
    printf("%lu files, %lu executions\n", files, executions);
    CHECK(files > 0);
    return 0;
}
