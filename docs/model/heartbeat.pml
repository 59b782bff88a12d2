/*
 * A model of the protocol's procedure (docs/protocol.md, section 5), for Spin: opening, probing, challenge, expiry, takeover
 * by incarnation, stalls of either side, and messages that block. One server; two clients with the same identity, of which
 * the first may come back on a new connection. docs/model/README.md says what is checked, and what is left out.
 *
 * Time is discrete. What is sent in one tick is read in this one or in the next, so a round trip takes two ticks at most,
 * unless the path is cut or a process is stopped. A tick comes when nothing is left that must be done before it.
 *
 * Planted faults, one at a time, each of which must be found:
 *     -DTIMER_FIRST          the timer is judged before what has arrived is read
 *     -DNO_INCARNATION       the client that says HELLO last has the identity
 *     -DNO_TIME_BACK         an absence of our own counts as the peer's silence
 *     -DTIE_BY_PROCESSING    of equal incarnations the HELLO that is processed later wins
 */
#ifndef FAULTS
#define FAULTS 2 /* that may happen in one run */
#endif
#define INTERVAL 2
#define TIMEOUT 3  /* of a client, for one ACK */
#define EXPIRY 4   /* of the server; a living client is heard every third tick at the latest */
#define LATE 3     /* then a session is challenged */
#define MARGIN 3   /* a holder that was asked answers within two ticks */
#define ABSENCE 5  /* the longest, in ticks: longer than every deadline */
#define CONNECTIONS 3
#define NOBODY 3
#define CLIENT(k) (k == 1 -> 1 : 0) /* connections 0 and 2 are of the first client */

/* frames; 0: none */
#define HELLO 1
#define WELCOME 1
#define PROBE 2
#define ACK 3
#define BYE 4
#define MESSAGE 5

/* a client's end of a connection, and the server's */
#define UNBORN 0
#define ASKING 1  /* client: waits for WELCOME. Server: accepted, nothing whole has come */
#define TRIAL 2   /* server: an older incarnation waits whether the holder answers */
#define UP 3
#define OVER 4

/* One direction of a connection holds two frames, as kernels do, and the end of the stream behind them. */
typedef Way {
    byte first;
    byte second;
    bit first_has_arrived;
    bit second_has_arrived;
    bit ended;
    bit end_has_arrived;
}

Way up[CONNECTIONS];
Way down[CONNECTIONS];
bool is_cut[CONNECTIONS];
byte incarnation[CONNECTIONS];
byte accepted[CONNECTIONS]; /* the how-manieth; 0: not yet */
byte accepted_count;

/* clients' ends */
byte client[CONNECTIONS];
byte since_probe[CONNECTIONS];
byte waits_for_ack[CONNECTIONS]; /* ticks + 1; 0: no probe is unanswered */
bool is_deaf[CONNECTIONS];       /* it sends and does not read */
bool is_dead[2];
bool is_stopped[2];
byte stopped_for[2];

/* the server's ends */
byte server[CONNECTIONS];
byte heard[CONNECTIONS];   /* ticks since the last frame was read */
bool is_asked[CONNECTIONS];
bool owes_ack[CONNECTIONS];
byte blocked[CONNECTIONS]; /* ticks + 1 since its output waits; 0: it does not. It does not read meanwhile */
byte trial_for;            /* ticks + 1 since the holder was asked for the sake of one that waits; 0: none waits */
byte tried = NOBODY;       /* the holder that was asked */
byte owner = NOBODY;
bool server_is_dead;
bool server_is_stopped;
byte server_stopped_for;

byte faults;

/*
 * Whose turn it is in this tick: what goes wrong, then the clients' ends, then the server. The clients do not touch each
 * other, and a frame may be left to the next tick: so no order of arrivals is missing, and far fewer states differ.
 */
byte turn;
#define WORLDS_TURN 0
#define CLIENTS_TURN(n) (n + 1)
#define SERVERS_TURN 4

/* what an observer knows, who sees both ends */
byte silent[CONNECTIONS];   /* ticks, while the server ran, since a frame of the client arrived in its socket */
byte unread[CONNECTIONS];   /* ticks, while the server ran, since the client read something that waits for it */
bool was_hurt[CONNECTIONS]; /* path, server or reading was hindered since the unanswered probe was sent */
bool was_blocked[CONNECTIONS];
bool has_begun[CONNECTIONS];
bool has_ended[CONNECTIONS];
byte k; /* for loops inside one step */
byte loser;

