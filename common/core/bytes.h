/* Reads and writes numbers in network byte order. The caller has checked that the bytes are there. */
#ifndef LUBDUB_CORE_BYTES_H
#define LUBDUB_CORE_BYTES_H

#include <stdint.h>

static inline uint16_t lubdub_bytes_get16(const uint8_t *source)
{
    return (uint16_t)(source[0] << 8 | source[1]);
}

static inline uint32_t lubdub_bytes_get32(const uint8_t *source)
{
    return (uint32_t)lubdub_bytes_get16(source) << 16 | lubdub_bytes_get16(source + 2);
}

static inline uint64_t lubdub_bytes_get64(const uint8_t *source)
{
    return (uint64_t)lubdub_bytes_get32(source) << 32 | lubdub_bytes_get32(source + 4);
}

static inline void lubdub_bytes_put16(uint8_t *target, uint16_t value)
{
    target[0] = (uint8_t)(value >> 8);
    target[1] = (uint8_t)value;
}

static inline void lubdub_bytes_put32(uint8_t *target, uint32_t value)
{
    lubdub_bytes_put16(target, (uint16_t)(value >> 16));
    lubdub_bytes_put16(target + 2, (uint16_t)value);
}

static inline void lubdub_bytes_put64(uint8_t *target, uint64_t value)
{
    lubdub_bytes_put32(target, (uint32_t)(value >> 32));
    lubdub_bytes_put32(target + 4, (uint32_t)value);
}

#endif
