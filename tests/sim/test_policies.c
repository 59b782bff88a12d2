/* The rules of others give up when they would, and the core does what the same rule says on a trace. */
#include <stdlib.h>
#include <string.h>

#include "simulate/contest/contest.h"

#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define BEATS 200
#define WAY (10 * MS) /* each way */

/* One a second, each 10 ms on its way and 10 ms back. */
static void even_trace(struct sim_trace *trace)
{
    size_t i;

    memset(trace, 0, sizeof *trace);
    for (i = 0; i < BEATS; i++) {
        sim_trace_add(trace, (i + 1) * LUBDUB_SECOND);
        trace->beats[i].heard_at = trace->beats[i].sent_at + WAY;
        trace->beats[i].answered_at = trace->beats[i].sent_at + 2 * WAY;
    }
}

static struct sim_rule rule_named(const char *word)
{
    struct sim_rule rules[SIM_RULE_LIMIT];
    size_t count = sim_rules(rules, LUBDUB_SECOND);
    size_t i;

    assert_true(count <= SIM_RULE_LIMIT);
    for (i = 0; i < count; i++) {
        if (strcmp(rules[i].word, word) == 0) {
            return rules[i];
        }
    }
    fail_msg("there is no rule %s", word);
    return rules[0];
}

/* When the rule gives up after this beat of an even trace, counted from when the beat was sent. */
static lubdub_duration gives_up(const char *word, enum sim_observer observer, size_t beat)
{
    struct sim_rule rule = rule_named(word);
    struct sim_trace trace;
    struct sim_view view;
    lubdub_time deadlines[BEATS];
    lubdub_duration after;

    even_trace(&trace);
    sim_view_make(&view, &trace, observer);
    assert_int_equal(view.count, BEATS);
    rule.apply(&rule, &view, deadlines);
    after = deadlines[beat] - trace.beats[beat].sent_at;
    sim_view_clear(&view);
    sim_trace_clear(&trace);
    return after;
}

static void rules_give_up_when_they_would(void **state)
{
    (void)state;

    assert_true(gives_up("fixed-3", SIM_OBSERVER_SERVER, 9) == 3000 * MS + WAY);
    assert_true(gives_up("fixed-3", SIM_OBSERVER_CLIENT, 9) == 1000 * MS + 3000 * MS); /* of the next probe */
    assert_true(gives_up("mqtt", SIM_OBSERVER_SERVER, 9) == 1500 * MS + WAY);
    assert_true(gives_up("nats-2", SIM_OBSERVER_CLIENT, 9) == 3000 * MS); /* when the third is due */
    assert_true(gives_up("bfd-3", SIM_OBSERVER_CLIENT, 9) == 3000 * MS + 2 * WAY);
    assert_true(gives_up("nfd-e-1", SIM_OBSERVER_SERVER, 100) == 2000 * MS + WAY);
}

static void phi_accrual_learns_how_even_the_beats_are(void **state)
{
    lubdub_duration early;
    lubdub_duration late;
    lubdub_duration akka;
    (void)state;

    early = gives_up("phi-8", SIM_OBSERVER_SERVER, 1);
    late = gives_up("phi-8", SIM_OBSERVER_SERVER, BEATS - 1);
    assert_true(late < early);
    /* Two guesses of 0.75 s and 1.25 s, and 199 intervals of 1 s: a deviation of 25 ms, and 5.61 of them. */
    assert_in_range(late, 1000 * MS + WAY + 138 * MS, 1000 * MS + WAY + 141 * MS);
    /* No less than 100 ms; 5.226 of them; and 3 s. */
    akka = gives_up("phi-8-akka", SIM_OBSERVER_SERVER, BEATS - 1);
    assert_in_range(akka, 4000 * MS + WAY + 521 * MS, 4000 * MS + WAY + 524 * MS);
}

