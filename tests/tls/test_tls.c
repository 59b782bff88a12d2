/* Client and server over TLS: what each says when it does not work, certificates that are read again, and other
 * programs. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lubdub/cause.h>

#include "certificates.h"
#include "patience.h"
#include "raw_client.h"
#include "raw_tls.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"

#define TEXT_SIZE 4096

struct stage {
    struct certificates ours;
    struct certificates others; /* another authority */
    struct certificate_files good;
    struct certificate_files pump; /* a client's */
    struct server_process server;
    struct raw_client client;
    char tls_address[64];
    uint16_t tls_port;
};

static void issue_good(struct stage *stage)
{
    certificates_issue(&stage->ours, "good",
                       &(struct certificate_wish){.common_name = "good", .alternatives = "DNS:localhost,IP:127.0.0.1"},
                       &stage->good);
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = -1;
    certificates_make(&stage->ours, "our authority");
    certificates_make(&stage->others, "another authority");
    issue_good(stage);
    certificates_issue(&stage->ours, "pump", &(struct certificate_wish){.common_name = "pump-7"}, &stage->pump);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_clients_speak_tls(NULL);
    server_process_clear(&stage->server);
    certificates_clear(&stage->ours);
    certificates_clear(&stage->others);
    free(stage);
    return 0;
}

/* A server with both kinds of port: server.port is plain, tls_port is not. more: options up to a NULL, or NULL. */
static void start_server(struct stage *stage, const struct certificate_files *files, const char *const *more)
{
    struct process *process = &stage->server.process;

    server_process_init(&stage->server);
    stage->tls_port = free_port();
    snprintf(stage->tls_address, sizeof stage->tls_address, "127.0.0.1:%u", (unsigned)stage->tls_port);
    process_add(process, "--tls-listen");
    process_add(process, stage->tls_address);
    process_add(process, "--tls-cert");
    process_add(process, files->certificate);
    process_add(process, "--tls-key");
    process_add(process, files->key);
    for (; more != NULL && *more != NULL; more++) {
        process_add(process, *more);
    }
    server_process_listen(&stage->server);
    process_add(process, "--events=json");
    process_start(process);
    event_reader_init(&stage->server.events, process->output);
    (void)expect_event(&stage->server.events, "listening", NULL);
    (void)expect_event(&stage->server.events, "listening", NULL);
}

/* What a client of ours says of one attempt, on both of its streams; returns its exit status. */
static int run_client(const char *const *arguments, char said[TEXT_SIZE])
{
    struct process client;
    char *errors;
    ssize_t length;
    int status;

    process_init(&client, "LUBDUB_CLIENT");
    for (; *arguments != NULL; arguments++) {
        process_add(&client, *arguments);
    }
    process_start(&client);
    status = process_wait(&client);
    length = read(client.output, said, TEXT_SIZE - 1);
    said[length > 0 ? length : 0] = '\0';
    errors = process_errors(&client);
    strncat(said, errors, TEXT_SIZE - 1 - strlen(said));
    free(errors);
    process_clear(&client);
    return status;
}

static void expect_words(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, text);
    }
}

/* The server's next `rejected` has this cause and these words. */
static void expect_rejected(struct stage *stage, const char *cause, const char *words)
{
    const json_t *event = expect_event(&stage->server.events, "rejected", NULL);

    assert_string_equal(json_string_value(json_object_get(event, "cause")), cause);
    expect_words(json_string_value(json_object_get(event, "text")), words);
}

/* ---- other programs, in a shell ---- */

static bool is_there(const char *program)
{
    char command[128];

    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", program);
    return system(command) == 0; /* NOLINT: a fixed word */
}

/* Runs it in a shell, with the port as PORT and the authority as CA. Returns its exit status; what it said is in
 * `said`. */
