/* Walks around the list of servers, one place after the other. */
#include "client/library/server_list.h"

void lubdub_server_list_init(struct lubdub_server_list *list, struct lubdub_server_entry *entries, size_t count)
{
    *list = (struct lubdub_server_list){.entries = entries, .count = count, .current = count - 1};
}

void lubdub_server_list_begin_round(struct lubdub_server_list *list)
{
    list->left = list->count;
}

struct lubdub_server_entry *lubdub_server_list_next(struct lubdub_server_list *list, lubdub_time now)
{
    size_t place = list->current;

    while (list->left > 0) {
        list->left--;
        place = (place + 1) % list->count;
        if (list->entries[place].not_before <= now) {
            list->current = place;
            return &list->entries[place];
        }
    }
    return NULL;
}

lubdub_duration lubdub_server_list_wait(const struct lubdub_server_list *list, lubdub_time now)
{
    lubdub_time soonest = LUBDUB_TIME_NEVER;
    size_t i;

    for (i = 0; i < list->count; i++) {
        soonest = lubdub_time_earlier(soonest, list->entries[i].not_before);
    }
    return lubdub_time_between(now, soonest);
}
