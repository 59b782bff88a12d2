/* The first bytes of a connection, whole and in parts. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/ssl.h>

#include "support/test.h"
#include "tls/client_hello.h"

/* A true one, from OpenSSL. */
static size_t make_hello(uint8_t *bytes, size_t capacity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *output = BIO_new(BIO_s_mem());
    int length;

    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), output);
    SSL_set_tlsext_host_name(ssl, "localhost");
    SSL_set_connect_state(ssl);
    assert_int_equal(SSL_do_handshake(ssl), -1);
    length = BIO_read(output, bytes, (int)capacity);
    assert_true(length > 0);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return (size_t)length;
}

static void hello_is_whole_with_its_last_byte_and_not_before(void **state)
{
    uint8_t hello[LUBDUB_CLIENT_HELLO_LIMIT];
    size_t length = make_hello(hello, sizeof hello);
    size_t i;
    (void)state;

    for (i = 0; i < length; i++) {
        assert_int_equal(lubdub_client_hello_judge(hello, i), LUBDUB_CLIENT_HELLO_PART);
    }
    assert_int_equal(lubdub_client_hello_judge(hello, length), LUBDUB_CLIENT_HELLO_WHOLE);
}

/* The message of a record is put into records of `size` bytes. */
static size_t split(const uint8_t *hello, size_t length, size_t size, uint8_t *target)
{
    size_t written = 0;
    size_t at;

    for (at = 5; at < length; at += size) {
        size_t part = length - at < size ? length - at : size;

        memcpy(target + written, hello, 3);
        target[written + 3] = (uint8_t)(part >> 8);
        target[written + 4] = (uint8_t)part;
        memcpy(target + written + 5, hello + at, part);
        written += 5 + part;
    }
    return written;
}

static void hello_may_be_spread_over_records(void **state)
{
    uint8_t hello[LUBDUB_CLIENT_HELLO_LIMIT];
    uint8_t records[8 * LUBDUB_CLIENT_HELLO_LIMIT];
    size_t length = make_hello(hello, sizeof hello);
    size_t size;
    (void)state;

    for (size = 3; size < length; size = size * 3 / 2 + 1) {
        size_t whole = split(hello, length, size, records);

        if (whole <= LUBDUB_CLIENT_HELLO_LIMIT) {
            assert_int_equal(lubdub_client_hello_judge(records, whole - 1), LUBDUB_CLIENT_HELLO_PART);
        }
        assert_int_equal(lubdub_client_hello_judge(records, whole), LUBDUB_CLIENT_HELLO_WHOLE);
    }
}

static void hello_that_says_it_is_longer_than_2_kib_is_refused_at_once(void **state)
{
    uint8_t bytes[] = {22, 3, 1, 8, 10, 1, 0, 8, 0};
    uint8_t many[LUBDUB_CLIENT_HELLO_LIMIT] = {22, 3, 1, 64, 0, 1, 0, 7, 0xf7};
    (void)state;

    assert_int_equal(lubdub_client_hello_judge(bytes, sizeof bytes), LUBDUB_CLIENT_HELLO_TOO_LONG);
    assert_int_equal(lubdub_client_hello_judge(many, sizeof many), LUBDUB_CLIENT_HELLO_WHOLE);
    many[8] = 0xf8; /* one byte more than there is room for */
    assert_int_equal(lubdub_client_hello_judge(many, sizeof many), LUBDUB_CLIENT_HELLO_TOO_LONG);
}

static void empty_records_do_not_go_on_for_ever(void **state)
{
    const uint8_t bytes[] = {22, 3, 1, 0, 0, 22, 3, 1, 0, 0};
    (void)state;

    assert_int_equal(lubdub_client_hello_judge(bytes, sizeof bytes), LUBDUB_CLIENT_HELLO_UNKNOWN);
}

static void other_protocols_are_named(void **state)
{
    static const struct {
        const char *bytes;
        enum lubdub_client_hello expected;
    } rows[] = {
        {"LD\x01\x03", LUBDUB_CLIENT_HELLO_PLAIN},
        {"L", LUBDUB_CLIENT_HELLO_PLAIN},
        {"GET / HTTP/1.1\r\n", LUBDUB_CLIENT_HELLO_HTTP},
        {"G", LUBDUB_CLIENT_HELLO_HTTP},
        {"OPTIONS * HTTP/1.1\r\n", LUBDUB_CLIENT_HELLO_HTTP},
        {"SSH-2.0-x\r\n", LUBDUB_CLIENT_HELLO_UNKNOWN},
        {"\x16\x02", LUBDUB_CLIENT_HELLO_UNKNOWN},
        {"\x15\x03\x01", LUBDUB_CLIENT_HELLO_UNKNOWN},
    };
    const uint8_t server_hello[] = {22, 3, 3, 0, 40, 2, 0, 0, 36};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rows); i++) {
        size_t length = strlen(rows[i].bytes);

        assert_int_equal(lubdub_client_hello_judge((const uint8_t *)rows[i].bytes, length), rows[i].expected);
    }
    assert_int_equal(lubdub_client_hello_judge(server_hello, sizeof server_hello), LUBDUB_CLIENT_HELLO_UNKNOWN);
}

static void random_bytes_are_judged_without_harm(void **state)
{
    uint8_t bytes[64];
    uint32_t random = 1;
    unsigned round;
    (void)state;

    for (round = 0; round < 20000; round++) {
        uint8_t *exact;
        size_t length = 1 + round % sizeof bytes;
        size_t i;

        for (i = 0; i < length; i++) {
            random = random * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(random >> 24);
        }
        if (round % 2 == 0) {
            memcpy(bytes, "\x16\x03\x01\x00", length < 4 ? length : 4);
        }
        exact = malloc(length); /* so that a sanitizer sees the end */
        assert_non_null(exact);
        memcpy(exact, bytes, length);
        assert_true(lubdub_client_hello_judge(exact, length) <= LUBDUB_CLIENT_HELLO_UNKNOWN);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_whole_with_its_last_byte_and_not_before),
        cmocka_unit_test(hello_may_be_spread_over_records),
        cmocka_unit_test(hello_that_says_it_is_longer_than_2_kib_is_refused_at_once),
        cmocka_unit_test(empty_records_do_not_go_on_for_ever),
        cmocka_unit_test(other_protocols_are_named),
        cmocka_unit_test(random_bytes_are_judged_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
