/*
 * Runs a target without a fuzzer: over every file of the folders that are named, and, with --mutate N, over N changed
 * copies of each (the same ones every time). Prints how many executions there were.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_LIMIT (1 << 20)

static unsigned long mutations;
static unsigned long executions;
static unsigned long files;

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
    int i;

    for (i = 1; i < argc; i++) {
        struct stat status;

        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc) {
            mutations = strtoul(argv[++i], NULL, 10);
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
    printf("%lu files, %lu executions\n", files, executions);
    CHECK(files > 0);
    return 0;
}
