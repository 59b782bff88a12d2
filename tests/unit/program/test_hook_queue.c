/* Events that wait for the hook: their order, which may run beside each other, and what is left out of too many. */
#include "server/program/hook_queue.h"

#include "support/test.h"

static void put(struct hook_queue *queue, const char *event, const char *identity, uint64_t number)
{
    struct lubdub_event_line line;

    lubdub_event_line_begin_now(&line, event);
    lubdub_event_line_number(&line, "session", number);
    lubdub_event_line_text(&line, "id", identity);
    hook_queue_put(queue, &line);
}

static void expect(struct hook_item *item, const char *event, uint64_t number)
{
    struct lubdub_event_line line;
    uint64_t found = 0;

    assert_non_null(item);
    lubdub_event_kept_line(item->kept, &line);
    assert_string_equal(line.event, event);
    assert_true(lubdub_event_line_get_number(&line, "session", &found));
    assert_int_equal(found, number);
}

static void events_of_one_identity_wait_for_each_other(void **state)
{
    struct hook_queue queue = {0};
    struct hook_item *first;
    struct hook_item *second;
    uint64_t busy[2];

    (void)state;
    put(&queue, "connected", "pump-7", 1);
    put(&queue, "disconnected", "pump-7", 1);
    put(&queue, "connected", "pump-8", 2);

    first = hook_queue_take(&queue, busy, 0);
    expect(first, "connected", 1);
    busy[0] = first->subject;
    second = hook_queue_take(&queue, busy, 1);
    expect(second, "connected", 2); /* pump-7 is busy */
    busy[1] = second->subject;
    assert_null(hook_queue_take(&queue, busy, 2));
    hook_item_free(first);
    first = hook_queue_take(&queue, busy + 1, 1);
    expect(first, "disconnected", 1);
    assert_int_equal(queue.count, 0);
    assert_int_equal(queue.bytes, 0);
    hook_item_free(first);
    hook_item_free(second);
}

static void sessions_without_identity_are_subjects_of_their_own(void **state)
{
    struct hook_queue queue = {0};
    struct hook_item *first;
    struct hook_item *second;

    (void)state;
    put(&queue, "connected", NULL, 1);
    put(&queue, "disconnected", NULL, 1);
    put(&queue, "connected", NULL, 2);
    first = hook_queue_take(&queue, NULL, 0);
    expect(first, "connected", 1);
    second = hook_queue_take(&queue, &first->subject, 1);
    expect(second, "connected", 2);
    hook_item_free(first);
    hook_item_free(second);
    assert_int_equal(hook_queue_clear(&queue), 1);
    assert_null(queue.last);
}

static void oldest_gives_way_where_too_many_wait(void **state)
{
    struct hook_queue queue = {0};
    struct lubdub_event_line line;
    struct hook_item *item;
    uint64_t i;

    (void)state;
    for (i = 1; i <= HOOK_QUEUE_EVENTS; i++) {
        put(&queue, "late", "pump-7", i);
    }
    lubdub_event_line_begin_now(&line, "recovered");
    assert_int_equal(hook_queue_put(&queue, &line), 1);
    assert_int_equal(queue.count, HOOK_QUEUE_EVENTS);
    item = hook_queue_take(&queue, NULL, 0);
    expect(item, "late", 2);
    hook_item_free(item);
    hook_queue_clear(&queue);
}

static void bytes_that_wait_are_bounded(void **state)
{
    static const char text[LUBDUB_EVENT_STRING_MAX] = "";
    struct hook_queue queue = {0};
    struct lubdub_event_line line;
    size_t left_out = 0;
    size_t i;

    (void)state;
    lubdub_event_line_begin_now(&line, "disconnected");
    lubdub_event_line_string(&line, "a", text, sizeof text);
    lubdub_event_line_string(&line, "b", text, sizeof text);
    lubdub_event_line_string(&line, "c", text, sizeof text);
    for (i = 0; i < HOOK_QUEUE_EVENTS; i++) {
        left_out += hook_queue_put(&queue, &line);
        assert_true(queue.bytes <= HOOK_QUEUE_BYTES);
    }
    assert_true(left_out > 0);
    assert_int_equal(queue.count + left_out, HOOK_QUEUE_EVENTS);
    hook_queue_clear(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_one_identity_wait_for_each_other),
        cmocka_unit_test(sessions_without_identity_are_subjects_of_their_own),
        cmocka_unit_test(oldest_gives_way_where_too_many_wait),
        cmocka_unit_test(bytes_that_wait_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
