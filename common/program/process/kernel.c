/* Where the kernel is older, TCP's own timers have to do. */
#include "program/process/kernel.h"

#include "program/events/log.h"
#include "ev/tuning.h"

void lubdub_log_kernel(void)
{
    char names[LUBDUB_TUNING_TEXT_SIZE];

    if (lubdub_log_level() >= LUBDUB_LOG_DEBUG && lubdub_tuning_lacks(names)[0] != '\0') {
        lubdub_log_debug("TCP's timers stay as they are: this kernel lacks options=\"%s\"", names);
    }
}
