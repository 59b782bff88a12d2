/* Computes SipHash, and makes a key for this process. */
#define _DEFAULT_SOURCE /* le64toh() */
#include "ev/sip_hash.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void take(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

static void begin(uint64_t v[4], const uint64_t key[2])
{
    v[0] = key[0] ^ 0x736f6d6570736575u;
    v[1] = key[1] ^ 0x646f72616e646f6du;
    v[2] = key[0] ^ 0x6c7967656e657261u;
    v[3] = key[1] ^ 0x7465646279746573u;
}

static void take_all(uint64_t v[4], const uint8_t *bytes, size_t length)
{
    uint64_t last = (uint64_t)(length & 0xff) << 56;
    size_t left = length;
    size_t i;

    for (; left >= 8; left -= 8, bytes += 8) {
        uint64_t word;

        memcpy(&word, bytes, sizeof word);
        take(v, le64toh(word));
    }
    for (i = 0; i < left; i++) {
        last |= (uint64_t)bytes[i] << 8 * i;
    }
    take(v, last);
}

static uint64_t end(uint64_t v[4])
{
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t lubdub_sip_hash(const uint64_t key[2], const void *bytes, size_t length)
{
    uint64_t v[4];

    begin(v, key);
    take_all(v, bytes, length);
    v[2] ^= 0xff;
    return end(v);
}

void lubdub_sip_hash_128(const uint64_t key[2], const void *bytes, size_t length, uint64_t digest[2])
{
    uint64_t v[4];

    begin(v, key);
    v[1] ^= 0xee;
    take_all(v, bytes, length);
    v[2] ^= 0xee;
    digest[0] = end(v);
    v[1] ^= 0xdd;
    digest[1] = end(v);
}

static uint64_t own_key[2];

/* Where the kernel has no random numbers yet, an address and the time have to do. */
static void draw_key(void)
{
    struct timespec now;

    if (getrandom(own_key, sizeof own_key, 0) != (ssize_t)sizeof own_key) {
        clock_gettime(CLOCK_REALTIME, &now);
        own_key[0] = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec;
        own_key[1] = (uint64_t)(uintptr_t)&now * 0x9e3779b97f4a7c15u;
    }
}

uint32_t lubdub_sip_hash_here(const void *bytes, size_t length)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, draw_key);
    return (uint32_t)lubdub_sip_hash(own_key, bytes, length);
}
