/*
 * Makes certificates for tests, at the time of the test: an authority, and what it issues, as PEM files in a folder of
 * its own that goes with them.
 */
#ifndef LUBDUB_TESTS_TLS_CERTIFICATES_H
#define LUBDUB_TESTS_TLS_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>

#define CERTIFICATES_PATH 96

struct certificates {
    char folder[64];
    void *key; /* of the authority */
    void *authority;
    char authority_file[CERTIFICATES_PATH];
};

/* A certificate and its key. */
struct certificate_files {
    char certificate[CERTIFICATES_PATH];
    char key[CERTIFICATES_PATH];
};

/* What is written into a certificate. Zeroed: nothing special. */
struct certificate_wish {
    const char *common_name;
    const char *alternatives; /* as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1"; NULL: none */
    int64_t begins_in;        /* seconds; 0: an hour ago */
    int64_t ends_in;          /* seconds; 0: in a day */
    bool is_rsa;
    unsigned rsa_bits; /* 0: 2048 */
};

/* Makes an authority of this name. Fails the test where something fails. */
void certificates_make(struct certificates *all, const char *name);
void certificates_clear(struct certificates *all);

/* Issues one; its files are called after `file`. The same name again replaces them. */
void certificates_issue(struct certificates *all, const char *file, const struct certificate_wish *wish,
                        struct certificate_files *files);

#endif
