/*
 * Declares the parts of a run; private to the simulator.
 *
 *     process (client 0) ── end ══ stream up ════► end ── process (server)
 *                             ◄══ stream down ══        tcp.h: the two kernels between them
 *     endpoint.h: what a process does with a session    connect.h: how it gets one
 *     process.h: what happens to it as a whole          fault.h: what is done on purpose
 *     judge.h: what must always hold
 *
 * The world has one true time, in nanoseconds from 0. A process has a clock of its own, with another origin and
 * perhaps another speed; all that its sessions see is in that. Everything that happens is an event in one queue.
 */
#ifndef LUBDUB_SIMULATE_WORLD_WORLD_H
#define LUBDUB_SIMULATE_WORLD_WORLD_H

#include <lubdub/session.h>

#include "core/suspicion.h"
#include "simulate/world/path.h"
#include "simulate/world/queue.h"
#include "simulate/world/result.h"
#include "simulate/world/settings.h"

enum sim_event_kind {
    SIM_EVENT_CONNECT,          /* subject: the client */
    SIM_EVENT_ESTABLISHED,      /* the same; detail: which attempt */
    SIM_EVENT_FLIGHT,           /* subject: the flight */
    SIM_EVENT_TIMER,            /* of an end; subject: the connection; detail: sim_detail() */
    SIM_EVENT_RESEND,           /* of a stream; subject and detail as for a timer */
    SIM_EVENT_ACKNOWLEDGE,      /* of a stream; the same: a delayed acknowledgement is due */
    SIM_EVENT_JUDGE,            /* of an end; the same */
    SIM_EVENT_WRITABLE,         /* of an end; the same: its kernel has room again */
    SIM_EVENT_TALK,             /* subject: a client's application, or SIM_NOBODY: the server's */
    SIM_EVENT_FAULT,            /* subject: the client, or SIM_NOBODY; detail: fault.c's */
    SIM_EVENT_GATHERED,         /* of an end, as for a timer: its loop has gathered, and looks at its sockets */
    SIM_EVENT_PATH_RESEND,      /* of a subflow; subject: sim_subflow_subject(); detail as for a stream */
    SIM_EVENT_PATH_ACKNOWLEDGE, /* the same */
    SIM_EVENT_KEEPALIVE,        /* of an end of a subflow; the same */
    SIM_EVENT_JOIN,             /* of a subflow: detail 0: it is to be opened; 1: it is open */
};

#define SIM_NOBODY UINT32_MAX

/* ---- a process ---- */

struct sim_process {
    lubdub_time origin; /* of its clock */
    int32_t drift;      /* of its clock, in millionths */
    bool is_alive;
    bool is_stopped;        /* by SIGSTOP, or with its machine */
    lubdub_time stopped_at; /* true time */
    lubdub_time went_on_at; /* true time, 0: it was never stopped */
    bool is_machine_up;
    bool is_troubled;         /* a fault is on; fault.c's */
    lubdub_time paused_until; /* its machine; true time, 0: it runs */
    lubdub_time unpaused_at;  /* its machine ran again; true time, 0: it was never paused */
    lubdub_time ran_at;       /* by its own clock, like all below */
    lubdub_duration away_total;
    uint64_t absence_count;
    struct lubdub_suspicion suspicion;
    struct lubdub_session_settings settings;
};

/* ---- TCP ---- */

/* A frame that was written: the simulator reads along. */
struct sim_note {
    uint64_t end; /* offset in the stream */
    uint64_t sequence;
    lubdub_time written_at;
    lubdub_time arrived_at; /* at the other kernel, whole and in order */
    uint8_t type;
};

struct sim_range {
    uint64_t from;
    uint64_t to;
};

#define SIM_RANGE_LIMIT 8

/*
 * One direction of a connection. Offsets count the bytes from its begin; FIN counts as one.
 *
 *     read_to ≤ received_to;  acked_to ≤ received_to ≤ written_to
 */
struct sim_stream {
    uint8_t *bytes; /* a ring; the bytes from read_to on */
    uint32_t capacity;
    uint64_t written_to;
    uint64_t sent_to; /* once, at least; less than written_to while a timeout closes the window */
    uint64_t read_to;
    uint64_t received_to; /* in order */
    uint64_t acked_to;
    bool has_fin; /* the last of written_to */

    /* finite buffers; 0: as large as needed */
    uint32_t send_limit;
    uint32_t unsent_limit; /* nothing is taken while so many bytes wait unsent; where there is a send_limit */
    uint32_t receive_limit;
    uint64_t window_to;     /* what the receiver allows, as the sender knows it */
    uint64_t advertised_to; /* the same, as the receiver said last */
    unsigned window_probes; /* that were not answered */