static int run_shell(const struct stage *stage, const char *script, char said[TEXT_SIZE])
{
    char command[TEXT_SIZE];
    size_t length;
    FILE *pipe;
    int status;

    snprintf(command, sizeof command, "PORT=%u CA='%s' CERT='%s' KEY='%s'; { %s ; } 2>&1", (unsigned)stage->tls_port,
             stage->ours.authority_file, stage->pump.certificate, stage->pump.key, script);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    length = fread(said, 1, TEXT_SIZE - 1, pipe);
    said[length] = '\0';
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define S_CLIENT "openssl s_client -connect 127.0.0.1:$PORT -CAfile $CA -verify_return_error -brief "

/* Python's: `lines` follow the context, and can use tls(): a connection. What goes wrong is printed. */
#define PYTHON(lines)                                                           \
    "python3 -c \"import socket, ssl, struct, sys\n"                            \
    "port, ca, cert, key = sys.argv[1:]\n"                                      \
    "context = ssl.create_default_context(cafile=ca)\n"                         \
    "plain = lambda: socket.create_connection(('127.0.0.1', int(port)))\n"      \
    "tls = lambda: context.wrap_socket(plain(), server_hostname='127.0.0.1')\n" \
    "probe = struct.pack('>HBBHHQ', 0x4C44, 1, 3, 0, 0, 1)\n" lines "\n\" $PORT $CA $CERT $KEY"

/* Node's: prints the code of what goes wrong. */
#define NODE                                                                                                         \
    "node -e \"const [port, ca] = process.argv.slice(1);\n"                                                          \
    "require('tls').connect({ port, host: '127.0.0.1', ca: require('fs').readFileSync(ca), ALPNProtocols: "          \
    "['lubdub/1'] }, () => process.exit(0)).on('error', (e) => { console.log(e.code); process.exit(1); });\" $PORT " \
    "$CA"

/* ---- it works ---- */

static void session_over_tls_says_so(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];
    const json_t *event;

    start_server(stage, &stage->good, NULL);
    assert_int_equal(
        run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "--id", "a", "-c", "3", "-i",
                                         "50ms", "--expiry", "60s", stage->tls_address, NULL},
                   said),
        0);
    event = expect_event(&stage->server.events, "connected", "a");
    assert_true(json_is_true(json_object_get(event, "tls")));
    event = expect_event(&stage->server.events, "disconnected", "a");
    assert_string_equal(json_string_value(json_object_get(event, "cause")), "bye");

    assert_int_equal(run_client((const char *const[]){"--id", "b", "-c", "1", stage->server.address, NULL}, said), 0);
    event = expect_event(&stage->server.events, "connected", "b");
    assert_true(json_is_false(json_object_get(event, "tls")));
    server_process_finish(&stage->server);
}

/* A process that is killed leaves no goodbye: its machine lives, and the text says what is missing. */
static void end_without_a_goodbye_of_tls_is_told(void **state)
{
    struct stage *stage = *state;
    const json_t *event;

    start_server(stage, &stage->good, NULL);
    raw_clients_speak_tls(stage->ours.authority_file);
    raw_join(&stage->client, stage->tls_port, "cut", 0, 0);
    raw_close(&stage->client);
    event = expect_event(&stage->server.events, "disconnected", "cut");
    assert_string_equal(json_string_value(json_object_get(event, "cause")), "closed");
    expect_words(json_string_value(json_object_get(event, "text")), "close_notify");

    raw_join(&stage->client, stage->tls_port, "polite", 0, 0);
    raw_end_politely(&stage->client);
    event = expect_event(&stage->server.events, "disconnected", "polite");
    assert_string_equal(json_string_value(json_object_get(event, "cause")), "closed");
    assert_null(json_object_get(event, "text"));
}

/* ---- certificates of the server ---- */

static bool may_run(const char *program)
{
    bool may = is_there(program);

    assert_true(may || getenv("LUBDUB_CI") == NULL);
    return may;
}

/* What a client of ours and OpenSSL's server with this certificate say of each other. */
static void said_of_another_server(struct stage *stage, const struct certificate_files *files, char said[TEXT_SIZE])
{
    char script[1024];

    stage->tls_port = free_port();
    snprintf(
        script, sizeof script,
        "F=$(mktemp -d); openssl s_server -accept 127.0.0.1:$PORT -cert %s -key %s -quiet </dev/null >$F/server 2>&1 & "
        "S=$!; for I in $(seq 200); do \"$LUBDUB_CLIENT\" --tls --tls-ca $CA -c 1 127.0.0.1:$PORT >$F/client 2>&1; "
        "grep -q refused: $F/client || break; sleep 0.05; done; kill $S; wait $S 2>/dev/null; cat $F/client $F/server; "
        "rm -r $F; true",
        files->certificate, files->key);
    assert_int_equal(run_shell(stage, script, said), 0);
}