#define IS_FULL(way) (way.second != 0)
#define PUT(way, frame)                                                        \
    if                                                                         \
    :: way.ended || IS_FULL(way) -> skip                                       \
    :: else ->                                                                 \
        if                                                                     \
        :: way.first == 0 -> way.first = frame; way.first_has_arrived = 0      \
        :: else -> way.second = frame; way.second_has_arrived = 0              \
        fi                                                                     \
    fi
#define TAKE(way)                                     \
    way.first = way.second;                           \
    way.first_has_arrived = way.second_has_arrived;   \
    way.second = 0;                                   \
    way.second_has_arrived = 0
#define END(way) way.ended = 1
/* What nobody will look at again is forgotten, so that fewer states differ. */
#define FORGET(n)                                                                        \
    if                                                                                   \
    :: client[n] == OVER && server[n] == OVER ->                                         \
        CLEAR(up[n]); CLEAR(down[n]);                                                    \
        up[n].ended = 0; up[n].end_has_arrived = 0;                                      \
        down[n].ended = 0; down[n].end_has_arrived = 0;                                  \
        is_cut[n] = false; is_deaf[n] = false; incarnation[n] = 0; accepted[n] = 0;      \
        unread[n] = 0; silent[n] = 0; was_hurt[n] = false; was_blocked[n] = false        \
    :: else -> skip                                                                      \
    fi
#define CLEAR(way) way.first = 0; way.second = 0; way.first_has_arrived = 0; way.second_has_arrived = 0

#define SERVER_RUNS (!server_is_dead && !server_is_stopped)
#define RUNS(c) (!is_dead[c] && !is_stopped[c])
#define CAN_ARRIVE(k, has_arrived) (!is_cut[k] || has_arrived) /* what lies in a socket is there, whatever becomes of the path */

/* ---- the server's events: the properties are here ---- */

inline begin(n)
{
    assert(!has_begun[n] && !has_ended[n]);
    assert(owner == NOBODY); /* the end of the session before is told by now; one owner */
    has_begun[n] = true;
    owner = n;
    server[n] = UP;
    is_asked[n] = false;
    heard[n] = 0;
    PUT(down[n], WELCOME)
}

/* The end of what was UP; says BYE if it can, and closes. */
inline finish(n)
{
    if
    :: server[n] == UP ->
        assert(has_begun[n] && !has_ended[n] && owner == n);
        has_ended[n] = true;
        owner = NOBODY
    :: else -> skip
    fi;
    server[n] = OVER;
    blocked[n] = 0;
    owes_ack[n] = false;
    heard[n] = 0;
    is_asked[n] = false;
    silent[n] = 0;
    CLEAR(up[n]);
    PUT(down[n], BYE);
    END(down[n])
}

/* The newcomer n takes the identity from its holder. */
inline take_over(n)
{
    assert(incarnation[n] > incarnation[owner] ||
           (incarnation[n] == incarnation[owner] && accepted[n] > accepted[owner]) || silent[owner] >= MARGIN - 1);
    loser = owner;
    finish(loser);
    loser = 0;
    begin(n)
}

inline judge_hello(n)
{
    heard[n] = 0;
    if
    :: owner == NOBODY -> begin(n)
    :: owner != NOBODY && up[n].ended && up[n].end_has_arrived -> finish(n) /* it is gone already: takes over nobody */
    :: owner != NOBODY && !(up[n].ended && up[n].end_has_arrived) ->
#ifdef NO_INCARNATION
        take_over(n)
#else
        if
        :: incarnation[n] > incarnation[owner] -> take_over(n)
        :: incarnation[n] == incarnation[owner] ->
#ifdef TIE_BY_PROCESSING
            take_over(n)
#else
            if
            :: accepted[n] > accepted[owner] -> take_over(n)
            :: else -> finish(n)
            fi
#endif
        :: incarnation[n] < incarnation[owner] ->
            if
            :: trial_for != 0 -> finish(n) /* another one waits already */
            :: else ->
                server[n] = TRIAL;
                trial_for = 1;
                tried = owner;
                is_asked[owner] = true;
                PUT(down[owner], PROBE)
            fi
        fi
#endif
    fi
}

