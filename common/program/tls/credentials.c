/* Opens liblubdub-tls, where there is one, and calls it. */
#define _GNU_SOURCE
#include "program/tls/credentials.h"

#ifdef LUBDUB_HAS_TLS

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/tls.h>

#include "program/events/escape.h"
#include "program/events/log.h"

/* Before its end a certificate is warned of for so long. */
#define WARNED_BEFORE (14 * 24 * 3600)

#define PATH_SIZE 1024

/* The functions of the library; NULL before it is open. */
static struct {
    void *handle;
    void (*settings_init_sized)(struct lubdub_tls_settings *settings, size_t size);
    enum lubdub_error (*new_tls)(struct lubdub_tls **tls, enum lubdub_role role,
                                 const struct lubdub_tls_settings *settings, char *problem, size_t capacity);
    void (*free_tls)(struct lubdub_tls *tls);
    bool (*validity)(const struct lubdub_tls *tls, int64_t *not_before, int64_t *not_after);
} library;

/* A pointer to an object becomes one to a function, as POSIX wants it for dlsym(). */
static bool find(void *function, const char *name)
{
    void *found = dlsym(library.handle, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

/*
 * Beside the program, as they are installed together: the place need not be one that the system searches, and the
 * library is of the same version.
 */
static void *open_beside_the_program(void)
{
    char path[PATH_SIZE];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash;

    path[length > 0 ? length : 0] = '\0';
    slash = strrchr(path, '/');
    if (slash == NULL) {
        return NULL;
    }
    length = slash - path;
    snprintf(slash, sizeof path - (size_t)length, "/../" LUBDUB_LIBRARY_FOLDER "/" LUBDUB_TLS_LIBRARY);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static bool is_open(void)
{
    if (library.handle == NULL) {
        library.handle = open_beside_the_program();
    }
    if (library.handle == NULL) {
        library.handle = dlopen(LUBDUB_TLS_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    }
    return library.handle != NULL && find(&library.settings_init_sized, "lubdub_tls_settings_init_sized") &&
           find(&library.new_tls, "lubdub_tls_new") && find(&library.free_tls, "lubdub_tls_free") &&
           find(&library.validity, "lubdub_tls_validity");
}

#define REFUSED_TO_CLIENT "--tls: needs the library " LUBDUB_TLS_LIBRARY ", which is not installed"
#define REFUSED_TO_REDIS "--redis: rediss:// needs the library " LUBDUB_TLS_LIBRARY ", which is not installed"

const char *lubdub_credentials_refuse(void)
{
    return is_open() ? NULL : "TLS needs the library " LUBDUB_TLS_LIBRARY ", which is not installed";
}

bool lubdub_credentials_load(struct lubdub_tls **tls, enum lubdub_role role, const struct lubdub_credentials *files,
                             char *problem, size_t capacity)
{
    char sentence[LUBDUB_TLS_PROBLEM_SIZE]; /* it has the path, which may hold anything */
    struct lubdub_tls_settings settings;

    *tls = NULL;
    if (!is_open()) {
        snprintf(problem, capacity, "%s", lubdub_credentials_refuse());
        return false;
    }
    library.settings_init_sized(&settings, sizeof settings);
    settings.certificate_file = files->certificate;
    settings.key_file = files->key;
    settings.authority_file = files->authority;
    settings.requires_certificate = files->requires_certificate;
    if (library.new_tls(tls, role, &settings, sentence, sizeof sentence) != LUBDUB_ERROR_OK) {
        lubdub_escape_text(problem, capacity, sentence, strlen(sentence));
        return false;
    }
    return true;
}

void lubdub_credentials_free(struct lubdub_tls *tls)
{
    if (tls != NULL) {
        library.free_tls(tls);
    }
}

int64_t lubdub_credentials_not_after(const struct lubdub_tls *tls)
{
    int64_t not_before;
    int64_t not_after;

    return tls != NULL && library.validity(tls, &not_before, &not_after) ? not_after : 0;
}

static void warn_of_validity(const struct lubdub_tls *tls, const char *shown)
{
    int64_t now = (int64_t)time(NULL);
    int64_t not_before;
    int64_t not_after;

    if (!library.validity(tls, &not_before, &not_after)) {
        return;
    }
    if (now > not_after) {
        lubdub_log_warning("the certificate has expired, its peers will refuse it file=%s", shown);
    } else if (now < not_before) {
        lubdub_log_warning("the certificate is not valid yet, its peers will refuse it file=%s", shown);
    } else if (not_after - now < WARNED_BEFORE) {
        lubdub_log_warning("the certificate expires soon file=%s hours=%lld", shown,
                           (long long)((not_after - now) / 3600));
    }
}

void lubdub_credentials_warn(const struct lubdub_tls *tls, const struct lubdub_credentials *files)
{
    struct stat status;
    char shown[512];

    if (tls == NULL || files->certificate == NULL || files->key == NULL) {
        return;
    }
    lubdub_escape_value(shown, sizeof shown, files->certificate, strlen(files->certificate));
    warn_of_validity(tls, shown);
    if (stat(files->key, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        lubdub_escape_value(shown, sizeof shown, files->key, strlen(files->key));
        lubdub_log_warning("every user may read or write the key file=%s", shown);
    }
}

#else

#include <stdio.h>

#define REFUSED_TO_CLIENT "--tls: this program was built without TLS (LUBDUB_TLS=OFF)"
#define REFUSED_TO_REDIS "--redis: rediss:// needs TLS, and this program was built without it (LUBDUB_TLS=OFF)"

const char *lubdub_credentials_refuse(void)
{
    return "this program was built without TLS (LUBDUB_TLS=OFF)";
}

bool lubdub_credentials_load(struct lubdub_tls **tls, enum lubdub_role role, const struct lubdub_credentials *files,
                             char *problem, size_t capacity)
{
    (void)role, (void)files;
    *tls = NULL;
    snprintf(problem, capacity, "%s", lubdub_credentials_refuse());
    return false;
}

void lubdub_credentials_free(struct lubdub_tls *tls)
{
    (void)tls;
}

void lubdub_credentials_warn(const struct lubdub_tls *tls, const struct lubdub_credentials *files)
{
    (void)tls, (void)files;
}

int64_t lubdub_credentials_not_after(const struct lubdub_tls *tls)
{
    (void)tls;
    return 0;
}

#endif

const char *lubdub_credentials_judge_client(bool is_on, const struct lubdub_credentials *files, const char *name)
{
    bool is_asked_for =
        is_on || files->certificate != NULL || files->key != NULL || files->authority != NULL || name != NULL;

    if (is_asked_for && lubdub_credentials_refuse() != NULL) {
        return REFUSED_TO_CLIENT;
    }
    if (is_asked_for && !is_on) {
        return "--tls-ca, --tls-cert, --tls-key and --tls-name need --tls";
    }
    if ((files->certificate == NULL) != (files->key == NULL)) {
        return "--tls-cert and --tls-key belong together";
    }
    return NULL;
}

const char *lubdub_credentials_judge_redis(bool is_on, const struct lubdub_credentials *files)
{
    if (is_on && lubdub_credentials_refuse() != NULL) {
        return REFUSED_TO_REDIS;
    }
    if (!is_on && (files->certificate != NULL || files->key != NULL || files->authority != NULL)) {
        return "--redis-ca, --redis-cert and --redis-key need --redis rediss://HOST or "
               "rediss-sentinel://HOST,.../MASTER";
    }
    if ((files->certificate == NULL) != (files->key == NULL)) {
        return "--redis-cert and --redis-key belong together";
    }
    return NULL;
}
