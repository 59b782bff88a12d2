/* Carries out what the application asks of the session of an identity, or of all sessions that a token let in. */
#include <lubdub/server.h>

#include <string.h>

#include "server/library/everywhere.h"
#include "server/library/identities.h"
#include "server/library/tokens.h"

/* The number of its session; 0: it has none. */
static uint64_t session_of(struct lubdub_server *server, const char *identity, size_t length)
{
    struct lubdub_departed_view departure;
    uint64_t session = 0;

    if (length == 0 || length > LUBDUB_IDENTITY_LIMIT ||
        !lubdub_identities_find(server, (struct lubdub_slice){identity, length}, &session, &departure)) {
        return 0;
    }
    return session;
}

enum lubdub_error lubdub_server_send_to(struct lubdub_server *server, const char *identity, size_t identity_length,
                                        const void *content, size_t length)
{
    if (server == NULL || (identity == NULL && identity_length > 0) || (content == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    return lubdub_server_send(server, session_of(server, identity, identity_length), content, length);
}

enum lubdub_error lubdub_server_disconnect_identity(struct lubdub_server *server, const char *identity, size_t length,
                                                    enum lubdub_reason reason, const char *text)
{
    if (server == NULL || (identity == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    return lubdub_server_disconnect(server, session_of(server, identity, length), reason, text);
}

enum lubdub_error lubdub_server_disconnect_token(struct lubdub_server *server, const void *token, size_t length,
                                                 enum lubdub_reason reason, const char *text)
{
    const char *said = text != NULL ? text : "";
    struct lubdub_letter *letters;
    struct lubdub_letter *letter;
    uint64_t proof;

    if (server == NULL || (token == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    if (length < 1 || length > LUBDUB_TOKEN_LIMIT) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    proof = lubdub_token_proof(server->token_key, (struct lubdub_slice){token, length});
    letters = lubdub_everywhere_write(server, LUBDUB_LETTER_DISCONNECT_TOKEN, said, strlen(said) + 1);
    if (letters == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    for (letter = letters; letter != NULL; letter = letter->next) {
        letter->other = proof;
        letter->reason = reason;
    }
    return lubdub_everywhere_post(server, letters, false);
}