    /* the frame in the middle of which a write ended */
    struct lubdub_frame frame;
    uint8_t *frame_content;
    size_t frame_capacity;
    size_t frame_left;

    /* what came ahead of a gap */
    struct sim_range ahead[SIM_RANGE_LIMIT];
    unsigned ahead_count;

    /* the sending kernel */
    lubdub_duration smoothed; /* round trip; 0: none was measured */
    lubdub_duration variation;
    lubdub_duration least;   /* that was measured; 0: none was */
    lubdub_time answered_at; /* when the peer's kernel acknowledged something last */
    unsigned backoff;
    bool was_probed;       /* of a subflow: its tail was sent again, and nothing was acknowledged since */
    lubdub_time resend_at; /* LUBDUB_TIME_NEVER: all is acknowledged */
    lubdub_time progress_at;
    lubdub_time resent_at;
    uint64_t timed_to; /* of the segment whose round trip is being measured; 0: none */
    lubdub_time timed_at;
    struct sim_timer resend_timer;

    /* the receiving kernel */
    lubdub_time acknowledge_at; /* LUBDUB_TIME_NEVER: nothing waits for a delayed one */
    struct sim_timer acknowledge_timer;

    /* notes, in a ring; counted from the first ever */
    struct sim_note *notes;
    uint32_t note_capacity;
    uint64_t note_count;
    uint64_t note_arrived;
    uint64_t note_read;
    uint64_t note_acked;
};

/* Under way between two kernels. */
struct sim_flight {
    uint32_t connection;
    uint32_t generation;
    uint32_t next_free;
    uint8_t direction;
    uint8_t path;
    bool is_reset;
    bool is_fast_close;   /* a reset that ends the whole connection, not one path */
    bool is_window_probe; /* asks for an acknowledgement, and for the window in it */
    bool has_gap;         /* the acknowledgement says that something is missing before what came */
    uint64_t from;
    uint64_t to; /* no data where both are the same */
    uint64_t ack;
    uint64_t gap_to;
    uint64_t window_to;
    uint64_t data_ack; /* of the whole stream, where there are paths; from, to, ack are the path's own then */
};

/* ---- Multipath TCP ---- */

/* Bytes of the stream that a subflow carries; from and to are its own offsets. */
struct sim_mapping {
    uint64_t from;
    uint64_t to;
    uint64_t data_from;
};

/* What one end's kernel knows of a subflow. */
struct sim_subflow_end {
    struct sim_timer keepalive_timer;
    lubdub_time heard_at;    /* anything but a keepalive */
    lubdub_time got_at;      /* data; 0: never */
    bool answers;            /* data has gone out soon after data came */
    unsigned stale_count;    /* retransmissions of the stream in a row without an answer here */
    lubdub_time stale_since; /* when it had been answered last, then */
    bool is_stale;           /* it is not chosen until it is answered again */
};

/* A TCP connection of its own over one path. Its streams hold offsets and estimates, no bytes. */
struct sim_subflow {
    bool is_open;
    bool is_over; /* it was reset */
    lubdub_duration join_wait;
    struct sim_stream streams[2];
    struct sim_subflow_end ends[2];
    struct sim_mapping *mappings[2]; /* of what is not acknowledged; in order */
    size_t mapping_count[2];
    size_t mapping_capacity[2];
};

/* ---- a connection ---- */

enum sim_side {
    SIM_CLIENT,
    SIM_SERVER,
};

enum sim_kernel {
    SIM_KERNEL_NONE, /* it knows nothing of this connection */
    SIM_KERNEL_OPEN,
    SIM_KERNEL_ORPHAN, /* its process closed; what was written goes on its way */
};

/* What the judge remembers of a probe that was written. */
struct sim_asked {
    uint64_t sequence;
    lubdub_time at;           /* by the writer's clock */
    lubdub_duration away;     /* the writer's absences until then */
    lubdub_duration promised; /* and how much of them had to be forgiven */
    uint32_t content;         /* a hash */
    uint16_t length;
    uint16_t health; /* bits 0-1 of the flags */
};

#define SIM_ASKED 64

struct sim_end {
    struct lubdub_session session;
    uint32_t process;
    uint8_t kernel; /* enum sim_kernel */
    bool has_session;
    bool must_begin; /* the kernel has the connection, and its process did not run yet */
    bool has_error;
    uint8_t error;    /* enum lubdub_cause */
    bool is_end_told; /* end of file, or the error */
    bool has_timer;
    bool is_deferred;  /* a call left something to the endpoint's own step: its stream is not watched until then */
    uint8_t broken_by; /* enum lubdub_cause: what that call found */
    lubdub_time due;   /* of the session's timer; by the process's clock */
    struct sim_timer timer;
    struct sim_timer judge_timer;
    struct sim_timer write_timer;
    struct sim_timer gather_timer;
    bool is_deaf; /* its application does not read */

