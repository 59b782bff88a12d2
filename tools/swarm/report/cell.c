/* Writes a number with as few digits as tell something. */
#include "swarm/report/cell.h"

#include <stdio.h>

#include <lubdub/time.h>

const char *swarm_milliseconds_text(int64_t nanoseconds, char text[SWARM_CELL_SIZE])
{
    double value = (double)nanoseconds / (double)LUBDUB_MILLISECOND;
    double size = value < 0 ? -value : value;

    snprintf(text, SWARM_CELL_SIZE, "%.*f", size < 1 ? 3 : size < 10 ? 2 : size < 999.95 ? 1 : 0, value);
    return text;
}
