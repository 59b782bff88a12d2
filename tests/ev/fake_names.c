/* Instead of a name server. */
#define _GNU_SOURCE
#include "fake_names.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool is_held;
static bool is_flaky_known;
static unsigned waiting;
static unsigned asked;

void fake_names_set_flaky(bool is_known)
{
    pthread_mutex_lock(&lock);
    is_flaky_known = is_known;
    pthread_mutex_unlock(&lock);
}

void fake_names_hold(void)
{
    pthread_mutex_lock(&lock);
    is_held = true;
    pthread_mutex_unlock(&lock);
}

void fake_names_release(void)
{
    pthread_mutex_lock(&lock);
    is_held = false;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

unsigned fake_names_waiting(void)
{
    unsigned count;

    pthread_mutex_lock(&lock);
    count = waiting;
    pthread_mutex_unlock(&lock);
    return count;
}

unsigned fake_names_asked(void)
{
    unsigned count;

    pthread_mutex_lock(&lock);
    count = asked;
    pthread_mutex_unlock(&lock);
    return count;
}

static bool note_question(const char *name)
{
    bool is_known;

    pthread_mutex_lock(&lock);
    asked++;
    waiting++;
    while (is_held && strcmp(name, "slow.fake") == 0) {
        pthread_cond_wait(&released, &lock);
    }
    waiting--;
    is_known = is_flaky_known;
    pthread_mutex_unlock(&lock);
    return is_known;
}

/* In one block with its address, as freeaddrinfo() of the C library wants it. */
static struct addrinfo **append(struct addrinfo **last, const char *ip)
{
    struct {
        struct addrinfo info;
        struct sockaddr_storage address;
    } *made = calloc(1, sizeof *made);
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&made->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&made->address;

    made->info.ai_addr = (struct sockaddr *)(void *)&made->address;
    if (inet_pton(AF_INET, ip, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        made->info.ai_addrlen = sizeof *in;
    } else {
        memset(&made->address, 0, sizeof made->address);
        inet_pton(AF_INET6, ip, &in6->sin6_addr);
        in6->sin6_family = AF_INET6;
        made->info.ai_addrlen = sizeof *in6;
    }
    made->info.ai_family = made->address.ss_family;
    *last = &made->info;
    return &made->info.ai_next;
}

static void answer(struct addrinfo **found, const char *const *ips)
{
    for (*found = NULL; *ips != NULL; ips++) {
        found = append(found, *ips);
    }
}

static void answer_many(struct addrinfo **found)
{
    char ip[INET_ADDRSTRLEN];
    unsigned i;

    for (i = 0; i < 500; i++) {
        snprintf(ip, sizeof ip, "127.1.%u.%u", i / 250, i % 250 + 1);
        found = append(found, ip);
    }
}

static int answer_fake(const char *name, struct addrinfo **found)
{
    static const char *const two[] = {"::1", "127.0.0.1", NULL};
    static const char *const blackhole[] = {"127.0.0.3", "127.0.0.1", NULL};
    static const char *const mixed[] = {"::1", "::2", "::1", "::3", "::ffff:127.0.0.1", "127.0.0.1", "127.0.0.2", NULL};
    static const char *const one[] = {"127.0.0.1", NULL};
    bool is_known = note_question(name);

    *found = NULL;
    if (strcmp(name, "none.fake") == 0) {
        return EAI_NONAME;
    }
    if (strcmp(name, "flaky.fake") == 0 && !is_known) {
        return EAI_AGAIN;
    }
    if (strcmp(name, "many.fake") == 0) {
        answer_many(found);
    } else if (strcmp(name, "empty.fake") != 0) {
        answer(found, strcmp(name, "two.fake") == 0         ? two
                      : strcmp(name, "blackhole.fake") == 0 ? blackhole
                      : strcmp(name, "mixed.fake") == 0     ? mixed
                                                            : one);
    }
    return 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    static int (*system_getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    size_t length = name != NULL ? strlen(name) : 0;

    if (length > 5 && strcmp(name + length - 5, ".fake") == 0 && (hints->ai_flags & AI_NUMERICHOST) == 0) {
        return answer_fake(name, found);
    }
    *(void **)(void *)&system_getaddrinfo = dlsym(RTLD_NEXT, "getaddrinfo");
    return system_getaddrinfo(name, service, hints, found);
}