    /* what the judge knows */
    uint32_t down_count;
    bool was_up;
    lubdub_time recovered_at;   /* server: when RECOVERED was told last, by the process's clock; 0: never */
    bool has_left;              /* without being told: nothing more is promised */
    lubdub_time heard_at;       /* read, by the process's clock */
    lubdub_duration heard_away; /* the process's absences until then */
    lubdub_time arrived_at;     /* at the kernel, by the process's clock */
    lubdub_duration promised;   /* of its process's absences, how much has to be forgiven */
    lubdub_duration arrived_promised;
    lubdub_duration expiry;      /* server: granted */
    lubdub_time asked_at;        /* when it wrote a probe last */
    lubdub_time asked_before_at; /* and the one before that */
    lubdub_duration asked_away;
    uint64_t probes_written;
    uint64_t probes_read;
    uint64_t acks_written; /* the sequence of the last */
    uint64_t acks_arrived;
    uint64_t acks_read;
    uint64_t oldest_asked; /* that was not acknowledged nor timed out */
    struct sim_asked asked[SIM_ASKED];
    lubdub_time stale_at;     /* server: when it read a probe last that had been under way for an expiry; true time */
    lubdub_time waits_since;  /* bytes of ours wait for the kernel, by the process's clock; 0: none do */
    lubdub_time blocked_at;   /* and it has taken none */
    lubdub_time waited_since; /* the same of the last time, when it is over, too */
    lubdub_time bytes_at;     /* when it read bytes last, by the process's clock */
    lubdub_time held_up_at;   /* when bytes waited last, or the grant changed: probes are not in time after that */
    lubdub_duration blocked_away;
    uint64_t grants_probes;    /* server: the last probe that was sent under the old grant; UINT64_MAX: not known yet */
    uint64_t grants_challenge; /* server: the last challenge that was written when the client had the new grant */
    uint64_t grants_ack;       /* server: the last probe before the ACK of that was read; UINT64_MAX: it was not */
    lubdub_duration old_expiry;  /* server: that must count still; 0: none */
    lubdub_duration old_longest; /* server: that may count still; 0: none */
    uint64_t messages_read;
    uint64_t messages_written;
    uint32_t said[SIM_ASKED]; /* hashes of the last ones */
};

struct sim_connection {
    uint32_t index;
    uint32_t generation;
    uint32_t client;
    bool is_used;
    uint64_t session_number;
    uint64_t incarnation;
    uint64_t order; /* of being accepted */
    lubdub_time up_at;
    lubdub_time established_at;
    struct sim_end ends[2];
    struct sim_stream streams[2];   /* enum sim_direction */
    struct sim_subflow *subflows;   /* one for each of the client's paths; NULL: it is plain TCP */
    lubdub_duration stream_wait[2]; /* of each direction: after which the stream is sent again over another path */
};

/* ---- a client ---- */

struct sim_client {
    struct sim_path paths[SIM_PATH_LIMIT];
    unsigned path_count;
    struct sim_random random;
    uint32_t process;
    uint32_t server;     /* process */
    uint32_t connection; /* SIM_NOBODY: none */
    uint32_t attempt;    /* of connecting; an event of another one is an old one */
    lubdub_time attempt_began;
    lubdub_duration attempt_wait;
    lubdub_duration handshake; /* its round trip */
    bool was_syn_lost;         /* so that the kernel's first estimates are stale */
    bool wants_connection;     /* as soon as its process runs */
    char identity[16];
    uint8_t content[64];

    /* what is being done to it; fault.c's */
    enum sim_trouble trouble;
    lubdub_time trouble_at;
    uint32_t troubled_connection;
    struct sim_random trouble_random;
    bool is_decided[2]; /* each side's verdict on the trouble came */
    uint32_t trouble_count;
};

/* ---- the world ---- */

struct endpoint_step;

struct sim_world {
    const struct sim_settings *settings;
    struct sim_result *result;

    /* What a lower part of the simulator tells a higher one; simulate.c sets them. */
    void (*on_readable)(struct sim_world *world, struct sim_connection *connection, enum sim_side side);
    void (*on_client_over)(struct sim_world *world, uint32_t client);
    /* A MESSAGE came. The content lives as long as that of an event. */
    void (*on_message)(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                       const uint8_t *content, size_t length);
    void (*on_writable)(struct sim_world *world, struct sim_connection *connection, enum sim_side side);
    void (*on_go_on)(struct sim_world *world, uint32_t process); /* it runs again, and has done nothing yet */

