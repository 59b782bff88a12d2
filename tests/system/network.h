/*
 * Two network namespaces of the test's own, joined by one cable, which can be cut:
 *
 *     server 10.77.0.1 ═════ veth ═════ 10.77.0.2 client
 *
 * They vanish with the test. Without the right to make them the test is skipped.
 */
#ifndef LUBDUB_TESTS_SYSTEM_NETWORK_H
#define LUBDUB_TESTS_SYSTEM_NETWORK_H

#define NETWORK_SERVER "10.77.0.1"
#define NETWORK_CLIENT "10.77.0.2"

struct network {
    int home;
    int server;
    int client;
};

void network_make(struct network *network);
void network_remove(struct network *network);

/* What the test opens or starts from now on stands in this namespace: network->server, ->client or ->home. */
void network_enter(int where);

/* The cable, both ways: pulled out of the client's card, or of the server's. Who pulls it loses its routes as well. */
void network_cut(const struct network *network);
void network_mend(const struct network *network);
void network_cut_at_server(const struct network *network);

/* One way only: what this side sends reaches nobody. */
void network_lose_from_server(const struct network *network);
void network_lose_from_client(const struct network *network);

#endif