/* A frame of the holder: it lives. A client that waited for its end is refused. */
inline settle_trial(holder)
{
    if
    :: trial_for != 0 && owner == holder && tried == holder ->
        trial_for = 0;
        tried = NOBODY;
        k = 0;
        do
        :: k < CONNECTIONS ->
            if
            :: server[k] == TRIAL -> finish(k)
            :: else -> skip
            fi;
            k++
        :: else -> break
        od
    :: else -> skip
    fi
}

inline read_frame(n)
{
    if
    :: up[n].first == HELLO -> TAKE(up[n]); silent[n] = 0; judge_hello(n)
    :: up[n].first == PROBE ->
        TAKE(up[n]);
        silent[n] = 0;
        heard[n] = 0;
        is_asked[n] = false;
        if
        :: IS_FULL(down[n]) -> owes_ack[n] = true; blocked[n] = 1; was_blocked[n] = true; was_hurt[n] = true
        :: else -> PUT(down[n], ACK)
        fi;
        settle_trial(n)
    :: up[n].first == ACK -> TAKE(up[n]); silent[n] = 0; heard[n] = 0; is_asked[n] = false; settle_trial(n)
    fi
}

#ifdef TIMER_FIRST
#define HAS_READ_ALL(n) true
#else
#define HAS_READ_ALL(n) (!(up[n].first != 0 && up[n].first_has_arrived) && !(up[n].first == 0 && up[n].ended && up[n].end_has_arrived))
#endif

#define LISTENS(n) ((server[n] == ASKING || server[n] == UP) && accepted[n] != 0 && blocked[n] == 0)
#define CAN_READ(n) (LISTENS(n) && up[n].first != 0 && CAN_ARRIVE(n, up[n].first_has_arrived))
#define SEES_END(n) (server[n] != UNBORN && server[n] != OVER && accepted[n] != 0 && blocked[n] == 0 && up[n].first == 0 && \
                     up[n].ended && CAN_ARRIVE(n, up[n].end_has_arrived))
#define IS_LATE(n) (server[n] == UP && heard[n] >= LATE && !is_asked[n])
#define IS_EXPIRED(n) ((server[n] == UP || server[n] == ASKING) && accepted[n] != 0 && heard[n] >= EXPIRY && HAS_READ_ALL(n))
#define CAN_FLUSH(n) (blocked[n] != 0 && !IS_FULL(down[n]))
#define IS_SLOW(n) (server[n] == UP && blocked[n] > EXPIRY && !CAN_FLUSH(n)) /* it writes before it judges, too */
#define TRIAL_IS_OVER (trial_for > MARGIN && owner == tried && HAS_READ_ALL(owner))
#define TRIAL_IS_VOID (trial_for != 0 && owner != tried)

/* What the server must do before the next tick, for one connection. */
#define SERVER_OWES(n) ((server[n] == ASKING && accepted[n] == 0) || \
                        (CAN_READ(n) && up[n].first_has_arrived) || (SEES_END(n) && up[n].end_has_arrived) || \
                        IS_LATE(n) || IS_EXPIRED(n) || IS_SLOW(n) || CAN_FLUSH(n))

inline leave_trial(n)
{
    if
    :: server[n] == TRIAL -> trial_for = 0; tried = NOBODY
    :: else -> skip
    fi
}

/* The one that waits gets the identity, unless another has it by now: then its HELLO is judged anew. */
inline end_trial()
{
    trial_for = 0;
    k = 0;
    do
    :: k < CONNECTIONS && server[k] == TRIAL ->
        if
        :: owner == NOBODY -> tried = NOBODY; begin(k)
        :: owner != NOBODY && owner == tried -> tried = NOBODY; take_over(k)
        :: owner != NOBODY && owner != tried -> tried = NOBODY; server[k] = ASKING; judge_hello(k)
        fi;
        break
    :: k < CONNECTIONS && server[k] != TRIAL -> k++
    :: k == CONNECTIONS -> break
    od
}