static void wrong_certificates_are_named_on_both_sides(void **state)
{
    struct stage *stage = *state;
    static const struct {
        const char *file;
        struct certificate_wish wish;
        bool is_of_others;
        const char *client;
        const char *server;
        const char *openssl; /* of s_client and of Python */
        const char *curl;
        const char *node;
    } rows[] = {
        {"expired",
         {.common_name = "x", .alternatives = "IP:127.0.0.1", .begins_in = -7200, .ends_in = -60},
         false,
         "the server's certificate has expired",
         "it has expired",
         "certificate has expired",
         "certificate has expired",
         "CERT_HAS_EXPIRED"},
        {"early",
         {.common_name = "x", .alternatives = "IP:127.0.0.1", .begins_in = 3600},
         false,
         "the server's certificate is not valid yet",
         "not valid yet",
         "certificate is not yet valid",
         "certificate is not yet valid",
         "CERT_NOT_YET_VALID"},
        {"named",
         {.common_name = "x", .alternatives = "DNS:elsewhere"},
         false,
         "for another name",
         "for another name",
         "IP address mismatch",
         "subject name",
         "ERR_TLS_CERT_ALTNAME_INVALID"},
        {"foreign",
         {.common_name = "x", .alternatives = "IP:127.0.0.1"},
         true,
         "not issued by an authority that is trusted here",
         "does not trust the authority",
         "unable to get local issuer certificate",
         "unable to get local issuer certificate",
         "UNABLE_TO_VERIFY_LEAF_SIGNATURE"},
    };
    char said[TEXT_SIZE];
    size_t i;

    for (i = 0; i < COUNT_OF(rows); i++) {
        struct certificate_files files;

        certificates_issue(rows[i].is_of_others ? &stage->others : &stage->ours, rows[i].file, &rows[i].wish, &files);
        start_server(stage, &files, NULL);
        assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "-c", "1",
                                                          stage->tls_address, NULL},
                                    said),
                         1);
        expect_words(said, "tls: ");
        expect_words(said, rows[i].client);
        expect_rejected(stage, "tls", rows[i].server);
        assert_int_not_equal(run_shell(stage, S_CLIENT "-verify_ip 127.0.0.1 </dev/null", said), 0);
        expect_words(said, rows[i].openssl);
        expect_rejected(stage, "tls", rows[i].server);
        assert_int_not_equal(run_shell(stage, PYTHON("tls()"), said), 0);
        expect_words(said, rows[i].openssl);
        expect_rejected(stage, "tls", rows[i].server);
        if (may_run("curl")) { /* it looks at the name itself, when the handshake is done, and closes */
            assert_int_equal(run_shell(stage, "curl -sS --no-alpn --cacert $CA https://127.0.0.1:$PORT/", said), 60);
            expect_words(said, rows[i].curl);
        }
        if (may_run("node")) { /* it judges when the handshake is done, and closes */
            assert_int_equal(run_shell(stage, NODE, said), 1);
            expect_words(said, rows[i].node);
        }
        server_process_finish(&stage->server);
        server_process_clear(&stage->server);
        memset(&stage->server, 0, sizeof stage->server);
        said_of_another_server(stage, &files, said);
        expect_words(said, rows[i].client);
        expect_words(said, "alert"); /* s_server's words for what our client told it */
    }
}

static void name_is_checked_and_can_be_told(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];
    char address[64];

    start_server(stage, &stage->good, NULL);
    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "--tls-name",
                                                      "elsewhere", "-c", "1", stage->tls_address, NULL},
                                said),
                     1);
    expect_words(said, "for another name");
    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "--tls-name",
                                                      "localhost", "-c", "1", stage->tls_address, NULL},
                                said),
                     0);
    snprintf(address, sizeof address, "localhost:%u", (unsigned)stage->tls_port);
    assert_int_equal(
        run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "-c", "1", address, NULL},
                   said),
        0);
}

