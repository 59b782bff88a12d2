/* When a server's session is late, doubted, asked again and given up. Private to the core; the duties are those of
 * session_shared.h. */
#ifndef LUBDUB_CORE_SESSION_SILENCE_H
#define LUBDUB_CORE_SESSION_SILENCE_H

#include <lubdub/session.h>

lubdub_time lubdub_server_deadline(const struct lubdub_session *session,
                                   const struct lubdub_session_settings *settings);
lubdub_time lubdub_server_verdict(const struct lubdub_session *session, const struct lubdub_session_settings *settings);
void lubdub_server_tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event);
lubdub_time lubdub_server_asked_before(const struct lubdub_session *session, lubdub_time before);
lubdub_duration lubdub_server_patience(const struct lubdub_session *session,
                                       const struct lubdub_session_settings *settings);
struct lubdub_doubt *lubdub_server_doubt(struct lubdub_session *session);

/* By when a living session that was asked at that time was heard: after this time its late margin has passed. */
lubdub_time lubdub_session_answers_by(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings, lubdub_time asked_at);

#endif