    lubdub_time now;
    struct sim_queue queue;
    struct sim_random random; /* of the faults */
    struct sim_client *clients;
    uint32_t client_count;
    struct sim_process *processes; /* the clients', then the servers' */
    uint32_t process_count;
    struct sim_connection **connections;
    uint32_t connection_count;
    uint32_t connection_capacity;
    struct sim_flight *flights;
    uint32_t flight_count;
    uint32_t flight_capacity;
    uint32_t free_flight;
    uint64_t session_count;
    uint64_t incarnation;
    uint64_t accepted_count;
    struct sim_random talk; /* of the server's application */
    lubdub_time talk_from;  /* the spell of talk that is on, or the next one; application.c's */
    lubdub_time talk_to;
    uint8_t *input;
    uint8_t *outputs[2];            /* of a step, and of one inside it */
    bool is_in_application;         /* a callback of an application runs */
    struct endpoint_step *steps[2]; /* the steps that run; endpoint.c's */
    unsigned depth;
    uint64_t digest;
};

#define SIM_INPUT_SIZE 8192
#define SIM_LONGEST_MESSAGE 12000
#define SIM_OUTPUT_SIZE (SIM_INPUT_SIZE + 2 * (LUBDUB_HEADER_LENGTH + SIM_LONGEST_MESSAGE))

static inline uint32_t sim_detail(const struct sim_connection *connection, unsigned which)
{
    return connection->generation << 1 | which; /* its highest bit is lost */
}

/* Connections are fewer than 2^24. */
static inline uint32_t sim_subflow_subject(const struct sim_connection *connection, unsigned path)
{
    return connection->index | path << 24;
}

static inline enum sim_direction sim_written_by(enum sim_side side)
{
    return side == SIM_CLIENT ? SIM_UP : SIM_DOWN;
}

static inline enum sim_side sim_writer(enum sim_direction direction)
{
    return direction == SIM_UP ? SIM_CLIENT : SIM_SERVER;
}

static inline enum sim_side sim_other(enum sim_side side)
{
    return side == SIM_CLIENT ? SIM_SERVER : SIM_CLIENT;
}

static inline struct sim_process *sim_process_of(const struct sim_world *world, const struct sim_end *end)
{
    return &world->processes[end->process];
}

/* Whether a process takes notice of anything. */
static inline bool sim_runs(const struct sim_process *process)
{
    return process->is_alive && !process->is_stopped;
}

static inline bool sim_is_spell_on(const struct sim_world *world)
{
    return world->now >= world->talk_from && world->now < world->talk_to;
}

/* Whether any of its paths is cut. */
static inline bool sim_has_cut(const struct sim_client *client)
{
    unsigned i;

    for (i = 0; i < client->path_count; i++) {
        if (client->paths[i].cut != 0) {
            return true;
        }
    }
    return false;
}

/* A process's clock at a true time. */
static inline lubdub_time sim_local(const struct sim_process *process, lubdub_time at)
{
    int64_t drift = 0;

    if (process->drift != 0) {
        drift = (int64_t)(at / 1000000) * process->drift + (int64_t)(at % 1000000) * process->drift / 1000000;
    }
    return process->origin + at + (uint64_t)drift;
}

/* The first true time at which a process's clock shows at least that. */
lubdub_time sim_true(const struct sim_process *process, lubdub_time local);

/* Adds an event to the digest; every event is added. */
static inline void sim_digest(struct sim_world *world, uint64_t what, uint64_t detail)
{
    uint64_t z = world->digest ^ world->now;

    z = (z ^ what << 56 ^ detail) * 0x9e3779b97f4a7c15u;
    world->digest = z ^ z >> 29;
    world->result->happenings++;
}

/* Writes a line of the story, where the settings ask for one. */
void sim_tell(struct sim_world *world, const struct sim_connection *connection, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A segment that is to be under way. The pointer lives until the next call. */
struct sim_flight *sim_new_flight(struct sim_world *world, uint32_t *index);

/* A machine that is paused minds its timers when it runs again: then *due moves there, and this is true. */
bool sim_is_paused(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                   lubdub_time *due);

/* Whether a fault has cut something of all of a client's paths; since when all of all are cut, NEVER: they are not. */
bool sim_is_cut(const struct sim_client *client);
lubdub_time sim_cut_at(const struct sim_client *client);

/* Returns a connection that is not in use; its ends are not set up. */
struct sim_connection *sim_new_connection(struct sim_world *world);

/* Frees a connection for use again, when neither kernel knows it any more. */
void sim_release(struct sim_world *world, struct sim_connection *connection);

#endif
