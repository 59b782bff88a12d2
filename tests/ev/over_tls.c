#include "over_tls.h"

#include <stddef.h>

#ifdef LUBDUB_HAS_TLS

#include <stdlib.h>

#include <lubdub/tls.h>

#include "certificates.h"
#include "raw_tls.h"
#include "support/test.h"

struct lubdub_tls *over_tls_begin(void)
{
    static const struct certificate_wish wish = {.common_name = "localhost",
                                                 .alternatives = "DNS:localhost,IP:127.0.0.1,IP:::1"};
    struct lubdub_tls_settings settings;
    struct certificate_files files;
    struct certificates all;
    struct lubdub_tls *tls;

    if (getenv("LUBDUB_TESTS_OVER_TLS") == NULL) {
        return NULL;
    }
    certificates_make(&all, "authority");
    certificates_issue(&all, "server", &wish, &files);
    lubdub_tls_settings_init(&settings);
    settings.certificate_file = files.certificate;
    settings.key_file = files.key;
    assert_int_equal(lubdub_tls_new(&tls, LUBDUB_ROLE_SERVER, &settings, NULL, 0), LUBDUB_ERROR_OK);
    raw_clients_speak_tls(all.authority_file);
    certificates_clear(&all);
    return tls;
}

void over_tls_end(struct lubdub_tls *tls)
{
    lubdub_tls_free(tls);
    raw_clients_speak_tls(NULL);
}

#else

struct lubdub_tls *over_tls_begin(void)
{
    return NULL;
}

void over_tls_end(struct lubdub_tls *tls)
{
    (void)tls;
}

#endif
