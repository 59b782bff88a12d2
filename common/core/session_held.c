/* Lets a client's messages out no faster than the server takes them. */
#include "core/session_held.h"

#include "core/session_shared.h"

/* So many held messages are let out at once at most: the others wait where no outage of the path can pile them up. */
#define RELEASED_AT_ONCE 64

lubdub_time lubdub_client_releases_at(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && lubdub_outbox_has_held(&extra->outbox) && !lubdub_outbox_has_messages(&extra->outbox)
               ? lubdub_allowance_next(&extra->messages, session->of.prober->message_rate)
               : LUBDUB_TIME_NEVER;
}

bool lubdub_session_client_may_send(struct lubdub_session *session, lubdub_time now)
{
    struct lubdub_session_extra *extra = session->extra;
    struct lubdub_rate rate = session->of.prober->message_rate;

    /*
     * A message counts when the kernel can have it: what waits for the kernel in an outage of the path comes to the
     * server in one pile. Without a rate only the order matters.
     */
    if (lubdub_outbox_has_held(&extra->outbox) || (rate.a_second > 0 && lubdub_outbox_has_messages(&extra->outbox))) {
        return false;
    }
    return lubdub_allowance_take(&extra->messages, rate, now);
}

void lubdub_client_release_messages(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_session_extra *extra = session->extra;
    unsigned released;

    for (released = 0;
         released < RELEASED_AT_ONCE && session->state == LUBDUB_SESSION_UP && lubdub_outbox_has_held(&extra->outbox) &&
         lubdub_allowance_take(&extra->messages, session->of.prober->message_rate, turn->now);
         released++) {
        struct lubdub_frame message;
        size_t length;
        size_t size = 0;
        const uint8_t *bytes = lubdub_outbox_release(&extra->outbox, &length);

        (void)lubdub_frame_decode(&message, bytes, length, LUBDUB_CONTENT_LIMIT, &size);
        lubdub_session_put_message(session, turn, &message);
    }
}