proctype Server()
{
    byte n;

    do
    :: atomic { turn == SERVERS_TURN && SERVER_RUNS && (TRIAL_IS_OVER || TRIAL_IS_VOID) -> end_trial() }
    :: atomic {
        turn == SERVERS_TURN && SERVER_RUNS -> n = 0;
        do
        :: n < CONNECTIONS - 1 -> n++ /* any connection */
        :: break
        od;
        if
        :: server[n] == ASKING && accepted[n] == 0 -> accepted_count++; accepted[n] = accepted_count; heard[n] = 0; silent[n] = 0
        :: CAN_READ(n) -> read_frame(n)
        :: SEES_END(n) -> leave_trial(n); finish(n)
        :: IS_LATE(n) -> is_asked[n] = true; PUT(down[n], PROBE)
        :: IS_EXPIRED(n) && (blocked[n] == 0 || up[n].first == 0) ->
            assert(server[n] != UP || silent[n] >= EXPIRY); /* no live one lost within the promise */
            finish(n)
        :: IS_SLOW(n) ->
            assert(unread[n] >= EXPIRY); /* only one that does not read is called slow */
            finish(n)
        :: CAN_FLUSH(n) ->
            blocked[n] = 0;
            if
            :: owes_ack[n] -> owes_ack[n] = false; PUT(down[n], ACK)
            :: else -> PUT(down[n], MESSAGE)
            fi
        :: faults < FAULTS && server[n] == UP && blocked[n] == 0 -> /* the application writes more than is read */
            faults++;
            if
            :: IS_FULL(down[n]) -> blocked[n] = 1; was_blocked[n] = true; was_hurt[n] = true
            :: else -> PUT(down[n], MESSAGE)
            fi
        :: else -> skip
        fi;
        n = 0
    }
    od
}

/* ---- a client's end of one connection ---- */

#define CAN_HEAR(n) (down[n].first != 0 && CAN_ARRIVE(n, down[n].first_has_arrived) && !is_deaf[n])
#define HEARS_END(n) (down[n].first == 0 && down[n].ended && CAN_ARRIVE(n, down[n].end_has_arrived) && !is_deaf[n])
#define PROBE_IS_DUE(n) (client[n] == UP && since_probe[n] >= INTERVAL && (waits_for_ack[n] == 0 || is_deaf[n]) && !IS_FULL(up[n]))
#define ACK_IS_OVERDUE(n) ((client[n] == UP || client[n] == ASKING) && waits_for_ack[n] > TIMEOUT && !is_deaf[n] && \
                           !(CAN_HEAR(n) && down[n].first_has_arrived) && !(HEARS_END(n) && down[n].end_has_arrived))
#define CLIENT_OWES(n) ((client[n] == ASKING || client[n] == UP) && \
                        ((CAN_HEAR(n) && down[n].first_has_arrived) || (HEARS_END(n) && down[n].end_has_arrived) || \
                         PROBE_IS_DUE(n) || ACK_IS_OVERDUE(n)))

inline hang_up(n)
{
    client[n] = OVER;
    since_probe[n] = 0;
    waits_for_ack[n] = 0;
    was_hurt[n] = false;
    unread[n] = 0;
    CLEAR(down[n]);
    END(up[n])
}

inline hear(n)
{
    unread[n] = 0;
    if
    :: down[n].first == WELCOME && client[n] == ASKING ->
        TAKE(down[n]); client[n] = UP; since_probe[n] = INTERVAL; waits_for_ack[n] = 0; was_hurt[n] = false
    :: down[n].first == ACK -> TAKE(down[n]); waits_for_ack[n] = 0; was_hurt[n] = false
    :: down[n].first == PROBE -> TAKE(down[n]); PUT(up[n], ACK)
    :: down[n].first == MESSAGE -> TAKE(down[n])
    :: down[n].first == BYE -> hang_up(n)
    fi
}

/* A connection begins with any incarnation: a client may be a copy, or its clock may have gone back. */
inline connect(n)
{
    client[n] = ASKING;
    server[n] = ASKING;
    waits_for_ack[n] = 1;
    if
    :: incarnation[n] = 1
    :: incarnation[n] = 2
    fi;
    PUT(up[n], HELLO)
}