/* ---- certificates of clients ---- */

static void names_of_a_client_bound_its_identity(void **state)
{
    struct stage *stage = *state;
    struct certificate_files many;
    char said[TEXT_SIZE];

    certificates_issue(&stage->ours, "many",
                       &(struct certificate_wish){.common_name = "any", .alternatives = "DNS:*.plant.example"}, &many);
    start_server(stage, &stage->good, (const char *const[]){"--tls-client-ca", stage->ours.authority_file, NULL});
#define ATTEMPT(files, id)                                                                                   \
    run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "--tls-cert",          \
                                     (files)->certificate, "--tls-key", (files)->key, "--id", id, "-c", "1", \
                                     stage->tls_address, NULL},                                              \
               said)
    assert_int_equal(ATTEMPT(&stage->pump, "pump-7"), 0);
    assert_int_equal(ATTEMPT(&stage->pump, "pump-8"), 1);
    expect_words(said, "unauthorized");
    expect_words(said, "the client's certificate is for another identity");
    assert_int_equal(ATTEMPT(&many, "7.plant.example"), 0);
    assert_int_equal(ATTEMPT(&many, "plant.example"), 1);
    /* Without a certificate nothing is bounded, unless one is required. */
    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "--id", "pump-8",
                                                      "-c", "1", stage->tls_address, NULL},
                                said),
                     0);
}

/* Python and s_client with this certificate (NULL: none): `alert` is theirs, `words` the server's. */
static void others_are_refused(struct stage *stage, const struct certificate_files *files, const char *alert,
                               const char *words)
{
    const struct certificate_files pump = stage->pump;
    char said[TEXT_SIZE];

    if (files != NULL) {
        stage->pump = *files; /* CERT and KEY of the shell */
    }
    assert_int_not_equal(
        run_shell(stage,
                  files != NULL ? PYTHON("context.load_cert_chain(cert, key)\ntls().recv(1)") : PYTHON("tls().recv(1)"),
                  said),
        0);
    expect_words(said, alert);
    expect_rejected(stage, "tls", words);
    /* With TLS 1.2 the handshake itself fails, so that the end of its input does not come first. */
    assert_int_not_equal(
        run_shell(stage,
                  files != NULL ? S_CLIENT "-tls1_2 -cert $CERT -key $KEY </dev/null" : S_CLIENT "-tls1_2 </dev/null",
                  said),
        0);
    expect_words(said, "alert");
    expect_rejected(stage, "tls", words);
    stage->pump = pump;
}

static void certificates_of_clients_can_be_required(void **state)
{
    struct stage *stage = *state;
    struct certificate_files expired;
    struct certificate_files foreign;
    struct certificate_files early;
    char said[TEXT_SIZE];

    certificates_issue(&stage->ours, "expired",
                       &(struct certificate_wish){.common_name = "pump-7", .begins_in = -7200, .ends_in = -60},
                       &expired);
    certificates_issue(&stage->others, "foreign", &(struct certificate_wish){.common_name = "pump-7"}, &foreign);
    certificates_issue(&stage->ours, "early", &(struct certificate_wish){.common_name = "pump-7", .begins_in = 3600},
                       &early);
    start_server(stage, &stage->good,
                 (const char *const[]){"--tls-client-ca", stage->ours.authority_file, "--require-cert", NULL});
    assert_int_equal(ATTEMPT(&stage->pump, "pump-7"), 0);
    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "-c", "1",
                                                      stage->tls_address, NULL},
                                said),
                     1);
    expect_words(said, "the server requires a client's certificate");
    expect_rejected(stage, "tls", "the client gives no certificate");
    assert_int_equal(ATTEMPT(&expired, "pump-7"), 1);
    expect_words(said, "the server refuses our certificate: it has expired");
    expect_rejected(stage, "tls", "the client's certificate has expired");
    assert_int_equal(ATTEMPT(&foreign, "pump-7"), 1);
    expect_words(said, "does not trust the authority");
    expect_rejected(stage, "tls", "not issued by an authority that is trusted here");
    assert_int_equal(ATTEMPT(&early, "pump-7"), 1);
    expect_words(said, "the server refuses our certificate: it is bad, or not valid yet");
    expect_rejected(stage, "tls", "the client's certificate is not valid yet");
    server_process_finish(&stage->server); /* ten of a kind are told of one address, and then no more for a while */
    server_process_clear(&stage->server);
    memset(&stage->server, 0, sizeof stage->server);
    start_server(stage, &stage->good,
                 (const char *const[]){"--tls-client-ca", stage->ours.authority_file, "--require-cert", NULL});
    others_are_refused(stage, NULL, "certificate required", "the client gives no certificate");
    others_are_refused(stage, &expired, "certificate expired", "the client's certificate has expired");
    others_are_refused(stage, &foreign, "unknown ca", "not issued by an authority that is trusted here");
    others_are_refused(stage, &early, "bad certificate", "the client's certificate is not valid yet");
    /* A plain port is no way around. */
    assert_int_equal(run_client((const char *const[]){"-c", "1", stage->server.address, NULL}, said), 1);
    expect_words(said, "a client's certificate is required");
}