static void nfd_e_follows_a_delay_that_changes(void **state)
{
    struct sim_rule rule = rule_named("nfd-e-1");
    struct sim_trace trace;
    struct sim_view view;
    lubdub_time deadlines[BEATS];
    size_t i;
    (void)state;

    even_trace(&trace);
    for (i = 100; i < BEATS; i++) {
        trace.beats[i].heard_at += 64 * MS;
    }
    sim_view_make(&view, &trace, SIM_OBSERVER_SERVER);
    rule.apply(&rule, &view, deadlines);
    assert_true(deadlines[99] - trace.beats[99].sent_at == 2000 * MS + WAY);
    assert_true(deadlines[115] - trace.beats[115].sent_at == 2000 * MS + WAY + 32 * MS); /* half the window */
    assert_true(deadlines[150] - trace.beats[150].sent_at == 2000 * MS + WAY + 64 * MS);
    sim_view_clear(&view);
    sim_trace_clear(&trace);
}

static void alarms_in_a_row_are_one(void **state)
{
    struct sim_rule rule = rule_named("fixed-2");
    struct sim_tally tally = {0};
    struct sim_trace trace;
    struct sim_view view;
    size_t i;
    (void)state;

    even_trace(&trace);
    for (i = 120; i < 126; i++) {
        trace.beats[i].heard_at = trace.beats[i].answered_at = trace.beats[126].heard_at; /* an outage of 6 s */
    }
    sim_view_make(&view, &trace, SIM_OBSERVER_CLIENT);
    sim_tally_add(&tally, &rule, &view, 1);
    assert_int_equal(tally.false_alarms, 1);
    assert_true(tally.detections[0].count > 0 && tally.detections[1].count > 0);
    for (i = 0; i < tally.detections[1].count; i++) {
        assert_true(tally.detections[1].items[i] <= 3000 * MS + 2 * WAY);
    }
    sim_tally_clear(&tally);
    sim_view_clear(&view);
    sim_trace_clear(&trace);
}

static const struct sim_entry *entry_named(const struct sim_contest *contest, const char *word)
{
    size_t i;

    for (i = 0; i < contest->count; i++) {
        if (strcmp(contest->entries[i].word, word) == 0) {
            return &contest->entries[i];
        }
    }
    fail_msg("there is no entry %s", word);
    return NULL;
}

static void expect_near(lubdub_duration one, lubdub_duration other, double share)
{
    double ratio = (double)one / (double)other;

    if (ratio < 1 - share || ratio > 1 + share) {
        fail_msg("%.3f s and %.3f s", (double)one / (double)LUBDUB_SECOND, (double)other / (double)LUBDUB_SECOND);
    }
}

/* Two ways to the same figures: the core run with real faults, and its rule applied to a trace. */
static void core_does_what_its_rule_says_of_the_trace(void **state)
{
    static struct sim_contest contest;
    struct sim_settings settings;
    char problem[SIM_PROBLEM_SIZE] = "";
    unsigned observer;
    unsigned kind;
    (void)state;

    sim_settings_init(&settings);
    settings.length = 30 * LUBDUB_MINUTE;
    settings.clients = 12;
    settings.fault_gap = LUBDUB_MINUTE;
    if (!sim_contest_run(&settings, SIM_NETWORK_WAN, 1, 3, 2, &contest, problem)) {
        fail_msg("%s", problem);
    }
    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        const struct sim_score *core = &entry_named(&contest, "core-fixed-3")->scores[observer];
        const struct sim_score *rule = &entry_named(&contest, "fixed-3")->scores[observer];

        assert_int_equal(core->missed, 0);
        for (kind = 0; kind < 2; kind++) {
            assert_true(core->found[kind] > 80);
            expect_near(core->median[kind], rule->median[kind], 0.05);
            expect_near(core->p99[kind], rule->p99[kind], 0.05);
        }
        /* Three intervals are as rarely wrong as three intervals, or as a little less. */
        assert_true(rule->fixed_timeout <= 3 * LUBDUB_SECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_give_up_when_they_would),
        cmocka_unit_test(phi_accrual_learns_how_even_the_beats_are),
        cmocka_unit_test(nfd_e_follows_a_delay_that_changes),
        cmocka_unit_test(alarms_in_a_row_are_one),
        cmocka_unit_test(core_does_what_its_rule_says_of_the_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
