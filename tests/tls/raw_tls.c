/* Puts OpenSSL between a raw client and its socket, over buffers in memory. */
#include "raw_tls.h"

#include <errno.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "patience.h"
#include "raw_client.h"
#include "test.h"

static SSL_CTX *context;

static void *begin(void)
{
    SSL *ssl = SSL_new(context);

    assert_non_null(ssl);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
    SSL_set_connect_state(ssl);
    return ssl;
}

/* What OpenSSL has written goes to the socket. False: it is closed. */
static bool send_all(SSL *ssl, int socket)
{
    char bytes[4096];
    int length;

    while ((length = BIO_read(SSL_get_wbio(ssl), bytes, sizeof bytes)) > 0) {
        int at = 0;

        while (at < length) {
            ssize_t sent = send(socket, bytes + at, (size_t)(length - at), MSG_NOSIGNAL);

            if (sent < 0) {
                return false;
            }
            at += (int)sent;
        }
    }
    return true;
}

/* Waits for bytes and hands them to OpenSSL. 1: there are some; 0 and below as recv(), or -2: the time is over. */
static ssize_t receive_some(SSL *ssl, int socket, lubdub_time until)
{
    char bytes[16384];
    ssize_t length;

    if (!raw_wait_readable(socket, until)) {
        return -2;
    }
    length = recv(socket, bytes, sizeof bytes, 0);
    if (length > 0) {
        assert_int_equal(BIO_write(SSL_get_rbio(ssl), bytes, (int)length), length);
        return 1;
    }
    return length;
}

/* False: it fails, and what the server says of it is lost. */
static bool shake(SSL *ssl, int socket)
{
    lubdub_time until = now() + PATIENCE;

    while (!SSL_is_init_finished(ssl)) {
        int result;

        ERR_clear_error();
        result = SSL_do_handshake(ssl);
        if (!send_all(ssl, socket)) {
            return false;
        }
        if (result != 1 &&
            (SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ || receive_some(ssl, socket, until) <= 0)) {
            return false;
        }
    }
    return true;
}

static ssize_t send_over(void *pointer, int socket, const void *bytes, size_t length)
{
    SSL *ssl = pointer;
    int written;

    if (!shake(ssl, socket)) {
        return -1;
    }
    ERR_clear_error();
    written = SSL_write(ssl, bytes, (int)length);
    return written > 0 && send_all(ssl, socket) ? written : -1;
}

static ssize_t receive_over(void *pointer, int socket, void *bytes, size_t capacity, lubdub_time until)
{
    SSL *ssl = pointer;

    if (!shake(ssl, socket)) {
        return 0;
    }
    for (;;) {
        int length;
        ssize_t came;

        ERR_clear_error();
        length = SSL_read(ssl, bytes, (int)capacity);
        (void)send_all(ssl, socket);
        if (length > 0) {
            return length;
        }
        if (SSL_get_error(ssl, length) != SSL_ERROR_WANT_READ) {
            return 0;
        }
        came = receive_some(ssl, socket, until);
        if (came <= 0) {
            return came;
        }
    }
}

static void end(void *ssl)
{
    SSL_free(ssl);
}

static const struct raw_cover cover = {.begin = begin, .send = send_over, .receive = receive_over, .end = end};

void raw_clients_speak_tls(const char *authority_file)
{
    SSL_CTX_free(context);
    context = NULL;
    raw_clients_cover(NULL);
    if (authority_file != NULL) {
        context = SSL_CTX_new(TLS_client_method());
        assert_non_null(context);
        assert_int_equal(SSL_CTX_load_verify_file(context, authority_file), 1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        raw_clients_cover(&cover);
    }
}

void raw_clients_show(const struct certificate_files *files)
{
    if (files != NULL) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(context, files->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM), 1);
    }
}

void raw_begin_handshake(struct raw_client *client)
{
    SSL *ssl = client->cover;
    int result = SSL_do_handshake(ssl);

    assert_int_equal(SSL_get_error(ssl, result), SSL_ERROR_WANT_READ);
    assert_true(send_all(ssl, client->socket));
}

void raw_update_key(struct raw_client *client)
{
    SSL *ssl = client->cover;

    assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(ssl), 1);
    assert_true(send_all(ssl, client->socket));
}

void raw_end_politely(struct raw_client *client)
{
    SSL_shutdown(client->cover);
    (void)send_all(client->cover, client->socket);
    raw_close(client);
}
