/*
 * Two network namespaces of the test's own, joined by one cable, which can be cut:
 *
 *     server 10.77.0.1 ═════ veth ═════ 10.77.0.2 client
 *
 * A second cable is there if it is asked for, and Multipath TCP may then use both:
 *
 *     server 10.78.0.1 ═════ veth ═════ 10.78.0.2 client
 *
 * They vanish with the test. Without the right to make them the test is skipped.
 */
#ifndef LUBDUB_TESTS_SYSTEM_NETWORK_H
#define LUBDUB_TESTS_SYSTEM_NETWORK_H

#include <stdbool.h>

#define NETWORK_SERVER "10.77.0.1"
#define NETWORK_CLIENT "10.77.0.2"
#define NETWORK_SERVER_2 "10.78.0.1"
#define NETWORK_CLIENT_2 "10.78.0.2"

struct network {
    int home;
    int server;
    int client;
};

void network_make(struct network *network);
void network_remove(struct network *network);

/* With the second cable, which the server offers to clients with Multipath TCP. Skips without that, too. */
void network_make_two(struct network *network);

/* What the test opens or starts from now on stands in this namespace: network->server, ->client or ->home. */
void network_enter(int where);

/* The cable, both ways: pulled out of the client's card, or of the server's. Who pulls it loses its routes as well. */
void network_cut(const struct network *network);
void network_mend(const struct network *network);
void network_cut_at_server(const struct network *network);

/* One of two cables, silently and both ways: its ends stay up. */
void network_lose_path(const struct network *network, unsigned path);
void network_find_path(const struct network *network, unsigned path);

/* The second path is lost one way: what the server sends there reaches nobody, and what the client sends arrives. */
void network_lose_second_from_server(const struct network *network);

/* The server offers so many addresses more (up to 100), all of its own: reachable over the second cable, or nowhere. */
void network_offer(const struct network *network, unsigned count, bool is_reachable);

/*
 * A box on the way takes the option of Multipath TCP out of packets that this side (network->server, ->client)
 * receives: out of SYNs, or out of all others. Skips without nft.
 */
enum network_packets {
    NETWORK_SYNS,
    NETWORK_ALL_BUT_SYNS,
};
void network_strip(const struct network *network, int receiver, enum network_packets packets);

/* One way only: what this side sends reaches nobody. */
void network_lose_from_server(const struct network *network);
void network_lose_from_client(const struct network *network);

#endif
