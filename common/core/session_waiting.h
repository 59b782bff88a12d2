/*
 * What a client does as time goes by: it probes, doubts, asks again, and gives the server up. Private to the core; the
 * duties are those of session_shared.h.
 */
#ifndef LUBDUB_CORE_SESSION_WAITING_H
#define LUBDUB_CORE_SESSION_WAITING_H

#include <lubdub/session.h>

lubdub_time lubdub_client_deadline(const struct lubdub_session *session,
                                   const struct lubdub_session_settings *settings);

/*
 * State UP. Where the deadline, as lubdub_session_deadline() has just given it, is that of the next steady probe: until
 * when the tick may be put off, since nothing else is due before. 0 where it is that of something else.
 */
lubdub_time lubdub_client_waits_until(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings, lubdub_time deadline);
lubdub_time lubdub_client_verdict(const struct lubdub_session *session, const struct lubdub_session_settings *settings);
void lubdub_client_tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event);
struct lubdub_doubt *lubdub_client_doubt(struct lubdub_session *session);

/* Whether an ack is overdue, and the client adapts. */
bool lubdub_prober_is_in_doubt(const struct lubdub_prober *prober);

/* Of the probe with this sequence, sent or to be sent. */
struct lubdub_slice lubdub_client_content(const struct lubdub_session *session, const struct lubdub_turn *turn,
                                          uint64_t sequence);

/*
 * The connection of this client, right after lubdub_session_init(), may have several paths: where its timeout is about
 * as short as its interval, a probe that waits is followed by another one half way. Nothing for a server, whose
 * challenges come twice anyway.
 */
void lubdub_session_note_paths(struct lubdub_session *session);

#endif
