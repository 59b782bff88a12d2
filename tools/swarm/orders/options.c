/* Has one row for each option, and checks what must hold between them. */
#include "swarm/orders/options.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <lubdub/version.h>

#include "program/settings/gather.h"
#include "program/settings/parse.h"
#include "program/tls/credentials.h"
#include "swarm/orders/capacity.h"
#include "swarm/orders/layout.h"

#define LONGEST (49 * 24 * LUBDUB_HOUR) /* what 32 bits of milliseconds hold */
#define DEFAULT_PORT 3333
#define FIELD(name) offsetof(struct swarm_options, name)

static const char *const report_words[] = {"text", "json", NULL};

static const char *judge_fault(const char *value, void *field)
{
    struct swarm_order order;
    (void)field;

    return swarm_order_parse(value, &order);
}

static const char *judge_picture(const char *value, void *field)
{
    size_t length = strlen(value);
    (void)field;

    if (length > 4 && (strcmp(value + length - 4, ".svg") == 0 || strcmp(value + length - 4, ".png") == 0)) {
        return NULL;
    }
    return "must be a file name that ends in .svg or .png";
}

static const struct lubdub_setting rows[] = {
    {.name = "spawn-server",
     .metavar = "OPTIONS",
     .kind = LUBDUB_SETTING_OPTIONAL_STRING,
     .offset = FIELD(spawn_server),
     .help = "start a lubdub-server for the run, with these options"},
    {.name = "clients",
     .letter = 'n',
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(clients),
     .minimum = 1,
     .maximum = 10000000,
     .help = "how many (100)"},
    {.name = "processes",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(processes),
     .minimum = 1,
     .maximum = SWARM_PROCESS_LIMIT,
     .help = "processes to spread them over (as few as may open so many files)"},
    {.name = "server-processes",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(server_processes),
     .minimum = 1,
     .maximum = SWARM_PROCESS_LIMIT,
     .help = "of --spawn-server, on one port (as few as may open so many files)"},
    {.name = "interval",
     .letter = 'i',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(interval),
     .minimum = LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "between two probes of a client (1s)"},
    {.name = "timeout",
     .letter = 't',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(timeout),
     .minimum = LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "that a client waits for an ack (three intervals)"},
    {.name = "expiry",
     .letter = 'e',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(expiry),
     .minimum = LUBDUB_MILLISECOND,
     .maximum = LONGEST,
     .help = "of silence that the server is to tolerate (three intervals)"},
    {.name = "adaptive",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(adaptive),
     .help = "clients give a server up sooner, by evidence (the server: --spawn-server='--detect adaptive')"},
    {.name = "gather",
     .metavar = "D|auto|off",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(gather),
     .take = lubdub_gather_judge,
     .help = LUBDUB_GATHER_HELP},
    {.name = "mptcp",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(mptcp),
     .help = "clients speak Multipath TCP (the server: --spawn-server=--mptcp)"},
    {.name = "ramp",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(ramp),
     .minimum = 1,
     .maximum = 1000000,
     .help = "connections a second (2000)"},
    {.name = "warmup",
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(warmup),
     .maximum = LONGEST,
     .help = "after all are connected, before anything is measured (2s)"},
    {.name = "duration",
     .letter = 'd',
     .metavar = "D",
     .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(duration),
     .maximum = LONGEST,
     .help = "of measuring; clients' faults fall into it at random (10s)"},
    {.name = "fault",
     .letter = 'f',
     .metavar = "KIND:SHARE",
     .kind = LUBDUB_SETTING_STRINGS,
     .offset = FIELD(faults),
     .minimum = 1,
     .take = judge_fault,
     .help = "what to do to which part of the clients; repeatable (none)"},
    {.name = "seed",
     .metavar = "N",
     .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(seed),
     .help = "of everything that is random; the same for the same choices (another each time)"},
    {.name = "tls",
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(with_tls),
     .help = "connect over TLS (a server of our own: --spawn-server='--tls-cert F --tls-key F')"},
    {.name = "tls-ca",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(tls_ca),
     .minimum = 1,
     .help = "trust servers with certificates of these authorities, PEM (those of the system)"},
    {.name = "tls-cert",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(tls_cert),
     .minimum = 1,
     .help = "certificate of all clients, and those up to its authority, PEM"},
    {.name = "tls-key",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(tls_key),
     .minimum = 1,
     .help = "key of this certificate, PEM, without a passphrase"},
    {.name = "tls-name",
     .metavar = "NAME",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(tls_name),
     .minimum = 1,
     .maximum = 255,
     .help = "name that the server's certificate must have (the host; of our own server: localhost)"},
    {.name = "report",
     .metavar = "text|json",
     .kind = LUBDUB_SETTING_CHOICE,
     .offset = FIELD(report),
     .words = report_words,
     .help = "form of the report on standard output (text)"},
    {.name = "csv",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(csv),
     .minimum = 1,
     .help = "write every single observation to this file"},
    {.name = "plot",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(plot),
     .minimum = 1,
     .take = judge_picture,
     .help = "draw how soon each fault was known; takes gnuplot"},
};