static void other_certificate_takes_no_identity_over(void **state)
{
    struct stage *stage = *state;
    struct certificate_files any;
    struct raw_client other = {.socket = -1};

    certificates_issue(&stage->ours, "any", &(struct certificate_wish){.common_name = "*"}, &any);
    start_server(stage, &stage->good, (const char *const[]){"--tls-client-ca", stage->ours.authority_file, NULL});
    raw_clients_speak_tls(stage->ours.authority_file);
    raw_clients_show(&stage->pump);
    raw_join(&stage->client, stage->tls_port, "pump-7", 0, 0);
    raw_clients_speak_tls(stage->ours.authority_file);
    raw_clients_show(&any);
    raw_connect(&other, stage->tls_port);
    raw_say_hello(&other, "pump-7", 0, 0, UINT64_MAX / 2);
    raw_expect_bye(&other, LUBDUB_REASON_UNAUTHORIZED);
    raw_close(&other);
    raw_expect_life(&stage->client);
    raw_clients_speak_tls(stage->ours.authority_file);
    raw_clients_show(&stage->pump);
    raw_join(&other, stage->tls_port, "pump-7", 0, 0);
    raw_expect_bye(&stage->client, LUBDUB_REASON_REPLACED);
    raw_close(&other);
}

/* ---- the wrong kind of port ---- */

static void plain_and_tls_that_meet_are_told_on_both_sides(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];

    start_server(stage, &stage->good, NULL);
    assert_int_equal(run_client((const char *const[]){"-c", "1", stage->tls_address, NULL}, said), 1);
    expect_words(said, "this port speaks TLS");
    expect_rejected(stage, "tls", "the client speaks plain, and this port speaks TLS");
    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", stage->ours.authority_file, "-c", "1",
                                                      stage->server.address, NULL},
                                said),
                     1);
    expect_words(said, "does it speak TLS on this port?");
    expect_rejected(stage, "tls", "the client speaks TLS, and this port is plain");

    assert_int_equal(run_shell(stage, PYTHON("s = plain()\ns.sendall(probe)\nprint(s.recv(99))"), said), 0);
    expect_words(said, "this port speaks TLS");
    expect_rejected(stage, "tls", "the client speaks plain, and this port speaks TLS");
    stage->tls_port = stage->server.port; /* PORT of the shell */
    assert_int_not_equal(run_shell(stage, S_CLIENT "</dev/null", said), 0);
    expect_rejected(stage, "tls", "the client speaks TLS, and this port is plain");
    assert_int_not_equal(run_shell(stage, PYTHON("tls()"), said), 0);
    expect_rejected(stage, "tls", "the client speaks TLS, and this port is plain");
    if (may_run("curl")) {
        assert_int_not_equal(run_shell(stage, "curl -sS https://127.0.0.1:$PORT/", said), 0);
        expect_rejected(stage, "tls", "the client speaks TLS, and this port is plain");
    }
    if (may_run("node")) {
        assert_int_equal(run_shell(stage, NODE, said), 1);
        expect_rejected(stage, "tls", "the client speaks TLS, and this port is plain");
    }
}