proctype Client(byte n)
{
    do
    :: atomic { turn == CLIENTS_TURN(n) && RUNS(CLIENT(n)) && !server_is_dead && client[n] == UNBORN && (n != 2 || client[0] == OVER) -> connect(n) }
    :: atomic { turn == CLIENTS_TURN(n) && RUNS(CLIENT(n)) && (client[n] == ASKING || client[n] == UP) && CAN_HEAR(n) -> hear(n) }
    :: atomic { turn == CLIENTS_TURN(n) && RUNS(CLIENT(n)) && (client[n] == ASKING || client[n] == UP) && HEARS_END(n) -> hang_up(n) }
    :: atomic {
        turn == CLIENTS_TURN(n) && RUNS(CLIENT(n)) && PROBE_IS_DUE(n) ->
        PUT(up[n], PROBE);
        since_probe[n] = 0;
        waits_for_ack[n] = 1;
        was_hurt[n] = is_cut[n] || server_is_stopped || server_is_dead || blocked[n] != 0
    }
    :: atomic {
        turn == CLIENTS_TURN(n) && RUNS(CLIENT(n)) && ACK_IS_OVERDUE(n) ->
        assert(was_hurt[n] || client[n] == ASKING); /* no living server lost */
        hang_up(n)
    }
    :: atomic { turn == CLIENTS_TURN(n) && !(RUNS(CLIENT(n)) && CLIENT_OWES(n)) -> turn++ }
    od
}

/* ---- what goes wrong ---- */

inline hurt_all()
{
    k = 0;
    do
    :: k < CONNECTIONS -> was_hurt[k] = true; k++
    :: else -> break
    od
}

inline give_back_to_server()
{
#ifndef NO_TIME_BACK
    k = 0;
    do
    :: k < CONNECTIONS ->
        heard[k] = (heard[k] > server_stopped_for -> heard[k] - server_stopped_for : 0);
        blocked[k] = (blocked[k] > server_stopped_for -> blocked[k] - server_stopped_for : (blocked[k] != 0 -> 1 : 0));
        k++
    :: else -> break
    od;
    trial_for = (trial_for > server_stopped_for -> trial_for - server_stopped_for : (trial_for != 0 -> 1 : 0));
#endif
    server_stopped_for = 0
}

inline give_back_to_client(c)
{
    k = 0;
    do
    :: k < CONNECTIONS ->
        if
        :: CLIENT(k) == c && waits_for_ack[k] != 0 ->
            waits_for_ack[k] = (waits_for_ack[k] > stopped_for[c] -> waits_for_ack[k] - stopped_for[c] : 1)
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    stopped_for[c] = 0
}

/* A process dies, and its kernel ends its streams, or the whole machine is gone and nothing is heard of it. */
inline die(c)
{
    is_dead[c] = true;
    k = 0;
    do
    :: k < CONNECTIONS ->
        if
        :: CLIENT(k) == c && (client[k] == ASKING || client[k] == UP) ->
            client[k] = OVER;
            since_probe[k] = 0;
            waits_for_ack[k] = 0;
            if
            :: END(up[k])
            :: is_cut[k] = true
            fi
        :: else -> skip
        fi;
        k++
    :: else -> break
    od
}

proctype World()
{
    byte c;

    do
    :: atomic { turn == WORLDS_TURN && faults < FAULTS && SERVER_RUNS -> faults++; server_is_stopped = true; hurt_all() }
    :: atomic { turn == WORLDS_TURN && server_is_stopped && server_stopped_for > 0 -> server_is_stopped = false; give_back_to_server() }
    :: atomic { /* the whole machine room is paused */
        turn == WORLDS_TURN && faults < FAULTS && SERVER_RUNS && RUNS(0) && RUNS(1) ->
        faults++; server_is_stopped = true; is_stopped[0] = true; is_stopped[1] = true; hurt_all()
    }
    :: atomic { turn == WORLDS_TURN && faults < FAULTS && SERVER_RUNS -> /* the server's process dies */
        faults++; server_is_dead = true; hurt_all();
        k = 0;
        do
        :: k < CONNECTIONS -> END(down[k]); server[k] = (server[k] == UNBORN -> UNBORN : OVER); CLEAR(up[k]); silent[k] = 0; heard[k] = 0;
            blocked[k] = 0; owes_ack[k] = false; is_asked[k] = false; k++
        :: else -> break
        od;
        owner = NOBODY; trial_for = 0; tried = NOBODY
    }
    :: atomic {
        turn == WORLDS_TURN -> c = 0;
        if
        :: c = 0
        :: c = 1
        fi;
        if
        :: faults < FAULTS && RUNS(c) -> faults++; is_stopped[c] = true
        :: is_stopped[c] && stopped_for[c] > 0 -> is_stopped[c] = false; give_back_to_client(c)
        :: faults < FAULTS && RUNS(c) -> faults++; die(c)
        :: is_dead[c] && c == 0 && client[2] == UNBORN -> is_dead[c] = false /* its supervisor starts it again */
        :: else -> skip
        fi;
        c = 0
    }
    :: atomic {
        turn == WORLDS_TURN -> c = 0;
        do
        :: c < CONNECTIONS - 1 -> c++
        :: break
        od;
        if
        :: faults < FAULTS && client[c] != UNBORN && !is_cut[c] -> faults++; is_cut[c] = true; was_hurt[c] = true
        :: faults < FAULTS && client[c] == UP && !is_deaf[c] -> faults++; is_deaf[c] = true; was_hurt[c] = true
        :: else -> skip
        fi;
        c = 0
    }
    :: atomic {
        turn == WORLDS_TURN && !(server_is_stopped && server_stopped_for == ABSENCE) &&
        !(is_stopped[0] && stopped_for[0] == ABSENCE) && !(is_stopped[1] && stopped_for[1] == ABSENCE) -> turn++
    }
    od
}