/* Returns false and what is wrong. */
static bool take_orders(struct swarm_options *options, char *problem, size_t capacity)
{
    uint64_t taken = 0;
    size_t i;

    if (options->faults.count > SWARM_ORDER_LIMIT) {
        snprintf(problem, capacity, "--fault: may be given %d times, not %zu", SWARM_ORDER_LIMIT,
                 options->faults.count);
        return false;
    }
    options->order_count = options->faults.count;
    for (i = 0; i < options->faults.count; i++) {
        struct swarm_order *order = &options->orders[i];

        (void)swarm_order_parse(options->faults.items[i], order); /* judged already */
        options->needs_network |= swarm_fault_is_networks(order->fault);
        if ((swarm_fault_is_servers(order->fault) || swarm_fault_is_networks(order->fault)) &&
            options->spawn_server == NULL) {
            snprintf(
                problem, capacity, "--fault %s: is done %s only: add --spawn-server", swarm_fault_word(order->fault),
                swarm_fault_is_networks(order->fault) ? "on the way to a server of our own" : "to a server of our own");
            return false;
        }
        if (swarm_fault_takes_two_cables(order->fault) && !options->mptcp) {
            snprintf(problem, capacity, "--fault %s: needs a second cable: add --mptcp, and --spawn-server=--mptcp",
                     swarm_fault_word(order->fault));
            return false;
        }
        if (order->length == 0) {
            order->length = 2 * options->expiry;
        }
        if (swarm_fault_victim(order->fault) == SWARM_VICTIM_CLIENTS) {
            taken += swarm_order_size(order, (uint32_t)options->clients);
        }
    }
    if (options->needs_network && options->mptcp && options->clients > SWARM_SECOND_ADDRESS_LIMIT) {
        snprintf(problem, capacity,
                 "--clients %llu: with --mptcp on the network each has two addresses, for %u clients",
                 (unsigned long long)options->clients, SWARM_SECOND_ADDRESS_LIMIT);
        return false;
    }
    if (options->needs_network && options->clients > SWARM_ADDRESS_LIMIT) {
        snprintf(problem, capacity,
                 "--clients %llu: with faults on the network each has an address of its own, and there are %u",
                 (unsigned long long)options->clients, SWARM_ADDRESS_LIMIT);
        return false;
    }
    if (taken > options->clients) {
        snprintf(problem, capacity, "--fault: the shares take %llu clients, and there are %llu; each dies once at most",
                 (unsigned long long)taken, (unsigned long long)options->clients);
        return false;
    }
    return true;
}

static bool take_server(struct swarm_options *options, const struct lubdub_strings *positionals, char *problem,
                        size_t capacity)
{
    const char *text = positionals->count > 0 ? positionals->items[0] : "localhost";
    const char *wrong = lubdub_hostport_parse(text, DEFAULT_PORT, &options->server);

    if (positionals->count > 0 && options->spawn_server != NULL) {
        snprintf(problem, capacity, "--spawn-server: starts a server of its own; leave the address out");
        return false;
    }
    if (wrong != NULL) {
        snprintf(problem, capacity, "the server's address: %s", wrong);
    }
    return wrong == NULL;
}

