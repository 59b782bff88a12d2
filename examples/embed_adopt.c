/*
 * Serves sockets that it made itself: one that listens, and a connection that it accepted before the server was there.
 *
 *     embed_adopt        on any free port, which is printed; waits for the first client, then serves
 */
#include <arpa/inet.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lubdub/server.h>

/* As systemd or a parent process would hand it over. */
static int listen_ourselves(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listening, 128) != 0 || getsockname(listening, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    printf("listening on port %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return listening;
}

static void on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    (void)server, (void)user_data;
    if (event->kind == LUBDUB_SERVER_CONNECTED) {
        puts("connected");
    } else if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        puts("disconnected");
    }
    fflush(stdout);
}

int main(void)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_server_settings settings;
    struct lubdub_server *server;
    int listening = listen_ourselves();
    int first = listening >= 0 ? accept(listening, NULL, NULL) : -1;

    lubdub_server_settings_init(&settings);
    if (first < 0 || lubdub_server_new(&server, loop, &settings, on_event, NULL) != LUBDUB_ERROR_OK ||
        lubdub_server_adopt_listener(server, listening) != LUBDUB_ERROR_OK ||
        lubdub_server_start(server) != LUBDUB_ERROR_OK || lubdub_server_adopt(server, first) != LUBDUB_ERROR_OK) {
        perror("embed_adopt");
        return 1;
    }
    close(listening); /* it was ours, and the server has copies; `first` is the server's */
    ev_run(loop, 0);
    lubdub_server_free(server);
    return 0;
}
