/* Certificates and keys from files, and what is wrong with them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <lubdub/tls.h>

#include "certificates.h"
#include "support/test.h"
#include "tls/context.h"
#include "tls/names.h"

struct scene {
    struct certificates all;
    struct certificate_files server;
    struct certificate_files other;
    struct lubdub_tls_settings settings;
};

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    certificates_make(&scene->all, "authority");
    certificates_issue(&scene->all, "server",
                       &(struct certificate_wish){.common_name = "localhost", .alternatives = "DNS:localhost"},
                       &scene->server);
    certificates_issue(&scene->all, "other", &(struct certificate_wish){.common_name = "other"}, &scene->other);
    lubdub_tls_settings_init(&scene->settings);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    certificates_clear(&scene->all);
    free(scene);
    return 0;
}

/* The sentence holds all of these. */
static void expect_problem(const struct scene *scene, enum lubdub_role role, const char *file, const char *why)
{
    char problem[LUBDUB_TLS_PROBLEM_SIZE] = "";
    struct lubdub_tls *tls = (struct lubdub_tls *)1;

    assert_int_equal(lubdub_tls_new(&tls, role, &scene->settings, problem, sizeof problem), LUBDUB_ERROR_INVALID);
    assert_null(tls);
    if (strstr(problem, file) == NULL || strstr(problem, why) == NULL) {
        fail_msg("the problem is: %s", problem);
    }
    assert_int_equal(lubdub_tls_new(&tls, role, &scene->settings, NULL, 0), LUBDUB_ERROR_INVALID);
}

static const char *write_file(const struct scene *scene, const char *name, const char *text, char *path)
{
    FILE *file;

    snprintf(path, CERTIFICATES_PATH, "%s/%s", scene->all.folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static void a_server_is_made_of_a_certificate_and_its_key(void **state)
{
    struct scene *scene = *state;
    struct lubdub_tls *tls;
    int64_t not_before;
    int64_t not_after;

    scene->settings.certificate_file = scene->server.certificate;
    scene->settings.key_file = scene->server.key;
    scene->settings.authority_file = scene->all.authority_file;
    assert_int_equal(lubdub_tls_new(&tls, LUBDUB_ROLE_SERVER, &scene->settings, NULL, 0), LUBDUB_ERROR_OK);
    assert_true(lubdub_transport_fits(tls));
    assert_true(lubdub_tls_validity(tls, &not_before, &not_after));
    assert_int_equal(not_after - not_before, 25 * 3600);
    lubdub_tls_free(tls);
    lubdub_tls_free(NULL);
}

static void a_client_needs_nothing(void **state)
{
    struct scene *scene = *state;
    struct lubdub_tls *tls;
    int64_t time;

    assert_int_equal(lubdub_tls_new(&tls, LUBDUB_ROLE_CLIENT, &scene->settings, NULL, 0), LUBDUB_ERROR_OK);
    assert_false(lubdub_tls_validity(tls, &time, &time));
    lubdub_tls_free(tls);
}

static void wrong_files_are_named(void **state)
{
    struct scene *scene = *state;
    char path[CERTIFICATES_PATH];

    expect_problem(scene, LUBDUB_ROLE_SERVER, "TLS", "needs a certificate");
    scene->settings.certificate_file = scene->server.certificate;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "server.crt", "belong together");
    scene->settings.key_file = "/nowhere/at.all";
    expect_problem(scene, LUBDUB_ROLE_SERVER, "/nowhere/at.all", "No such file");
    scene->settings.key_file = scene->all.folder;
    expect_problem(scene, LUBDUB_ROLE_SERVER, scene->all.folder, "no regular file");
    scene->settings.key_file = scene->other.key;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "other.key", "not that of the certificate");
    scene->settings.key_file = write_file(scene, "empty", "", path);
    expect_problem(scene, LUBDUB_ROLE_SERVER, "empty", "no private key");
    scene->settings.certificate_file = path;
    scene->settings.key_file = scene->server.key;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "empty", "no certificate");
    scene->settings.certificate_file = scene->server.certificate;
    scene->settings.authority_file = path;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "empty", "no certificate");
    expect_problem(scene, LUBDUB_ROLE_CLIENT, "empty", "no certificate");
    scene->settings.authority_file = NULL;
    scene->settings.requires_certificate = true;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "TLS", "no authority");
}

/* Each file in turn is this one. */
static void expect_problem_of_each(struct scene *scene, const char *path, const char *name, const char *words)
{
    scene->settings.certificate_file = path;
    scene->settings.key_file = scene->server.key;
    expect_problem(scene, LUBDUB_ROLE_SERVER, name, words);
    scene->settings.certificate_file = scene->server.certificate;
    scene->settings.key_file = path;
    expect_problem(scene, LUBDUB_ROLE_SERVER, name, words);
    scene->settings.key_file = scene->server.key;
    scene->settings.authority_file = path;
    expect_problem(scene, LUBDUB_ROLE_SERVER, name, words);
    scene->settings.authority_file = NULL;
}

/* A pipe that nobody writes to, and a file with a hole of 17 MiB: neither may hold the program. */
static void what_would_take_for_ever_is_not_read(void **state)
{
    struct scene *scene = *state;
    char pipe[CERTIFICATES_PATH];
    char path[CERTIFICATES_PATH];

    snprintf(pipe, sizeof pipe, "%s/pipe", scene->all.folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    expect_problem_of_each(scene, pipe, "pipe", "is no regular file");
    (void)write_file(scene, "long", "", path);
    assert_int_equal(truncate(path, 17 * 1024 * 1024), 0);
    expect_problem_of_each(scene, path, "long", "longer than 16 MiB");
}

static void key_that_is_too_short_is_named(void **state)
{
    struct scene *scene = *state;
    struct certificate_files weak;

    certificates_issue(&scene->all, "weak",
                       &(struct certificate_wish){.common_name = "weak", .is_rsa = true, .rsa_bits = 1024}, &weak);
    scene->settings.certificate_file = weak.certificate;
    scene->settings.key_file = weak.key;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "weak.crt", "the certificate's key is too short");
}