/* Completes how many processes there are. */
static bool take_processes(struct swarm_options *options, char *problem, size_t capacity)
{
    struct swarm_demand demand = {.clients = options->clients,
                                  .processes = options->processes,
                                  .has_servers = options->spawn_server != NULL,
                                  .server_processes = options->server_processes};

    if (options->processes > options->clients) {
        snprintf(problem, capacity, "--processes %llu: there are %llu clients, and each process has one",
                 (unsigned long long)options->processes, (unsigned long long)options->clients);
        return false;
    }
    if (options->server_processes > 0 && options->spawn_server == NULL) {
        snprintf(problem, capacity, "--server-processes: are those of our own server: add --spawn-server");
        return false;
    }
    if (!swarm_capacity_fit(&demand, problem, capacity)) {
        return false;
    }
    options->processes = demand.processes;
    options->server_processes = demand.server_processes;
    return true;
}

static struct lubdub_credentials credentials_of(const struct swarm_options *options)
{
    return (struct lubdub_credentials){
        .certificate = options->tls_cert,
        .key = options->tls_key,
        .authority = options->tls_ca,
    };
}

bool swarm_options_make_tls(struct swarm_options *options, char *problem, size_t capacity)
{
    const struct lubdub_credentials files = credentials_of(options);

    return !options->with_tls || lubdub_credentials_load(&options->tls, LUBDUB_ROLE_CLIENT, &files, problem, capacity);
}

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    struct swarm_options *options = target;
    struct lubdub_credentials files;
    const char *fault;

    options->longest_gather = lubdub_gather_value(options->gather);
    options->timeout = options->timeout > 0 ? options->timeout : 3 * options->interval;
    options->expiry = options->expiry > 0 ? options->expiry : 3 * options->interval;
    if (options->expiry < 2 * options->interval) {
        snprintf(problem, capacity, "--expiry must be at least twice --interval");
        return false;
    }
    files = credentials_of(options);
    fault = lubdub_credentials_judge_client(options->with_tls, &files, options->tls_name);
    if (fault != NULL) {
        snprintf(problem, capacity, "%s", fault);
        return false;
    }
    return take_server(options, positionals, problem, capacity) && take_orders(options, problem, capacity) &&
           take_processes(options, problem, capacity);
}

static char closing[4096]; /* of the help */

const struct lubdub_settings_table swarm_options_table = {
    .program = "lubdub-swarm",
    .section = "swarm",
    .arguments = "[OPTIONS] [HOST[:PORT]]",
    .summary = "Runs many heartbeat clients, kills some of them and perhaps the server in several ways, and reports\n"
               "how soon and as what each death was noticed, what was missed, and what was a false alarm.\n",
    .closing = closing,
    .version = LUBDUB_VERSION,
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .positional_max = 1,
    .check = check,
};

static void append(const char *more)
{
    size_t length = strlen(closing);

    snprintf(closing + length, sizeof closing - length, "%s", more);
}

/* Every fault's line comes from its row. */
static void write_closing(void)
{
    snprintf(closing, sizeof closing,
             "Faults of clients, each with its share of them (5%% or 0.05), at random moments within --duration; a "
             "client\n"
             "takes one at most, and stays away until all are over:\n");
    swarm_order_help(closing, sizeof closing, SWARM_VICTIM_CLIENTS);
    append("Faults of the server that --spawn-server starts, after those, one at a time, with all clients back:\n");
    swarm_order_help(closing, sizeof closing, SWARM_VICTIM_SERVERS);
    append("Bad paths all the while, for all clients or a share of them; nobody may be lost for that:\n");
    swarm_order_help(closing, sizeof closing, SWARM_VICTIM_PATHS);
    append("* on a network of our own: takes --spawn-server, root (or CAP_SYS_ADMIN and CAP_NET_ADMIN) and "
           "/dev/net/tun\n"
           "\n"
           "Exit status: 0 nothing missed, no false alarm and no wrong cause; 1 otherwise; 2 usage; 3 cannot start.\n");
}

void swarm_options_init(struct swarm_options *options)
{
    uint32_t seed = 1;

    write_closing();
    memset(options, 0, sizeof *options);
    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    options->clients = 100;
    options->interval = LUBDUB_SECOND;
    options->ramp = 2000;
    options->warmup = 2 * LUBDUB_SECOND;
    options->duration = 10 * LUBDUB_SECOND;
    options->seed = seed;
}

void swarm_options_clear(struct swarm_options *options)
{
    lubdub_credentials_free(options->tls);
    lubdub_settings_clear(&options->loaded);
}
