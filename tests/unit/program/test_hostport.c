#include "program/settings/hostport.h"
#include "support/test.h"

static void host_and_port_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } samples[] = {
        {"localhost", "localhost", 3333},
        {"localhost:1", "localhost", 1},
        {"10.0.0.1:65535", "10.0.0.1", 65535},
        {"[::1]", "::1", 3333},
        {"[::1]:80", "::1", 80},
        {"[::]:80", "::", 80},
        {"[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1", 80},
        {"[fe80::1%eth0]:80", "fe80::1%eth0", 80},
        {"$(x)", "$(x)", 3333}, /* a name like any other: nothing here ever reaches a shell */
        {"a;b:80", "a;b", 80},
        {"*:80", "*", 80},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(samples); i++) {
        struct lubdub_hostport hostport;

        assert_null(lubdub_hostport_parse(samples[i].text, 3333, &hostport));
        assert_string_equal(hostport.host, samples[i].host);
        assert_int_equal(hostport.port, samples[i].port);
    }
}

static void assert_refused(const char *text, uint16_t default_port, const char *reason_part)
{
    struct lubdub_hostport hostport = {"kept", 1};
    const char *reason = lubdub_hostport_parse(text, default_port, &hostport);

    assert_non_null(reason);
    assert_non_null(strstr(reason, reason_part));
    assert_string_equal(hostport.host, "kept");
    assert_int_equal(hostport.port, 1);
}

static void what_is_ambiguous_or_broken_is_refused_with_its_reason(void **state)
{
    (void)state;
    assert_refused("", 3333, "empty");
    assert_refused(":80", 3333, "write HOST:80");
    assert_refused("::1", 3333, "in brackets");
    assert_refused("fe80::1", 3333, "in brackets");
    assert_refused("::", 3333, "in brackets");
    assert_refused("host:port:port", 3333, "more than one colon");
    assert_refused("1.2.3.4:80:90", 3333, "more than one colon");
    assert_refused("[::1", 3333, "not closed");
    assert_refused("::1]:80", 3333, "more than one colon");
    assert_refused("a]:80", 3333, "brackets");
    assert_refused("a[0]", 3333, "brackets");
    assert_refused("[::1]80", 3333, "after the bracket");
    assert_refused("[::1]]:80", 3333, "after the bracket");
    assert_refused("[[::1]]:80", 3333, "after the bracket");
    assert_refused("[[::1]:80", 3333, "IPv6 address");
    assert_refused("[]:80", 3333, "IPv6 address");
    assert_refused("[localhost]:80", 3333, "IPv6 address");
    assert_refused("[10.0.0.1]:80", 3333, "IPv6 address");
    assert_refused("[12345::]:80", 3333, "IPv6 address");
    assert_refused("[0000000000000000000000000000000000000000000000000000000000000::1]:80", 3333, "IPv6 address");
    assert_refused("[fe80::1]:80", 3333, "scope");
    assert_refused("[fe80::1%a:b]:80", 3333, "scope");
    assert_refused("[fe80::1%a[b]:80", 3333, "scope");
    assert_refused("[fe80::1%]:80", 3333, "scope");
    assert_refused("ho st:80", 3333, "space");
    assert_refused("ho\tst", 3333, "control");
    assert_refused("ho\x1bst", 3333, "control");
    assert_refused("ho\x7fst", 3333, "control");
    assert_refused("h\xc3\xb6st", 3333, "ASCII");
}

static void port_out_of_its_range_is_refused(void **state)
{
    static const char *const ports[] = {"host:",    "host:0",    "host:65536", "host:-1", "host:80x",
                                        "host:+80", "host:0x50", "[::1]:",     "[::1]:0", "host:99999999999999999999"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(ports); i++) {
        assert_refused(ports[i], 3333, "1 to 65535");
    }
    assert_refused("host: 80", 3333, "space");
}

static void listening_address_must_have_a_port(void **state)
{
    struct lubdub_hostport hostport;

    (void)state;
    assert_refused("127.0.0.1", 0, "port is missing");
    assert_refused("[::1]", 0, "port is missing");
    assert_null(lubdub_hostport_parse("127.0.0.1:3333", 0, &hostport));
}

/* E9 */
static void what_a_newcomer_writes_is_answered_by_what_is_meant(void **state)
{
    (void)state;
    assert_refused("3333", 0, "*:3333");
    assert_refused(":3333", 0, "*:3333");
    assert_refused(":3333", 3333, "HOST:3333");
    assert_refused("http://127.0.0.1", 3333, "HOST:PORT");
    assert_refused("http://127.0.0.1:3333", 0, "ADDRESS:PORT");
    assert_refused("70000", 0, "port is missing");
}

static void host_of_253_bytes_is_the_longest(void **state)
{
    char text[300];
    struct lubdub_hostport hostport;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + LUBDUB_HOST_LENGTH_MAX, ":80", 4);
    assert_null(lubdub_hostport_parse(text, 0, &hostport));
    assert_int_equal(strlen(hostport.host), LUBDUB_HOST_LENGTH_MAX);
    memset(text, 'a', sizeof text);
    memcpy(text + LUBDUB_HOST_LENGTH_MAX + 1, ":80", 4);
    assert_refused(text, 0, "253");
}

static void format_and_parse_are_each_others_reverse(void **state)
{
    static const char *const texts[] = {"localhost:80", "[::1]:80", "[fe80::1%eth0]:65535", "10.0.0.1:1"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(texts); i++) {
        struct lubdub_hostport hostport;
        char text[LUBDUB_HOSTPORT_TEXT_SIZE];

        assert_null(lubdub_hostport_parse(texts[i], 0, &hostport));
        assert_string_equal(lubdub_hostport_format(&hostport, text), texts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_and_port_are_taken_apart),
        cmocka_unit_test(what_is_ambiguous_or_broken_is_refused_with_its_reason),
        cmocka_unit_test(port_out_of_its_range_is_refused),
        cmocka_unit_test(listening_address_must_have_a_port),
        cmocka_unit_test(what_a_newcomer_writes_is_answered_by_what_is_meant),
        cmocka_unit_test(host_of_253_bytes_is_the_longest),
        cmocka_unit_test(format_and_parse_are_each_others_reverse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
