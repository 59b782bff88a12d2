/* What a client may be told, and its copy of it. */
#include "support/test.h"

#include <stdlib.h>

#include "client/library/settings.h"

static const struct lubdub_client_server one_server = {"localhost", 3333};

static struct lubdub_client_settings make_settings(void)
{
    struct lubdub_client_settings settings;

    lubdub_client_settings_init(&settings);
    settings.servers = &one_server;
    settings.server_count = 1;
    return settings;
}

static void defaults_need_nothing_but_a_server(void **state)
{
    struct lubdub_client_settings settings;
    (void)state;

    lubdub_client_settings_init(&settings);
    assert_non_null(lubdub_client_settings_check(&settings));
    settings.servers = &one_server;
    settings.server_count = 1;
    assert_null(lubdub_client_settings_check(&settings));
}

static void what_cannot_work_is_refused(void **state)
{
    static const struct lubdub_client_server no_port = {"localhost", 0};
    static const struct lubdub_client_server no_host = {"", 3333};
    static const struct lubdub_label bad_key = {{"Key", 3}, {"value", 5}};
    struct lubdub_client_settings settings;
    (void)state;

    settings = make_settings();
    settings.servers = &no_port;
    assert_non_null(lubdub_client_settings_check(&settings));
    settings.servers = &no_host;
    assert_non_null(lubdub_client_settings_check(&settings));

    settings = make_settings();
    settings.source = "localhost";
    assert_non_null(lubdub_client_settings_check(&settings));
    settings.source = "127.0.0.2";
    assert_null(lubdub_client_settings_check(&settings));
    settings.source = "::1";
    assert_null(lubdub_client_settings_check(&settings));

    settings = make_settings();
    settings.backoff_min = settings.backoff_max + 1;
    assert_non_null(lubdub_client_settings_check(&settings));
    settings.backoff_min = 0;
    assert_non_null(lubdub_client_settings_check(&settings));

    settings = make_settings();
    settings.connect_timeout = 0;
    assert_non_null(lubdub_client_settings_check(&settings));

    settings = make_settings();
    settings.session.timeout = 0;
    assert_non_null(lubdub_client_settings_check(&settings));

    settings = make_settings();
    settings.session.labels = &bad_key;
    settings.session.label_count = 1;
    assert_non_null(lubdub_client_settings_check(&settings));
}

static void older_caller_gets_defaults_for_what_it_does_not_know(void **state)
{
    struct lubdub_client_settings settings = make_settings();
    struct lubdub_client_settings own;
    (void)state;

    settings.size = offsetof(struct lubdub_client_settings, backoff_min);
    settings.backoff_min = 0; /* bytes of somebody else */
    settings.seed = 99;
    assert_true(lubdub_client_settings_adopt(&own, &settings));
    assert_int_equal(own.size, sizeof own);
    assert_int_equal(own.backoff_min, 500 * LUBDUB_MILLISECOND);
    assert_int_equal(own.seed, 0);
    assert_null(lubdub_client_settings_check(&settings));
}

static void newer_caller_is_understood_as_far_as_we_know(void **state)
{
    struct {
        struct lubdub_client_settings known;
        uint64_t unknown[4];
    } newer;
    struct lubdub_client_settings own;
    (void)state;

    memset(&newer, 0xff, sizeof newer);
    lubdub_client_settings_init_sized(&newer.known, sizeof newer);
    assert_int_equal(newer.known.size, sizeof newer);
    assert_int_equal(newer.unknown[3], 0);
    newer.known.seed = 7;
    assert_true(lubdub_client_settings_adopt(&own, &newer.known));
    assert_int_equal(own.seed, 7);

    newer.known.servers = &one_server;
    newer.known.server_count = 1;
    assert_null(lubdub_client_settings_check(&newer.known));
    newer.unknown[3] = 1; /* it asks for something, and would not get it */
    assert_non_null(lubdub_client_settings_check(&newer.known));
}

static void settings_without_their_initialiser_are_refused(void **state)
{
    struct lubdub_client_settings settings;
    (void)state;

    memset(&settings, 0, sizeof settings);
    assert_non_null(lubdub_client_settings_check(&settings));
    settings = make_settings();
    settings.size = 0;
    assert_non_null(lubdub_client_settings_check(&settings));
    settings = make_settings();
    settings.session.size = 0;
    assert_non_null(lubdub_client_settings_check(&settings));
}

static void copy_does_not_need_the_original(void **state)
{
    char host[] = "one.example";
    char identity[] = "pump-7";
    char token[] = "secret";
    char content[] = "content";
    char text[] = "room=cellar";
    struct lubdub_label label;
    struct lubdub_client_server servers[2] = {{host, 1}, {"two.example", 2}};
    struct lubdub_client_settings settings;
    struct lubdub_client_rules rules;
    void *block;
    (void)state;

    lubdub_client_settings_init(&settings);
    settings.servers = servers;
    settings.server_count = 2;
    settings.session.identity = lubdub_client_text(identity);
    settings.session.token = lubdub_client_text(token);
    settings.session.content = lubdub_client_text(content);
    assert_true(lubdub_label_parse(&label, text, strlen(text)));
    settings.session.labels = &label;
    settings.session.label_count = 1;
    settings.source = "127.0.0.1";

    block = malloc(lubdub_client_rules_block_size(&settings));
    assert_non_null(block);
    lubdub_client_rules_init(&rules, &settings, block);
    memset(host, 'x', sizeof host - 1);
    memset(identity, 'x', sizeof identity - 1);
    memset(token, 'x', sizeof token - 1);
    memset(content, 'x', sizeof content - 1);
    memset(text, 'x', sizeof text - 1);
    memset(&label, 0, sizeof label);
    memset(servers, 0, sizeof servers);

    assert_int_equal(rules.servers.count, 2);
    assert_string_equal(rules.servers.entries[0].server.host, "one.example");
    assert_string_equal(rules.servers.entries[1].server.host, "two.example");
    assert_int_equal(rules.servers.entries[1].server.port, 2);
    assert_int_equal(rules.session.identity.length, 6);
    assert_memory_equal(rules.session.identity.data, "pump-7", 6);
    assert_memory_equal(rules.session.token.data, "secret", 6);
    assert_memory_equal(rules.session.content.data, "content", 7);
    assert_memory_equal(rules.session.labels[0].key.data, "room", 4);
    assert_memory_equal(rules.session.labels[0].value.data, "cellar", 6);
    assert_true(rules.has_source);
    free(block);
}

static void what_is_left_out_stays_so_in_the_copy(void **state)
{
    struct lubdub_client_settings settings = make_settings();
    struct lubdub_client_rules rules;
    void *block = malloc(lubdub_client_rules_block_size(&settings));
    (void)state;

    assert_non_null(block);
    lubdub_client_rules_init(&rules, &settings, block);
    assert_null(rules.session.identity.data);
    assert_null(rules.session.token.data);
    assert_null(rules.session.content.data);
    assert_false(rules.has_source);
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_need_nothing_but_a_server),
        cmocka_unit_test(what_cannot_work_is_refused),
        cmocka_unit_test(older_caller_gets_defaults_for_what_it_does_not_know),
        cmocka_unit_test(newer_caller_is_understood_as_far_as_we_know),
        cmocka_unit_test(settings_without_their_initialiser_are_refused),
        cmocka_unit_test(copy_does_not_need_the_original),
        cmocka_unit_test(what_is_left_out_stays_so_in_the_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
