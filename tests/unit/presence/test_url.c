/* Where Redis is, as people write it, and what is none of that. */
#include "server/presence/url.h"

#include <string.h>

#include "support/test.h"

static void host_port_and_database(void **state)
{
    struct presence_url url;
    (void)state;

    assert_null(presence_url_parse("redis://redis.example", &url));
    assert_string_equal(url.hosts[0].name, "redis.example");
    assert_int_equal(url.hosts[0].port, 6379);
    assert_int_equal(url.database, 0);
    assert_string_equal(url.password, "");
    assert_null(presence_url_parse("redis://10.0.0.7:7000/3", &url));
    assert_string_equal(url.hosts[0].name, "10.0.0.7");
    assert_int_equal(url.hosts[0].port, 7000);
    assert_int_equal(url.database, 3);
    assert_null(presence_url_parse("redis://[2001:db8::1]:7000", &url));
    assert_string_equal(url.hosts[0].name, "2001:db8::1");
    assert_int_equal(url.hosts[0].port, 7000);
    assert_null(presence_url_parse("redis://[::1]", &url));
    assert_string_equal(url.hosts[0].name, "::1");
}

static void user_and_password_are_percent_encoded(void **state)
{
    struct presence_url url;
    (void)state;

    assert_null(presence_url_parse("redis://:p%40ss%3aw%2Fd@host", &url));
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "p@ss:w/d");
    assert_null(presence_url_parse("redis://lubdub:se@cret@host:1", &url));
    assert_string_equal(url.user, "lubdub");
    assert_string_equal(url.password, "se@cret");
    assert_null(presence_url_parse("redis://u:%41@host", &url)); /* at the very end */
    assert_string_equal(url.password, "A");
}

static void socket_and_sentinels(void **state)
{
    struct presence_url url;
    (void)state;

    assert_null(presence_url_parse("unix:/run/redis/redis.sock", &url));
    assert_true(url.is_unix);
    assert_string_equal(url.path, "/run/redis/redis.sock");
    assert_null(presence_url_parse("unix:///run/r.sock", &url));
    assert_string_equal(url.path, "/run/r.sock");
    assert_null(presence_url_parse("sentinel://:pw@one,two:26380,[::1]:5/mymaster/2", &url));
    assert_true(url.has_sentinels);
    assert_int_equal(url.host_count, 3);
    assert_int_equal(url.hosts[0].port, 26379);
    assert_string_equal(url.hosts[1].name, "two");
    assert_int_equal(url.hosts[1].port, 26380);
    assert_int_equal(url.hosts[2].port, 5);
    assert_string_equal(url.master, "mymaster");
    assert_string_equal(url.password, "pw");
    assert_int_equal(url.database, 2);
    assert_false(url.is_tls);
    assert_null(presence_url_parse("redis-sentinel://one/mymaster", &url));
    assert_true(url.has_sentinels && !url.is_tls);
    assert_null(presence_url_parse("rediss-sentinel://u:pw@one:7,two/mymaster/1", &url));
    assert_true(url.has_sentinels && url.is_tls);
    assert_int_equal(url.hosts[0].port, 7);
    assert_string_equal(url.user, "u");
    assert_string_equal(url.master, "mymaster");
}

static void secrets_have_to_fit_the_url(void **state)
{
    static const struct {
        const char *url;
        struct presence_url_secrets secrets;
        const char *fault; /* words of it */
    } rows[] = {
        {"redis://host", {false, NULL, false}, NULL},
        {"redis://user@host", {true, NULL, false}, NULL},
        {"redis://user@host", {false, NULL, false}, "no password"},
        {"redis://user:pw@host", {false, NULL, false}, NULL},
        {"sentinel://user@host/m", {false, NULL, false}, "no password"},
        {"sentinel://host/m", {false, "ops", true}, NULL},
        {"rediss-sentinel://host/m", {false, NULL, true}, NULL},
        {"sentinel://host/m", {true, "ops", false}, "needs --redis-sentinel-password-file"},
        {"redis://host", {false, NULL, true}, "need --redis sentinel://"},
        {"unix:/run/r", {false, "ops", false}, "need --redis sentinel://"},
    };
    struct presence_url url;
    size_t i;
    (void)state;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *fault;

        assert_null(presence_url_parse(rows[i].url, &url));
        fault = presence_url_judge_secrets(&url, &rows[i].secrets);
        if ((fault == NULL) != (rows[i].fault == NULL) || (fault != NULL && strstr(fault, rows[i].fault) == NULL)) {
            fail_msg("%s: %s", rows[i].url, fault != NULL ? fault : "it was taken");
        }
    }
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "redis",
        "redis://",
        "redis://:6379",
        "redis://host:",
        "redis://host:0",
        "redis://host:65536",
        "redis://host:6379x",
        "redis://host/x",
        "redis://host/65537",
        "redis://host/1/2",
        "redis://one,two",
        "redis://@host",
        "redis://user:@host",
        "redis://:%@host",
        "redis://:%4@host",
        "redis://:%zz@host",
        "redis://:%00@host",
        "redis://[::1",
        "redis://[::1]x",
        "unix:",
        "unix:relative",
        "sentinel://host",
        "sentinel://host/",
        "sentinel:///master",
        "sentinel://1,2,3,4,5,6,7,8,9/master",
        "http://host",
        "rediss:/host",
        "rediss://host,other",
        "rediss-sentinel://host",
        "redis-sentinels://host/m",
    };
    char text[600] = "redis://";
    struct presence_url url;
    size_t i;
    (void)state;

    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (presence_url_parse(wrong[i], &url) == NULL) {
            fail_msg("%s was taken", wrong[i]);
        }
    }
    memset(text + 8, 'h', 300);
    assert_non_null(presence_url_parse(text, &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_port_and_database),   cmocka_unit_test(user_and_password_are_percent_encoded),
        cmocka_unit_test(socket_and_sentinels),     cmocka_unit_test(secrets_have_to_fit_the_url),
        cmocka_unit_test(what_is_wrong_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