/* ---- reading again ---- */

static void read_again(struct stage *stage, const char *words)
{
    const unsigned before = process_count_errors(&stage->server.process, words);
    const lubdub_time until = now() + PATIENCE;

    process_signal(&stage->server.process, SIGHUP);
    while (process_count_errors(&stage->server.process, words) == before) {
        assert_true(now() < until);
        stay(2 * LUBDUB_MILLISECOND);
    }
}

static int attempt_with(struct stage *stage, const char *authority, char said[TEXT_SIZE])
{
    return run_client((const char *const[]){"--tls", "--tls-ca", authority, "-c", "1", stage->tls_address, NULL}, said);
}

static void copy(const char *from, const char *to)
{
    char bytes[16384];
    FILE *source = fopen(from, "re");
    FILE *target = fopen(to, "we");
    size_t length;

    assert_true(source != NULL && target != NULL);
    length = fread(bytes, 1, sizeof bytes, source);
    assert_int_equal(fwrite(bytes, 1, length, target), length);
    fclose(source);
    assert_int_equal(fclose(target), 0);
}

static void certificates_are_read_again_all_or_none(void **state)
{
    struct stage *stage = *state;
    struct certificate_files fresh;
    char said[TEXT_SIZE];

    certificates_issue(&stage->others, "fresh",
                       &(struct certificate_wish){.common_name = "fresh", .alternatives = "IP:127.0.0.1"}, &fresh);
    start_server(stage, &stage->good, NULL);
    raw_clients_speak_tls(stage->ours.authority_file);
    raw_join(&stage->client, stage->tls_port, "stays", 0, 0);

    copy(fresh.certificate, stage->good.certificate); /* the key is still the old one's */
    read_again(stage, "configuration not taken, the old one stays");
    process_expect_error(&stage->server.process, "the key is not that of the certificate");
    assert_int_equal(attempt_with(stage, stage->ours.authority_file, said), 0);

    copy(fresh.key, stage->good.key);
    read_again(stage, "the certificates are read again not_after=2");
    assert_int_equal(attempt_with(stage, stage->others.authority_file, said), 0);
    assert_int_equal(attempt_with(stage, stage->ours.authority_file, said), 1);
    raw_expect_life(&stage->client); /* a session that is up goes on */
    server_process_finish(&stage->server);
}

/* ---- what cannot start ---- */

static void files_that_cannot_be_used_end_the_start(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];
    char address[64];
    struct process server;
    char *errors;

    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)free_port());
    process_init(&server, "LUBDUB_SERVER");
    process_add(&server, "--tls-listen");
    process_add(&server, address);
    process_add(&server, "--tls-cert");
    process_add(&server, stage->good.certificate);
    process_add(&server, "--tls-key");
    process_add(&server, stage->pump.key);
    process_start(&server);
    assert_int_equal(process_wait(&server), 3);
    errors = process_errors(&server);
    expect_words(errors, "pump.key: the key is not that of the certificate");
    free(errors);
    process_clear(&server);

    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", "/nowhere/ca.crt", "-c", "1", NULL}, said),
                     3);
    expect_words(said, "/nowhere/ca.crt: No such file or directory");
    assert_int_equal(run_client((const char *const[]){"--tls", "--tls-ca", "/nowhere/\x1b[31mca", NULL}, said), 3);
    assert_null(strchr(said, '\x1b'));
    expect_words(said, "[31mca: No such file or directory");
    /* --check-config reads them, too. */
    assert_int_equal(
        run_client((const char *const[]){"--check-config", "--tls", "--tls-ca", "/nowhere/ca.crt", NULL}, said), 2);
    expect_words(said, "/nowhere/ca.crt: No such file or directory");
    assert_int_equal(
        run_client((const char *const[]){"--check-config", "--tls", "--tls-ca", stage->ours.authority_file, NULL},
                   said),
        0);
    assert_int_equal(run_shell(stage, "\"$LUBDUB_SERVER\" --check-config --tls-cert $CERT --tls-key $CA", said), 2);
    expect_words(said, "there is no private key in it");
    assert_int_equal(run_shell(stage, "\"$LUBDUB_SERVER\" --check-config --tls-cert $CERT --tls-key $KEY", said), 0);
    assert_int_equal(run_shell(stage, "\"$LUBDUB_SERVER\" --check-config --tls-cert $CERT", said), 2);
    expect_words(said, "--tls-cert: needs --tls-key too");
}