static void a_key_with_a_passphrase_is_refused_and_asks_nobody(void **state)
{
    struct scene *scene = *state;
    char path[CERTIFICATES_PATH];
    FILE *file;
    EVP_PKEY *key = EVP_EC_gen("P-256");

    snprintf(path, sizeof path, "%s/locked.key", scene->all.folder);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL),
                     1);
    fclose(file);
    EVP_PKEY_free(key);
    scene->settings.certificate_file = scene->server.certificate;
    scene->settings.key_file = path;
    expect_problem(scene, LUBDUB_ROLE_SERVER, "locked.key", "passphrase");
}

static void settings_without_their_initialiser_are_refused(void **state)
{
    struct scene *scene = *state;
    char problem[LUBDUB_TLS_PROBLEM_SIZE];
    struct lubdub_tls *tls;

    memset(&scene->settings, 0, sizeof scene->settings);
    assert_int_equal(lubdub_tls_new(&tls, LUBDUB_ROLE_CLIENT, &scene->settings, problem, sizeof problem),
                     LUBDUB_ERROR_INVALID);
    assert_non_null(strstr(problem, "size"));
}

static X509 *read_certificate(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

    fclose(file);
    assert_non_null(certificate);
    return certificate;
}

static void names_are_the_alternatives_and_the_common_name(void **state)
{
    struct scene *scene = *state;
    struct certificate_files files;
    size_t length;
    X509 *certificate;
    char *names;

    certificates_issue(&scene->all, "many",
                       &(struct certificate_wish){.common_name = "pump-7",
                                                  .alternatives = "DNS:pump-7.plant.example,email:pump@plant.example,"
                                                                  "URI:spiffe://plant/pump-7,IP:192.0.2.7"},
                       &files);
    certificate = read_certificate(files.certificate);
    names = lubdub_names_of(certificate, &length);
    X509_free(certificate);
    assert_int_equal(length, sizeof "pump-7.plant.example\0pump@plant.example\0spiffe://plant/pump-7\0pump-7");
    assert_memory_equal(names, "pump-7.plant.example\0pump@plant.example\0spiffe://plant/pump-7\0pump-7", length);
    free(names);
}

/* "pump-7\0.evil.example" would be read as pump-7. */
static void names_that_no_identity_has_are_left_out(void **state)
{
    struct scene *scene = *state;
    struct certificate_files files;
    size_t length = 1;
    X509 *certificate;

    certificates_issue(&scene->all, "odd", &(struct certificate_wish){.common_name = "pump\n7"}, &files);
    certificate = read_certificate(files.certificate);
    assert_null(lubdub_names_of(certificate, &length));
    assert_int_equal(length, 0);
    X509_free(certificate);
}

static void the_rules_hold_for_every_connection(void **state)
{
    struct scene *scene = *state;
    struct lubdub_tls *tls;
    SSL *ssl;

    scene->settings.certificate_file = scene->server.certificate;
    scene->settings.key_file = scene->server.key;
    assert_int_equal(lubdub_tls_new(&tls, LUBDUB_ROLE_SERVER, &scene->settings, NULL, 0), LUBDUB_ERROR_OK);
    ssl = lubdub_tls_context_connection(lubdub_tls_context_of(tls), NULL);
    assert_non_null(ssl);
    assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
    assert_true((SSL_get_options(ssl) & SSL_OP_NO_RENEGOTIATION) != 0);
    assert_true((SSL_get_options(ssl) & SSL_OP_NO_COMPRESSION) != 0);
    assert_true((SSL_get_options(ssl) & SSL_OP_NO_TICKET) != 0);
    assert_int_equal(SSL_get_num_tickets(ssl), 0);
    assert_int_equal(SSL_get_max_early_data(ssl), 0);
    SSL_free(ssl);
    lubdub_tls_free(tls);
}

static void a_client_without_a_name_to_check_connects_to_nobody(void **state)
{
    struct scene *scene = *state;
    struct lubdub_tls *tls;
    SSL *ssl;

    assert_int_equal(lubdub_tls_new(&tls, LUBDUB_ROLE_CLIENT, &scene->settings, NULL, 0), LUBDUB_ERROR_OK);
    assert_null(lubdub_tls_context_connection(lubdub_tls_context_of(tls), NULL));
    assert_null(lubdub_tls_context_connection(lubdub_tls_context_of(tls), ""));
    ssl = lubdub_tls_context_connection(lubdub_tls_context_of(tls), "[fe80::1%eth0]");
    assert_non_null(ssl);
    assert_null(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)); /* an address is not told as a name */
    SSL_free(ssl);
    ssl = lubdub_tls_context_connection(lubdub_tls_context_of(tls), "pump.example");
    assert_non_null(ssl);
    assert_int_equal(SSL_get_verify_mode(ssl), SSL_VERIFY_PEER);
    SSL_free(ssl);
    lubdub_tls_free(tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_server_is_made_of_a_certificate_and_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_needs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_files_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_would_take_for_ever_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(key_that_is_too_short_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_with_a_passphrase_is_refused_and_asks_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_without_their_initialiser_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_the_alternatives_and_the_common_name, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_no_identity_has_are_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rules_hold_for_every_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_without_a_name_to_check_connects_to_nobody, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
