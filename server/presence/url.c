/* Takes the parts of the URL one after the other. */
#include "server/presence/url.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] = "must be redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], rediss://…, unix:PATH, "
                            "sentinel://HOST[:PORT],…/MASTER or rediss-sentinel://…";

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379
#define DATABASES 65536

static int hex_digit(char letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    letter = (char)(letter | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Percent-decodes; false where it does not fit, is not well formed, or holds a zero byte. */
static bool decode(const char *text, size_t length, char target[PRESENCE_NAME_SIZE])
{
    size_t used = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        int byte = (unsigned char)text[i];

        if (used == PRESENCE_NAME_SIZE - 1) {
            return false;
        }
        if (byte == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;

            if (high < 0 || low < 0 || high * 16 + low == 0) {
                return false;
            }
            byte = high * 16 + low;
            i += 2;
        }
        target[used++] = (char)byte;
    }
    target[used] = '\0';
    return true;
}

static bool take_number(const char *text, size_t length, unsigned long most, unsigned long *number)
{
    char digits[8];
    size_t i;

    if (length == 0 || length >= sizeof digits) {
        return false;
    }
    for (i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        digits[i] = text[i];
    }
    digits[length] = '\0';
    *number = strtoul(digits, NULL, 10);
    return *number <= most;
}

/* HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
static bool take_host(const char *text, size_t length, uint16_t usual_port, struct presence_host *host)
{
    const char *end = text + length;
    const char *name = text;
    const char *name_end;
    const char *colon;
    unsigned long port = usual_port;

    if (length > 0 && text[0] == '[') {
        name = text + 1;
        name_end = memchr(name, ']', length - 1);
        if (name_end == NULL) {
            return false;
        }
        colon = name_end + 1 < end ? name_end + 1 : NULL;
        if (colon != NULL && *colon != ':') {
            return false;
        }
    } else {
        colon = memchr(text, ':', length);
        name_end = colon != NULL ? colon : end;
    }
    if (colon != NULL && (!take_number(colon + 1, (size_t)(end - colon - 1), UINT16_MAX, &port) || port == 0)) {
        return false;
    }
    host->port = (uint16_t)port;
    return name_end > name && decode(name, (size_t)(name_end - name), host->name);
}

static bool take_hosts(const char *text, size_t length, uint16_t usual_port, struct presence_url *url)
{
    const char *end = text + length;

    while (text <= end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma != NULL ? comma : end;

        if (url->host_count == PRESENCE_HOSTS ||
            !take_host(text, (size_t)(stop - text), usual_port, &url->hosts[url->host_count])) {
            return false;
        }
        url->host_count++;
        text = stop + 1;
    }
    return true;
}

static bool take_database(const char *text, struct presence_url *url)
{
    unsigned long number = 0;

    if (*text != '\0' && !take_number(text, strlen(text), DATABASES, &number)) {
        return false;
    }
    url->database = (unsigned)number;
    return true;
}

/* USER:PASSWORD@, USER@, :PASSWORD@ or nothing; moves *text behind it. */
static bool take_user(const char **text, struct presence_url *url)
{
    size_t length = strcspn(*text, "/");
    const char *at = NULL;
    const char *colon;
    size_t i;

    for (i = 0; i < length; i++) {
        at = (*text)[i] == '@' ? *text + i : at; /* the last one */
    }
    if (at == NULL) {
        return true;
    }
    colon = memchr(*text, ':', (size_t)(at - *text));
    if (colon == NULL) { /* its password is in a file */
        bool is_name = at > *text && decode(*text, (size_t)(at - *text), url->user);

        *text = at + 1;
        return is_name;
    }
    if (!decode(*text, (size_t)(colon - *text), url->user) ||
        !decode(colon + 1, (size_t)(at - colon - 1), url->password) || url->password[0] == '\0') {
        return false;
    }
    *text = at + 1;
    return true;
}

static bool take_redis(const char *text, struct presence_url *url)
{
    size_t length;

    if (!take_user(&text, url)) {
        return false;
    }
    length = strcspn(text, "/");
    return take_hosts(text, length, REDIS_PORT, url) && url->host_count == 1 &&
           take_database(text[length] == '/' ? text + length + 1 : "", url);
}

static bool take_sentinels(const char *text, struct presence_url *url)
{
    size_t length;

    url->has_sentinels = true;
    if (!take_user(&text, url)) {
        return false;
    }
    length = strcspn(text, "/");
    if (!take_hosts(text, length, SENTINEL_PORT, url) || text[length] != '/') {
        return false;
    }
    text += length + 1;
    length = strcspn(text, "/");
    return length > 0 && decode(text, length, url->master) &&
           take_database(text[length] == '/' ? text + length + 1 : "", url);
}

const char *presence_url_parse(const char *text, struct presence_url *url)
{
    memset(url, 0, sizeof *url);
    if (strncmp(text, "redis://", 8) == 0) {
        return take_redis(text + 8, url) ? NULL : usage;
    }
    if (strncmp(text, "rediss://", 9) == 0) {
        url->is_tls = true;
        return take_redis(text + 9, url) ? NULL : usage;
    }
    if (strncmp(text, "sentinel://", 11) == 0 || strncmp(text, "redis-sentinel://", 17) == 0) {
        return take_sentinels(strstr(text, "://") + 3, url) ? NULL : usage;
    }
    if (strncmp(text, "rediss-sentinel://", 18) == 0) {
        url->is_tls = true;
        return take_sentinels(text + 18, url) ? NULL : usage;
    }
    if (strncmp(text, "unix:", 5) == 0) {
        const char *path = text + 5;

        url->is_unix = true;
        while (path[0] == '/' && path[1] == '/') {
            path++; /* unix:///path, as others write it */
        }
        return path[0] == '/' && decode(path, strlen(path), url->path) ? NULL : usage;
    }
    return usage;
}

const char *presence_url_judge_secrets(const struct presence_url *url, const struct presence_url_secrets *secrets)
{
    bool has_sentinel_words = secrets->sentinel_user != NULL || secrets->has_sentinel_password;

    if (url->user[0] != '\0' && url->password[0] == '\0' && !secrets->has_password) {
        return "--redis: there is a user but no password: write USER:PASSWORD@, or give the password in a file";
    }
    if (has_sentinel_words && !url->has_sentinels) {
        return "--redis-sentinel-user and --redis-sentinel-password-file need --redis sentinel://HOST,.../MASTER";
    }
    if (secrets->sentinel_user != NULL && !secrets->has_sentinel_password) {
        return "--redis-sentinel-user needs --redis-sentinel-password-file";
    }
    return NULL;
}