static void certificate_that_expires_soon_and_an_open_key_are_told(void **state)
{
    struct stage *stage = *state;
    struct certificate_files expired;

    assert_int_equal(chmod(stage->good.key, 0644), 0);
    start_server(stage, &stage->good, NULL);
    process_expect_error(&stage->server.process, "the certificate expires soon");
    process_expect_error(&stage->server.process, "every user may read or write the key");
    certificates_issue(&stage->ours, "good",
                       &(struct certificate_wish){.common_name = "x", .begins_in = -7200, .ends_in = -60}, &expired);
    read_again(stage, "the certificate has expired");
}

/* ---- other programs ---- */

static void openssl_agrees_on_the_rules(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];

    start_server(stage, &stage->good, NULL);
    assert_int_equal(run_shell(stage, S_CLIENT "-alpn lubdub/1 -verify_ip 127.0.0.1 </dev/null", said), 0);
    expect_words(said, "TLSv1.3");
    expect_words(said, "Verification: OK");
    assert_int_equal(run_shell(stage, S_CLIENT "-tls1_2 </dev/null", said), 0);
    expect_words(said, "TLSv1.2");
    expect_words(said, "ECDHE");
    assert_int_not_equal(run_shell(stage, S_CLIENT "-tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null", said), 0);
    expect_rejected(stage, "tls", "no version of TLS");
    assert_int_not_equal(run_shell(stage, S_CLIENT "-alpn h2 </dev/null", said), 0);
    expect_words(said, "no application protocol");
    expect_rejected(stage, "tls", "another protocol (ALPN)");
    assert_int_not_equal(run_shell(stage, S_CLIENT "-tls1_2 -cipher AES128-SHA </dev/null", said), 0);
    expect_rejected(stage, "tls", "no cipher");
    /* R asks to renegotiate; no ticket is sent, so nothing can be resumed. */
    assert_int_not_equal(run_shell(stage, "{ sleep 0.3; echo R; sleep 0.3; } | " S_CLIENT "-tls1_2", said), 0);
    assert_int_equal(run_shell(stage, "openssl s_client -connect 127.0.0.1:$PORT -CAfile $CA </dev/null", said), 0);
    assert_null(strstr(said, "Post-Handshake New Session Ticket arrived"));
    server_process_finish(&stage->server);
}

/* A client of a dozen lines: a probe and its acknowledgement, over the TLS of Python. */
static void python_has_a_session(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];
    const json_t *event;

    start_server(stage, &stage->good, (const char *const[]){"--tls-client-ca", stage->ours.authority_file, NULL});
    assert_int_equal(run_shell(stage,
                               "python3 -c \"import socket, ssl, struct, sys\n"
                               "port, ca, cert, key = sys.argv[1:]\n"
                               "context = ssl.create_default_context(cafile=ca)\n"
                               "context.set_alpn_protocols(['lubdub/1'])\n"
                               "context.load_cert_chain(cert, key)\n"
                               "tls = context.wrap_socket(socket.create_connection(('127.0.0.1', int(port))), "
                               "server_hostname='localhost')\n"
                               "probe = struct.pack('>HBBHHQ', 0x4C44, 1, 3, 0, 2, 1) + b'hi'\n"
                               "tls.sendall(probe)\n"
                               "ack = tls.recv(64)\n"
                               "print(tls.version(), tls.selected_alpn_protocol(), ack[3], ack[16:])\n"
                               "tls.unwrap()\n\" $PORT $CA $CERT $KEY",
                               said),
                     0);
    expect_words(said, "TLSv1.3 lubdub/1 4 b'hi'");
    event = expect_event(&stage->server.events, "connected", NULL);
    assert_true(json_is_true(json_object_get(event, "tls")));
}

