/* Serves one client, in a child process. */
#include "talkative_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <lubdub/frame.h>

#include "patience.h"
#include "test.h"
#include "wire_bytes.h"

/* OpenSSL's clients take 32 updates of the key without data between them. */
#define KEY_UPDATES 16
#define PAUSE (40 * LUBDUB_MILLISECOND)

static SSL_CTX *context_of(const struct certificate_files *files)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1) {
        _exit(1);
    }
    return context;
}

static void welcome(SSL *ssl)
{
    struct wire_bytes options = {0};
    struct wire_bytes frame = {0};

    wire_bytes_put_number_option(&options, 2, 100); /* interval and expiry, milliseconds */
    wire_bytes_put_number_option(&options, 3, 60000);
    wire_bytes_put_frame(&frame, LUBDUB_FRAME_WELCOME, 0, 1, options.data, options.length);
    SSL_write(ssl, frame.data, (int)frame.length);
    wire_bytes_clear(&options);
    wire_bytes_clear(&frame);
}

static void serve(int listening, const struct certificate_files *files)
{
    SSL *ssl = SSL_new(context_of(files));
    char hello[1024];
    unsigned i;

    if (SSL_set_fd(ssl, accept(listening, NULL, NULL)) != 1 || SSL_accept(ssl) != 1 ||
        SSL_read(ssl, hello, sizeof hello) <= 0) {
        _exit(1);
    }
    welcome(ssl);
    for (i = 0; SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1; i++) {
        if (i < KEY_UPDATES && (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1)) {
            break;
        }
        stay(PAUSE);
    }
    _exit(0);
}

pid_t talkative_server_start(const struct certificate_files *files, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t process;

    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        signal(SIGPIPE, SIG_DFL);
        serve(listening, files);
    }
    close(listening);
    return process;
}

void talkative_server_end(pid_t process)
{
    if (process > 0) {
        kill(process, SIGKILL);
        waitpid(process, NULL, 0);
    }
}
