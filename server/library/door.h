/* Admits clients: handles accepted connections, limits, tokens, and which session has an identity. */
#ifndef LUBDUB_SERVER_LIBRARY_DOOR_H
#define LUBDUB_SERVER_LIBRARY_DOOR_H

#include "server/library/answer.h"
#include "server/library/state.h"

/*
 * A connection came. The socket is the worker's now. is_tls: the client begins with a handshake of TLS. is_proxied: a
 * proxy told the address.
 */
void lubdub_door_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *address, bool is_tls,
                        bool is_proxied);

/* A connected socket of the application's, which is the worker's now. */
void lubdub_door_adopt(struct lubdub_worker *worker, int socket, bool is_tls);

/*
 * Says BYE 7 to a socket that no session is made for, and closes it at once; a client of TLS, with which nothing is
 * negotiated, is told nothing. It is counted as rejected, and not told: there may be any number of them.
 */
void lubdub_door_turn_away(struct lubdub_worker *worker, int socket, bool is_tls, const char *text);

/*
 * A connection asks to become a session, by HELLO or by a first PROBE or MESSAGE. On return it is granted or refused,
 * or waits for the application's answer or for its identity; then one of the functions below decides.
 */
void lubdub_door_admit(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello);

/* The application has answered about this connection. */
void lubdub_door_answer(struct lubdub_worker *worker, uint64_t number, const struct lubdub_answer *answer);

/* Another connection took over the identity of this session, or of this connection that waits. */
void lubdub_door_replace(struct lubdub_worker *worker, uint64_t number);

/* The connection does not wait for its identity any more. */
void lubdub_door_released(struct lubdub_worker *worker, uint64_t number);

/*
 * Follows SEARCH, as far as the budget goes: looks for connections that were taken over or released and do not know it,
 * because there was no memory or no room for the letter. Returns whether all connections were looked at.
 */
bool lubdub_door_search(struct lubdub_worker *worker, struct lubdub_budget *budget);

/* The session that has the wanted identity was asked whether it lives (trial.h). */
void lubdub_door_judged(struct lubdub_worker *worker, uint64_t number, uint64_t holder, bool holder_lives);

#endif
