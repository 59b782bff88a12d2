/* Computes quantiles in whole numbers: the same nanoseconds on every machine and with every compiler. */
#include "simulate/world/delay.h"

#include <string.h>

#define ONE ((int64_t)1 << 16)  /* 1 as z and logarithms are counted: in 2^-16 */
#define LOG2_E ((int64_t)94548) /* log2(e), in 2^-16 */
#define LN_2 ((uint64_t)45426)  /* ln(2), in 2^-16 */
#define MANTISSA_BITS 30
#define LONGEST (100 * LUBDUB_SECOND)

/*
 * The standard normal distribution's quantiles at 1 - (64 - i) / 64^(level + 1), in 2^-16: made once with Python's
 * statistics.NormalDist().inv_cdf(). The first is -2.6 and the last 5.2 where the true ones are infinite. The last
 * of a level is never used but for the third.
 */
static const int32_t normal[SIM_DELAY_LEVELS][SIM_DELAY_STEPS + 1] = {
    {
        -170394, -141156, -122076, -109834, -100540, -92917, -86377, -80600, -75389, -70616, -66191, -62048, -58140,
        -54428,  -50884,  -47482,  -44203,  -41032,  -37954, -34958, -32032, -29170, -26362, -23601, -20882, -18199,
        -15545,  -12917,  -10310,  -7718,   -5139,   -2567,  0,      2567,   5139,   7718,   10310,  12917,  15545,
        18199,   20882,   23601,   26362,   29170,   32032,  34958,  37954,  41032,  44203,  47482,  50884,  54428,
        58140,   62048,   66191,   70616,   75389,   80600,  86377,  92917,  100540, 109834, 122076, 141156, 158437,
    },
    {
        141156, 141567, 141983, 142406, 142834, 143268, 143709, 144156, 144610, 145071, 145540, 146016, 146500,
        146992, 147492, 148001, 148519, 149047, 149585, 150133, 150691, 151261, 151842, 152436, 153042, 153662,
        154295, 154944, 155608, 156288, 156986, 157702, 158437, 159193, 159970, 160771, 161597, 162449, 163329,
        164240, 165184, 166163, 167181, 168241, 169346, 170502, 171714, 172988, 174330, 175750, 177257, 178865,
        180588, 182445, 184462, 186670, 189113, 191851, 194971, 198608, 202983, 208507, 216085, 228531, 240408,
    },
    {
        228531, 228807, 229087, 229371, 229660, 229953, 230250, 230553, 230861, 231174, 231492, 231815, 232145,
        232480, 232822, 233170, 233525, 233887, 234256, 234632, 235017, 235410, 235811, 236222, 236642, 237072,
        237512, 237963, 238426, 238902, 239390, 239891, 240408, 240939, 241487, 242052, 242636, 243240, 243865,
        244514, 245187, 245887, 246616, 247377, 248173, 249007, 249884, 250808, 251785, 252821, 253924, 255104,
        256374, 257747, 259244, 260890, 262719, 264779, 267138, 269905, 273257, 277524, 283438, 293295, 340787,
    },
};

/* 2^(1/2), 2^(1/4), … 2^(1/65536), in 2^-30. */
static const uint32_t roots[16] = {1518500250, 1276901417, 1170923762, 1121280436, 1097253708, 1085434106,
                                   1079572136, 1076653033, 1075196443, 1074468888, 1074105294, 1073923544,
                                   1073832680, 1073787251, 1073764537, 1073753181};

/* value · 2^x, x in 2^-16. */
static lubdub_duration times_power_of_two(lubdub_duration value, int64_t x)
{
    int64_t whole = x >= 0 ? x / ONE : -((-x + ONE - 1) / ONE);
    uint64_t fraction = (uint64_t)(x - whole * ONE);
    uint64_t mantissa = (uint64_t)1 << MANTISSA_BITS;
    unsigned bit;

    for (bit = 0; bit < 16; bit++) {
        if ((fraction & (uint64_t)1 << (15 - bit)) != 0) {
            mantissa = mantissa * roots[bit] >> MANTISSA_BITS;
        }
    }
    /* The value has at most 37 bits. */
    value = (value * (mantissa >> 6)) >> (MANTISSA_BITS - 6);
    if (whole >= 0) {
        return whole > 20 || value > LONGEST >> whole ? LONGEST : value << whole;
    }
    return -whole > 63 ? 0 : value >> -whole;
}

/* log2 of 1 to 64, in 2^-16. */
static uint64_t log2_of(uint64_t number)
{
    uint64_t whole = 0;
    uint64_t mantissa;
    uint64_t fraction = 0;
    unsigned bit;

    while (number >> (whole + 1) != 0) {
        whole++;
    }
    mantissa = (number << MANTISSA_BITS) >> whole;
    for (bit = 0; bit < 16; bit++) {
        mantissa = mantissa * mantissa >> MANTISSA_BITS;
        fraction <<= 1;
        if (mantissa >= (uint64_t)2 << MANTISSA_BITS) {
            mantissa >>= 1;
            fraction |= 1;
        }
    }
    return whole << 16 | fraction;
}

void sim_delay_constant(struct sim_delay *delay, lubdub_duration length)
{
    sim_delay_uniform(delay, length, length);
}

void sim_delay_uniform(struct sim_delay *delay, lubdub_duration least, lubdub_duration most)
{
    unsigned level;
    unsigned i;

    for (level = 0; level < SIM_DELAY_LEVELS; level++) {
        lubdub_duration rest = most - least;

        for (i = 0; i < level + 1; i++) {
            rest /= SIM_DELAY_STEPS;
        }
        for (i = 0; i <= SIM_DELAY_STEPS; i++) {
            delay->quantiles[level][i] = most - rest * (SIM_DELAY_STEPS - i);
        }
    }
}

void sim_delay_lognormal(struct sim_delay *delay, lubdub_duration base, lubdub_duration median, unsigned sigma_milli)
{
    unsigned level;
    unsigned i;

    for (level = 0; level < SIM_DELAY_LEVELS; level++) {
        for (i = 0; i <= SIM_DELAY_STEPS; i++) {
            int64_t z = normal[level][i] * (int64_t)sigma_milli / 1000;

            delay->quantiles[level][i] = base + times_power_of_two(median, z * LOG2_E / ONE);
        }
    }
}

void sim_delay_exponential(struct sim_delay *delay, lubdub_duration mean)
{
    unsigned level;
    unsigned i;

    for (level = 0; level < SIM_DELAY_LEVELS; level++) {
        for (i = 0; i <= SIM_DELAY_STEPS; i++) {
            uint64_t rest = i < SIM_DELAY_STEPS ? SIM_DELAY_STEPS - i : 1;
            uint64_t bits = ((uint64_t)6 * (level + 1) << 16) - log2_of(rest); /* -log2 of the share that is longer */

            delay->quantiles[level][i] = (mean >> 8) * (bits * LN_2 >> 16) >> 8;
        }
    }
}

lubdub_duration sim_delay_draw(const struct sim_delay *delay, uint64_t chance)
{
    unsigned level;
    unsigned step = 0;
    uint64_t fraction;
    const lubdub_duration *quantiles;

    for (level = 0; level < SIM_DELAY_LEVELS; level++) {
        step = (unsigned)(chance >> 58);
        chance <<= 6;
        if (step < SIM_DELAY_STEPS - 1) {
            break;
        }
    }
    if (level == SIM_DELAY_LEVELS) {
        level--;
    }
    fraction = chance >> 48;
    quantiles = &delay->quantiles[level][step];
    return quantiles[0] + ((quantiles[1] - quantiles[0]) * fraction >> 16);
}
