#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "program/process/descriptor_table.h"
#include "support/test.h"

/* What the kernel has made room for, and the next number that it would give. */
static unsigned long room(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[128];
    unsigned long size = 0;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "FDSize: %lu", &size) != 1) {
        /* on */
    }
    fclose(file);
    return size;
}

static int next_descriptor(void)
{
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

static void reserving_makes_room_for_all_that_may_be_opened(void **state)
{
    struct rlimit limit;
    int before = next_descriptor();
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    lubdub_descriptor_table_reserve();
    assert_true(room() >= (limit.rlim_cur < 65536 ? limit.rlim_cur : 65536));
    assert_int_equal(next_descriptor(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserving_makes_room_for_all_that_may_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