static void curl_is_told_that_this_is_no_https(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];

    if (!is_there("curl")) {
        assert_null(getenv("LUBDUB_CI"));
        skip();
    }
    start_server(stage, &stage->good, NULL);
    assert_int_not_equal(run_shell(stage, "curl -sS --cacert $CA https://localhost:$PORT/", said), 0);
    expect_rejected(stage, "tls", "another protocol (ALPN)");
    assert_int_not_equal(run_shell(stage, "curl -sS --no-alpn --cacert $CA https://localhost:$PORT/", said), 0);
    expect_rejected(stage, "protocol", "does not speak this protocol");
    assert_int_not_equal(run_shell(stage, "curl -sS http://localhost:$PORT/", said), 0);
    expect_rejected(stage, "tls", "plain HTTP");
}

static void node_has_a_session(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];

    if (!is_there("node")) {
        assert_null(getenv("LUBDUB_CI"));
        skip();
    }
    start_server(stage, &stage->good, NULL);
    assert_int_equal(
        run_shell(
            stage,
            "node -e \"const [port, ca] = process.argv.slice(1);\n"
            "const options = { port, host: '127.0.0.1', servername: 'localhost', ca: require('fs').readFileSync(ca),\n"
            "                  ALPNProtocols: ['lubdub/1'] };\n"
            "const tls = require('tls').connect(options, () => {\n"
            "  const probe = Buffer.alloc(16);\n"
            "  probe.writeUInt16BE(0x4c44, 0); probe[2] = 1; probe[3] = 3; probe[15] = 1;\n"
            "  tls.write(probe);\n"
            "});\n"
            "tls.on('data', (ack) => { console.log(tls.getProtocol(), tls.alpnProtocol, ack[3]); tls.end(); });\" "
            "$PORT $CA",
            said),
        0);
    expect_words(said, "TLSv1.3 lubdub/1 4");
}

/* A client of ours with a server that is not. */
static void client_names_what_is_wrong_with_another_server(void **state)
{
    struct stage *stage = *state;
    char said[TEXT_SIZE];
    char script[1024];

    stage->tls_port = free_port();
    snprintf(
        script, sizeof script,
        "openssl s_server -accept 127.0.0.1:$PORT -cert %s -key %s -tls1_1 -cipher ALL:@SECLEVEL=0 -quiet </dev/null "
        "2>/dev/null & S=$!; for I in $(seq 100); do "
        "\"$LUBDUB_CLIENT\" --tls --tls-ca $CA -c 1 127.0.0.1:$PORT >/tmp/lubdub-said-$$ 2>&1; "
        "grep -q refused /tmp/lubdub-said-$$ || break; sleep 0.05; done; "
        "cat /tmp/lubdub-said-$$; rm /tmp/lubdub-said-$$; kill $S; wait $S 2>/dev/null; true",
        stage->good.certificate, stage->good.key);
    assert_int_equal(run_shell(stage, script, said), 0);
    expect_words(said, "version of TLS");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(session_over_tls_says_so),
        TEST(end_without_a_goodbye_of_tls_is_told),
        TEST(wrong_certificates_are_named_on_both_sides),
        TEST(name_is_checked_and_can_be_told),
        TEST(names_of_a_client_bound_its_identity),
        TEST(certificates_of_clients_can_be_required),
        TEST(other_certificate_takes_no_identity_over),
        TEST(plain_and_tls_that_meet_are_told_on_both_sides),
        TEST(certificates_are_read_again_all_or_none),
        TEST(files_that_cannot_be_used_end_the_start),
        TEST(certificate_that_expires_soon_and_an_open_key_are_told),
        TEST(openssl_agrees_on_the_rules),
        TEST(python_has_a_session),
        TEST(curl_is_told_that_this_is_no_https),
        TEST(node_has_a_session),
        TEST(client_names_what_is_wrong_with_another_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