/* ---- time ---- */

#define SERVER_IS_DONE \
    (!(SERVER_RUNS && (SERVER_OWES(0) || SERVER_OWES(1) || SERVER_OWES(2) || TRIAL_IS_OVER || TRIAL_IS_VOID)))

#define LATER(counter, most) counter = (counter < most -> counter + 1 : most)

inline age(way)
{
    way.first_has_arrived = (way.first != 0);
    way.second_has_arrived = (way.second != 0);
    way.end_has_arrived = way.ended
}

inline tick_connection(n)
{
    if
    :: !is_cut[n] ->
        if
        :: up[n].first != 0 -> silent[n] = 0 /* it is in the server's socket by now, read or not */
        :: else -> skip
        fi;
        age(up[n]);
        age(down[n])
    :: else -> skip
    fi;
    if
    :: server[n] == UP || server[n] == ASKING ->
        LATER(heard[n], EXPIRY + ABSENCE);
        if
        :: SERVER_RUNS && !(up[n].first != 0 && up[n].first_has_arrived) -> LATER(silent[n], EXPIRY + ABSENCE)
        :: else -> skip
        fi
    :: else -> skip
    fi;
    if
    :: blocked[n] != 0 -> LATER(blocked[n], EXPIRY + ABSENCE)
    :: else -> skip
    fi;
    if
    :: client[n] == UP || client[n] == ASKING ->
        LATER(since_probe[n], INTERVAL);
        if
        :: waits_for_ack[n] != 0 -> LATER(waits_for_ack[n], TIMEOUT + ABSENCE)
        :: else -> skip
        fi;
        if
        :: down[n].first != 0 && SERVER_RUNS -> LATER(unread[n], EXPIRY)
        :: else -> skip
        fi
    :: client[n] == OVER && down[n].first != 0 && SERVER_RUNS -> LATER(unread[n], EXPIRY)
    :: else -> skip
    fi;
    FORGET(n);
    /* No dead one is kept beyond its bound: an expiry of silence; one more where the server did not read meanwhile. */
    assert(server[n] != UP || silent[n] <= EXPIRY || (was_blocked[n] && silent[n] <= 2 * EXPIRY + 1));
    assert(blocked[n] <= EXPIRY + 1 || server_is_stopped)
}

proctype Clock()
{
    byte n;

    do
    :: atomic {
        turn == SERVERS_TURN && SERVER_IS_DONE ->
        turn = WORLDS_TURN;
        n = 0;
        do
        :: n < CONNECTIONS -> tick_connection(n); n++
        :: else -> break
        od;
        n = 0;
        if
        :: server_is_stopped -> server_stopped_for++
        :: else -> skip
        fi;
        if
        :: is_stopped[0] -> stopped_for[0]++
        :: else -> skip
        fi;
        if
        :: is_stopped[1] -> stopped_for[1]++
        :: else -> skip
        fi;
        if
        :: trial_for != 0 -> LATER(trial_for, MARGIN + ABSENCE)
        :: else -> skip
        fi
    }
    od
}

init {
    atomic { run Server(); run Client(0); run Client(1); run Client(2); run World(); run Clock() }
}
