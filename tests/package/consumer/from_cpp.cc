// A program in C++ with a server and a client in one loop: the headers tell it that the names are C's.
#include <cstdio>

#include <ev.h>

#include <lubdub/client.h>
#include <lubdub/server.h>
#include <lubdub/version.h>

static void on_server_event(lubdub_server *, const lubdub_server_event *, void *)
{
}

static void on_client_event(lubdub_client *client, const lubdub_client_event *event, void *user_data)
{
    if (event->kind == LUBDUB_CLIENT_ACKED) {
        lubdub_client_stop(client, LUBDUB_REASON_NORMAL);
    } else if (event->kind == LUBDUB_CLIENT_STOPPED) {
        *static_cast<bool *>(user_data) = true;
        ev_break(ev_default_loop(0), EVBREAK_ALL);
    }
}

static void on_limit(struct ev_loop *loop, ev_timer *, int)
{
    ev_break(loop, EVBREAK_ALL);
}

int main()
{
    struct ev_loop *loop = ev_default_loop(0);
    lubdub_server_settings server_settings;
    lubdub_client_settings client_settings;
    lubdub_client_server address = {"127.0.0.1", 0};
    lubdub_server *server = nullptr;
    lubdub_client *client = nullptr;
    bool is_over = false;
    ev_timer limit;

    lubdub_server_settings_init(&server_settings);
    if (lubdub_server_new(&server, loop, &server_settings, on_server_event, nullptr) != LUBDUB_ERROR_OK ||
        lubdub_server_listen(server, address.host, 0) != LUBDUB_ERROR_OK ||
        lubdub_server_start(server) != LUBDUB_ERROR_OK) {
        return 1;
    }
    address.port = lubdub_server_port(server);

    lubdub_client_settings_init(&client_settings);
    client_settings.servers = &address;
    client_settings.server_count = 1;
    client_settings.session.interval = 100 * LUBDUB_MILLISECOND;
    if (lubdub_client_new(&client, loop, &client_settings, on_client_event, &is_over) != LUBDUB_ERROR_OK ||
        lubdub_client_start(client) != LUBDUB_ERROR_OK) {
        return 1;
    }

    ev_timer_init(&limit, on_limit, 10.0, 0.0);
    ev_timer_start(loop, &limit);
    ev_run(loop, 0);
    lubdub_client_free(client);
    lubdub_server_free(server);
    std::puts(is_over ? "lubdub " LUBDUB_VERSION : "from_cpp: no ack in ten seconds");
    return is_over ? 0 : 1;
}
