/*
 * A model of presence over Redis (server/presence, docs/guide/scaling.md), for Spin: claim, release, join, count, bury and
 * sweep as the scripts in server/presence/scripts.h do them. Two nodes, two observers, one identity, whose sessions come
 * and go at both nodes. docs/model/README.md says what is checked, and what is left out.
 *
 * Time is discrete: in each tick the observers that run and reach Redis read first, then everything else happens in any
 * order, and then the nodes count. No command waits longer than the tick; but what was sent over a connection that has ended
 * may be done at any later time, or never.
 *
 * Planted faults, one at a time, each of which must be found:
 *     -DNO_COMPARE           a claim is written without a look at the one that stands there
 *     -DNO_RELEASE_COMPARE   an end is written over another node's claim
 *     -DNO_FENCE             Redis does what a node sends under a boot that it no longer lives as
 *     -DREDIS_CLOCK          a count is too old by Redis' own clock, which goes on while Redis is stopped
 *     -DNO_GAP               a time without replies counts as observed
 *     -DNO_BURY_COMPARE      a node is buried although it has counted since it was read
 *     -DNO_SETTLE_COMPARE    absent is written although the claim has changed since it was read
 *     -DNO_SETTLE_LOOK       absent is written without a look whether the claim's node lives by now
 *     -DNO_JOIN_COMPARE      a node begins a boot although its entry has changed since it was read
 *     -DSAME_BOOT            a node that comes back to Redis goes on under its boot
 *     -DNO_CLAIM_AGAIN       a node that could not be told of moves for a while does not claim again
 *     -DTIE_BY_LAST          of equal incarnations the claim that comes last has the identity, new session or not
 *     -DNO_CLAIMING          a node that has not claimed all yet does not say so, and others do not wait for it
 *     -DNO_MOVES             a node does not remember which session its own has taken over from, and ends its own for an equal
 *                          of another node without waiting whether that node still lives as that boot
 */
#ifndef FAULTS
#define FAULTS 2 /* that may happen in one run */
#endif
#ifndef KINDS
#define KINDS 511 /* of faults that may happen: a sum of these */
#endif
#define STOPS 1        /* a node is stopped for a while */
#define DIES 2         /* a node's process ends; its supervisor may start it again */
#define CUT 4          /* a node's path to Redis is cut for a while */
#define UNHEARD 8      /* the connection ends over which a node is told of moves */
#define AWAY 16        /* an observer is stopped, or its path is cut, for a while */
#define REDIS_STOPS 32 /* and goes on with all it knew */
#define REDIS_DIES 64  /* and starts empty */
#define FLUSHED 128    /* Redis is emptied, and its connections stay */
#define FAILOVER 256   /* a replica takes over, which lacks the last writes */
#define NODES 2
#define OBSERVERS 2
#ifndef WATCHERS
#define WATCHERS 2 /* observers that are there */
#endif
#ifndef SESSIONS
#define SESSIONS 2 /* that may begin in one run */
#endif
#ifndef CHANGES
#define CHANGES 1 /* of a session's state or health */
#endif
#define LEASE 2    /* ticks; a node whose count stands still for longer is suspect */
#define PATIENCE 2 /* ticks; so long what a dead node held may come up elsewhere */
#define GAP 1      /* ticks; replies further apart break the observation */
#define QUIET (LEASE + PATIENCE + 4) /* ticks after the last trouble, then all views agree */
#define MOST_BOOTS 15
#define NOBODY 2

/* states of a claim */
#define NOTHING 0
#define UP 1
#define GONE 2
#define ABSENT 3

/* of a claim: else the session is known to be claimed */
#define AGAIN 1
#define NEW 2

/* states of a node's entry */
#define UNKNOWN 0
#define LIVE 1
#define DEAD 2

/* commands and what Redis answers */
#define CLAIM 1
#define RELEASE 2
#define JOIN 3 /* only among those that come late */
#define OK 1
#define OLDER 2
#define BURIED 3
#define TIE 4 /* the holder has the same incarnation, and ours is not new */
#define BURY 1
#define SETTLE 2

/* ---- Redis, and the replica that takes its place ---- */

typedef Claim { byte node; byte boot; byte session; byte incarnation; byte state }
typedef Entry { byte boot; byte state; bool claims } /* claims: not all sessions are claimed yet */

Claim claim;
Entry entry[NODES];
Claim old_claim;
Entry old_entry[NODES];
bool has_replica;
bool redis_is_up = true;
#ifdef REDIS_CLOCK
byte aged[NODES]; /* ticks since the count rose, by Redis' clock */
#endif

/* ---- nodes ---- */

bool is_dead[NODES];
bool is_stopped[NODES];
bool is_cut[NODES];   /* no path to Redis */
bool is_linked[NODES];
bool listens[NODES];  /* to the channel on which moves are told */
bool is_joined[NODES];
bool has_counted[NODES]; /* in this tick */
byte boot[NODES];
bool has[NODES];      /* a session of the identity */
byte session[NODES];
byte incarnation[NODES];
bool is_dirty[NODES]; /* what stands in Redis may be wrong */
byte is_new[NODES];   /* the session was not claimed with success yet: NEW, or AGAIN where it was tried */
bool sees[NODES];     /* over this connection: the other node has counted under the boot that it lives as */
bool waits[NODES];    /* for the next tick, to claim again */
byte came_from[NODES]; /* the session at the other node that ours has taken over from; 0: none */

/* in the connection: kind, boot, session, incarnation, whether new; word, session, whether new, holder; boot, session */
chan command[NODES] = [1] of { byte, byte, byte, byte, byte };
chan reply[NODES] = [1] of { byte, byte, byte, byte };
chan told[NODES] = [2] of { byte, byte };
chan late[NODES] = [1] of { byte, byte, byte, byte, byte }; /* of a connection that ended; no reply is heard */

bool join_is_stale[NODES]; /* the entry is another one since a JOIN was sent that comes late */

/* ---- observers ---- */

bool is_away[OBSERVERS]; /* stopped, or without a path to Redis: the same to all others */
byte since_reply[OBSERVERS];
byte observed[OBSERVERS]; /* ticks without a gap */
typedef View { byte boot; byte state; byte still; byte boot_since; bool has_changed }
typedef Views { View on[NODES] }
Views view[OBSERVERS];
byte order[OBSERVERS]; /* BURY or SETTLE under way, which compares with what was read */
byte order_node[OBSERVERS];
bool order_is_stale[OBSERVERS]; /* that has changed since */

/* ---- what goes wrong, and what is known to one who sees all ---- */

byte faults;
byte changes;
byte began; /* sessions */
byte incarnation_of[SESSIONS + 1];
byte newest; /* session that was claimed as a new one last */
bool is_quiet;
byte quiet_for;
bool is_open; /* the observers have read: all else may happen */
byte silent[NODES];  /* ticks in which Redis was up and the node did not count */
byte joined_for[NODES];
byte unheld;         /* ticks in which Redis was up and the claim's node did not live as its boot */
byte dead_boot[NODES];   /* that was decided last; it is not decided again */
byte absent_boot[NODES];
byte k;
byte i;
byte c_kind;
byte c_boot;
byte c_session;
byte c_incarnation;
byte c_is_new;
byte word;
byte holder; /* the session of another node that is, or was, held */

#define RUNS(n) (!is_dead[n] && !is_stopped[n])
#define REACHES(n) (redis_is_up && !is_cut[n])
#define LATER(counter, most) counter = (counter < most -> counter + 1 : most)
#define LIVES_AS(n, b) (entry[n].state == LIVE && entry[n].boot == b)
#define HELD (claim.state == UP && LIVES_AS(claim.node, claim.boot))
#define IS_BUSY(n) (is_dirty[n] || len(command[n]) != 0 || len(reply[n]) != 0)

/* The entry is another one for all that have read it. */
inline touch(n)
{
    join_is_stale[n] = len(late[n]) != 0;
    k = 0;
    do
    :: k < WATCHERS ->
        view[k].on[n].has_changed = true;
        if
        :: order[k] == BURY && order_node[k] == n -> order_is_stale[k] = true
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    k = 0
}

inline touch_claim()
{
    k = 0;
    do
    :: k < WATCHERS ->
        if
        :: order[k] == SETTLE -> order_is_stale[k] = true
        :: else -> skip
        fi;
        k++
    :: else -> break
    od;
    k = 0
}

inline write_claim(by, under, number, inc, what)
{
    if
    :: claim.node != by || claim.boot != under || claim.session != number || claim.state != what -> touch_claim()
    :: else -> skip
    fi;
    claim.node = by; claim.boot = under; claim.session = number; claim.incarnation = inc; claim.state = what
}

/* ---- scripts ---- */

#ifdef NO_FENCE
#define IS_FENCED(n, b) false
#else
#define IS_FENCED(n, b) (!LIVES_AS(n, b))
#endif

inline do_claim(n, b, s, inc, new)
{
    holder = (claim.state != NOTHING && claim.node != n -> claim.session : 0);
    if
    :: IS_FENCED(n, b) -> word = BURIED
#ifndef NO_COMPARE
    :: !IS_FENCED(n, b) && HELD && !(claim.node == n && claim.boot == b) &&
       claim.incarnation > inc -> word = OLDER
#ifndef TIE_BY_LAST
    :: !IS_FENCED(n, b) && HELD && !(claim.node == n && claim.boot == b) &&
       claim.incarnation == inc && new == 0 -> word = TIE
#endif
#endif
    :: else ->
        assert(!HELD || claim.node == n || claim.incarnation <= inc); /* an older one never overwrites a newer one */
        word = OK;
        newest = (new != 0 -> s : newest);
        if
        :: HELD && !(claim.node == n && claim.boot == b) && listens[claim.node] -> told[claim.node]!claim.boot, claim.session
        :: else -> skip
        fi;
        write_claim(n, b, s, inc, UP)
    fi
}

inline do_release(n, b)
{
    if
    :: IS_FENCED(n, b) -> word = BURIED
    :: else ->
        word = OK;
        if
#ifndef NO_RELEASE_COMPARE
        :: claim.state != NOTHING && claim.node != n -> skip
#endif
        :: else ->
            assert(!HELD || claim.node == n); /* nobody's session but our own is ended by us */
            write_claim(n, b, 0, 0, GONE)
        fi
    fi
}

inline do_join(n, b)
{
    entry[n].boot = b;
    entry[n].state = LIVE;
    sees[1 - n] = false;
#ifndef NO_CLAIMING
    entry[n].claims = true;
#endif
    touch(n)
}

inline do_command(n)
{
    if
    :: c_kind == CLAIM -> do_claim(n, c_boot, c_session, c_incarnation, c_is_new)
    :: c_kind == RELEASE -> do_release(n, c_boot)
    :: c_kind == JOIN ->
        if
#ifndef NO_JOIN_COMPARE
        :: join_is_stale[n] -> skip
#endif
        :: else -> do_join(n, c_boot)
        fi
    fi
}

inline forget_command()
{
    c_kind = 0; c_boot = 0; c_session = 0; c_incarnation = 0; c_is_new = 0; word = 0; holder = 0
}

#ifdef NO_BURY_COMPARE
#define BURIES(o) (order[o] == BURY && entry[order_node[o]].state == LIVE)
#else
#define BURIES(o) (order[o] == BURY && !order_is_stale[o])
#endif
#ifdef NO_SETTLE_COMPARE
#define SETTLES(o) (order[o] == SETTLE && claim.state == UP)
#elif defined(NO_SETTLE_LOOK)
#define SETTLES(o) (order[o] == SETTLE && !order_is_stale[o])
#else
#define SETTLES(o) (order[o] == SETTLE && !order_is_stale[o] && !HELD)
#endif

#define IS_THERE(n) (has[n] && session[n] == claim.session && joined_for[n] >= 2)

inline do_order(o)
{
    if
    :: BURIES(o) ->
        i = order_node[o];
        assert(silent[i] >= LEASE); /* it did not count for a lease, while Redis was there */
        assert(dead_boot[i] != entry[i].boot); /* decided once */
        dead_boot[i] = entry[i].boot;
        entry[i].state = DEAD;
        touch(i);
        i = 0
    :: SETTLES(o) ->
        assert(!HELD && unheld >= PATIENCE); /* nobody is absent in the time in which Redis was away */
        assert(!IS_THERE(0) && !IS_THERE(1)); /* the session that is called absent is not up at a node that is there */
        assert(absent_boot[claim.node] != claim.boot); /* decided once */
        absent_boot[claim.node] = claim.boot;
        touch_claim(); claim.state = ABSENT
    :: else -> skip
    fi;
    order[o] = 0;
    order_node[o] = 0;
    order_is_stale[o] = false
}

proctype Redis()
{
    byte n;

    do
    :: atomic {
        is_open && redis_is_up ->
        if
        :: n = 0
        :: n = 1
        fi;
        if
        :: is_linked[n] && len(command[n]) != 0 && len(reply[n]) == 0 ->
            command[n]?c_kind, c_boot, c_session, c_incarnation, c_is_new;
            do_command(n);
            reply[n]!word, c_session, c_is_new, holder;
            forget_command()
        :: len(late[n]) != 0 ->
            late[n]?c_kind, c_boot, c_session, c_incarnation, c_is_new;
            do_command(n);
            forget_command()
        :: order[n] != 0 -> do_order(n) /* there are as many observers as nodes */
        fi;
        n = 0
    }
    od
}

/* ---- a node ---- */

inline take_new_boot(n)
{
    boot[n]++;
    assert(boot[n] < MOST_BOOTS)
}

inline drop_listener(n)
{
    listens[n] = false;
    do
    :: len(told[n]) != 0 -> told[n]?_, _
    :: len(told[n]) == 0 -> break
    od
}

/* Whether the claim of a new session was done is not known: it is claimed again. */
inline try_again(n)
{
    is_new[n] = (is_new[n] == 0 && c_is_new != 0 && has[n] && session[n] == c_session && !is_dead[n] -> AGAIN : is_new[n])
}

/* Moves what was sent, and not done yet, to what may come late; or it is lost. What was not answered is unsure. */
inline drop_link(n)
{
    do
    :: len(command[n]) != 0 ->
        command[n]?c_kind, c_boot, c_session, c_incarnation, c_is_new;
        is_dirty[n] = !is_dead[n];
        try_again(n);
        if
        :: len(late[n]) == 0 -> late[n]!c_kind, c_boot, c_session, c_incarnation, c_is_new
        :: true -> skip
        fi;
        forget_command()
    :: len(command[n]) == 0 && len(reply[n]) != 0 ->
        reply[n]?word, c_session, c_is_new, holder;
        is_dirty[n] = !is_dead[n];
        try_again(n);
        forget_command()
    :: len(command[n]) == 0 && len(reply[n]) == 0 -> break
    od;
    if
    :: is_linked[n] && !is_joined[n] && len(late[n]) == 0 -> join_is_stale[n] = false; late[n]!JOIN, boot[n], 0, 0, 0
    :: true -> skip
    fi;
    is_linked[n] = false;
    is_joined[n] = false;
    sees[n] = false;
    joined_for[n] = 0;
    has_counted[n] = false;
    drop_listener(n)
}

inline end_session(n)
{
    has[n] = false;
    session[n] = 0;
    incarnation[n] = 0;
    is_new[n] = 0;
    is_dirty[n] = true
}

/*
 * A session ends for the sake of another one, which is newer: of a higher incarnation, or of the same and claimed as a new
 * one later. (Of two that begin at the same time, or while Redis is away, nobody knows more than this order.)
 */
#define IS_NEWER(s, than) (incarnation_of[s] > incarnation_of[than] || \
    (incarnation_of[s] == incarnation_of[than] && newest == s && s != than))
inline replace_session(n)
{
    i = 1;
    do
    :: i <= began && IS_NEWER(i, session[n]) -> break
    :: i <= began && !IS_NEWER(i, session[n]) -> i++
    :: i > began -> assert(false); break
    od;
    i = 0;
    end_session(n)
}

inline count(n)
{
#ifdef REDIS_CLOCK
    aged[n] = 0;
#endif
    has_counted[n] = true;
    silent[n] = 0
}

inline begin_boot(n)
{
    take_new_boot(n);
    is_joined[n] = false;
    joined_for[n] = 0
}

#ifdef MANY_SESSIONS /* a node that comes back may claim so many that ours waits for long */
#define MUST_CLAIM(n) (boot[n] == 1 || is_quiet)
#else
#define MUST_CLAIM(n) true
#endif
#define NODE_OWES(n) (RUNS(n) && (len(reply[n]) != 0 || len(told[n]) != 0 || (REACHES(n) && \
    (!is_linked[n] || !listens[n] || !is_joined[n] || len(command[n]) != 0 || (is_dirty[n] && MUST_CLAIM(n))))))

/* Once nothing goes wrong any more, one order of doing things suffices. */
#define HAS_TURN(n) (is_open && (!is_quiet || n == 0 || !NODE_OWES(0)))

proctype Node(byte n)
{
    do
    :: atomic { HAS_TURN(n) && RUNS(n) && REACHES(n) && !is_linked[n] ->
        is_linked[n] = true;
#ifdef SAME_BOOT
        if
        :: boot[n] == 0 -> take_new_boot(n)
        :: else -> skip
        fi
#else
        take_new_boot(n)
#endif
    }
    :: atomic { HAS_TURN(n) && RUNS(n) && REACHES(n) && !listens[n] ->
        listens[n] = true;
#ifndef NO_CLAIM_AGAIN
        is_dirty[n] = is_dirty[n] || has[n]
#endif
    }
    :: atomic { /* a claim that is under way is answered before */
        HAS_TURN(n) && RUNS(n) && REACHES(n) && is_linked[n] && !is_joined[n] && len(command[n]) == 0 && len(reply[n]) == 0 ->
        do_join(n, boot[n]);
        is_joined[n] = true;
        count(n);
        is_dirty[n] = is_dirty[n] || has[n]
    }
    :: atomic {
        HAS_TURN(n) && RUNS(n) && is_linked[n] && is_joined[n] && is_dirty[n] && len(command[n]) == 0 && len(reply[n]) == 0 ->
        if
        :: has[n] -> command[n]!CLAIM, boot[n], session[n], incarnation[n], is_new[n]
        :: else -> command[n]!RELEASE, boot[n], 0, 0, 0
        fi;
        is_new[n] = 0;
        is_dirty[n] = false
    }
    :: atomic {
        HAS_TURN(n) && RUNS(n) && len(reply[n]) != 0 ->
        reply[n]?word, c_session, c_is_new, holder;
        if
        :: word == OLDER && has[n] && session[n] == c_session -> replace_session(n)
        :: word == TIE && has[n] && session[n] == c_session ->
            if
#ifndef NO_MOVES
            :: came_from[n] == holder ->
                is_dirty[n] = true;
                is_new[n] = AGAIN /* ours is the newer one still */
            :: came_from[n] != holder && !sees[n] -> waits[n] = true
            :: came_from[n] != holder && sees[n] -> replace_session(n)
#else
            :: true -> replace_session(n)
#endif
            fi
#ifndef NO_MOVES
        :: word == OK && has[n] && session[n] == c_session && c_is_new == NEW && holder != 0 -> came_from[n] = holder
#endif
        :: word == BURIED ->
            is_dirty[n] = true;
            try_again(n);
            if
            :: is_joined[n] -> begin_boot(n)
            :: else -> skip
            fi
        :: else -> skip
        fi;
        forget_command()
    }
    :: atomic {
        HAS_TURN(n) && RUNS(n) && len(told[n]) != 0 ->
        told[n]?c_boot, c_session;
        if
#ifndef NO_MOVES
        :: has[n] && boot[n] == c_boot && session[n] == c_session && came_from[n] != 0 -> is_dirty[n] = true /* Redis decides */
        :: has[n] && boot[n] == c_boot && session[n] == c_session && came_from[n] == 0 -> replace_session(n)
#else
        :: has[n] && boot[n] == c_boot && session[n] == c_session -> replace_session(n)
#endif
        :: else -> skip
        fi;
        forget_command()
    }
    od
}

/* Counts, and is told at once how Redis knows it. */
inline beat(n)
{
    if
    :: RUNS(n) && REACHES(n) && is_joined[n] && !has_counted[n] ->
        if
        :: entry[n].state == UNKNOWN -> is_joined[n] = false; joined_for[n] = 0 /* Redis has lost it */
        :: entry[n].state != UNKNOWN && !LIVES_AS(n, boot[n]) -> begin_boot(n)
        :: else ->
#ifndef NO_CLAIMING
            entry[n].claims = entry[n].claims && IS_BUSY(n);
#endif
            count(n);
            sees[1 - n] = is_joined[1 - n];
            touch(n)
        fi
    :: else -> skip
    fi
}

/* ---- an observer ---- */

#ifdef REDIS_CLOCK
#define SUSPECTS(o, n) (view[o].on[n].state == LIVE && aged[n] > LEASE)
#else
#define SUSPECTS(o, n) (view[o].on[n].state == LIVE && view[o].on[n].still > LEASE)
#endif

/* Whether the claim that stands there is of nobody for long enough, as far as was observed. */
#define VIEW_OF_HOLDER(o) view[o].on[claim.node]
#define IS_LOST(o) (claim.state == UP && ( \
    (VIEW_OF_HOLDER(o).state == UNKNOWN && observed[o] >= PATIENCE) || \
    (VIEW_OF_HOLDER(o).state == DEAD && VIEW_OF_HOLDER(o).boot == claim.boot && VIEW_OF_HOLDER(o).still >= PATIENCE) || \
    (VIEW_OF_HOLDER(o).state != UNKNOWN && VIEW_OF_HOLDER(o).boot != claim.boot && VIEW_OF_HOLDER(o).boot_since >= PATIENCE)))

inline note(o, n)
{
    if
    :: view[o].on[n].boot != entry[n].boot || view[o].on[n].state == UNKNOWN || entry[n].claims -> view[o].on[n].boot_since = 0
    :: else -> skip
    fi;
    if
    :: view[o].on[n].has_changed -> view[o].on[n].still = 0
    :: else -> skip
    fi;
    view[o].on[n].boot = entry[n].boot;
    view[o].on[n].state = entry[n].state;
    view[o].on[n].has_changed = false
}

#define WATCHES(o) (o < WATCHERS && !is_away[o])

inline read(o)
{
    if
    :: redis_is_up && WATCHES(o) ->
#ifndef NO_GAP
        if
        :: since_reply[o] > GAP ->
            observed[o] = 0;
            view[o].on[0].still = 0; view[o].on[0].boot_since = 0;
            view[o].on[1].still = 0; view[o].on[1].boot_since = 0
        :: else -> skip
        fi;
#endif
        since_reply[o] = 0;
        note(o, 0);
        note(o, 1);
        if
        :: order[o] == 0 && SUSPECTS(o, 0) -> order[o] = BURY; order_node[o] = 0; order_is_stale[o] = false
        :: order[o] == 0 && !SUSPECTS(o, 0) && SUSPECTS(o, 1) -> order[o] = BURY; order_node[o] = 1; order_is_stale[o] = false
        :: else -> skip
        fi
    :: else -> skip
    fi
}

proctype Observer(byte o)
{
    do
    :: atomic { is_open && redis_is_up && WATCHES(o) && order[o] == 0 && IS_LOST(o) -> order[o] = SETTLE; order_is_stale[o] = false }
    od
}

#define OBSERVER_OWES(o) (redis_is_up && WATCHES(o) && (order[o] != 0 || IS_LOST(o)))

/* ---- clients, and what goes wrong ---- */

#define MAY(kind) (faults < FAULTS && !is_quiet && (KINDS & kind) != 0)

/* A client comes in at a node; a session of its own that is there ends, unless that has a higher incarnation. */
inline begin_session(n)
{
    began++;
    if
    :: incarnation_of[began] = 1
    :: incarnation_of[began] = 2
    fi;
    if
    :: has[n] && incarnation[n] > incarnation_of[began] -> skip
    :: else ->
        has[n] = true;
        session[n] = began;
        incarnation[n] = incarnation_of[began];
        is_dirty[n] = true;
        is_new[n] = NEW
    fi
}

inline die(n)
{
    is_dead[n] = true;
    is_stopped[n] = false;
    has[n] = false; session[n] = 0; incarnation[n] = 0; is_new[n] = 0; is_dirty[n] = false; waits[n] = false; came_from[n] = 0;
    drop_link(n);
    is_dirty[n] = false;
    drop_listener(n)
}

/* Sessions, nodes' decisions and burials that Redis has lost may be written again. */
inline forget_decisions()
{
    dead_boot[0] = 0; dead_boot[1] = 0; absent_boot[0] = 0; absent_boot[1] = 0
}

inline empty_redis()
{
    claim.node = 0; claim.boot = 0; claim.session = 0; claim.incarnation = 0; claim.state = NOTHING;
    entry[0].boot = 0; entry[0].state = UNKNOWN; entry[0].claims = false;
    entry[1].boot = 0; entry[1].state = UNKNOWN; entry[1].claims = false;
    sees[0] = false; sees[1] = false;
    touch(0);
    touch(1);
    order_is_stale[0] = order[0] != 0;
    order_is_stale[1] = order[1] != 0;
    forget_decisions()
}

#define COPY_CLAIM(to, from) \
    to.node = from.node; to.boot = from.boot; to.session = from.session; to.incarnation = from.incarnation; to.state = from.state
#define COPY_ENTRY(to, from) to.boot = from.boot; to.state = from.state; to.claims = from.claims

/* What was under way to the old master is lost with it. */
inline forget_late(n)
{
    do
    :: len(late[n]) != 0 -> late[n]?_, _, _, _, _
    :: len(late[n]) == 0 -> break
    od
}

inline drop_all()
{
    drop_link(0);
    drop_link(1);
    forget_late(0);
    forget_late(1);
    order[0] = 0; order_node[0] = 0; order_is_stale[0] = false;
    order[1] = 0; order_node[1] = 0; order_is_stale[1] = false
}

proctype World()
{
    byte n;

    do
    :: atomic {
        is_open && !is_quiet ->
        if
        :: n = 0
        :: n = 1
        fi;
        if
        :: began < SESSIONS && RUNS(n) && (began > 0 || n == 0) -> begin_session(n)
        :: RUNS(n) && has[n] -> end_session(n)
        :: changes < CHANGES && RUNS(n) && has[n] && !is_dirty[n] -> changes++; is_dirty[n] = true /* it is late, or its health is another one */
        fi;
        n = 0
    }
    :: atomic { /* of a node, or of its path */
        is_open && !is_quiet ->
        if
        :: n = 0
        :: n = 1
        fi;
        if
        :: MAY(STOPS) && RUNS(n) -> faults++; is_stopped[n] = true
        :: MAY(DIES) && !is_dead[n] -> faults++; die(n)
        :: MAY(CUT) && is_linked[n] && !is_cut[n] -> faults++; is_cut[n] = true; drop_link(n)
        :: MAY(UNHEARD) && listens[n] -> faults++; drop_listener(n)
        :: RUNS(n) && is_linked[n] && !redis_is_up -> drop_link(n) /* the deadline of a command */
        fi;
        n = 0
    }
    :: atomic { /* of Redis */
        is_open && !is_quiet ->
        if
        :: MAY(REDIS_STOPS) && redis_is_up -> faults++; redis_is_up = false /* it stops, and its connections stay for a while */
        :: MAY(REDIS_DIES) && redis_is_up -> faults++; redis_is_up = false; drop_all(); empty_redis() /* killed, and starts empty */
        :: MAY(FLUSHED) && redis_is_up -> faults++; empty_redis() /* flushed */
        :: MAY(FAILOVER) && !has_replica -> /* the replica falls behind from now on */
            faults++; has_replica = true;
            COPY_CLAIM(old_claim, claim);
            COPY_ENTRY(old_entry[0], entry[0]); COPY_ENTRY(old_entry[1], entry[1])
        :: has_replica -> /* and takes over */
            drop_all();
            empty_redis();
            COPY_CLAIM(claim, old_claim);
            COPY_ENTRY(entry[0], old_entry[0]); COPY_ENTRY(entry[1], old_entry[1]);
            has_replica = false;
            old_claim.node = 0; old_claim.boot = 0; old_claim.session = 0; old_claim.incarnation = 0; old_claim.state = 0;
            old_entry[0].boot = 0; old_entry[0].state = 0; old_entry[0].claims = false;
            old_entry[1].boot = 0; old_entry[1].state = 0; old_entry[1].claims = false
        fi
    }
    :: atomic { /* of an observer */
        is_open && !is_quiet ->
        if
        :: n = 0
        :: n = 1
        fi;
        if
        :: MAY(AWAY) && WATCHES(n) -> faults++; is_away[n] = true
        fi;
        n = 0
    }
    :: atomic { /* what is over is over before anybody reads again */
        !is_open && !is_quiet ->
        if
        :: n = 0
        :: n = 1
        fi;
        if
        :: is_dead[n] -> is_dead[n] = false /* its supervisor starts it again */
        :: is_stopped[n] -> is_stopped[n] = false
        :: is_cut[n] -> is_cut[n] = false
        :: is_away[n] -> is_away[n] = false
        :: !redis_is_up -> redis_is_up = true
        fi;
        n = 0
    }
    od
}

/* ---- time ---- */

#define ALL_IS_DONE (!NODE_OWES(0) && !NODE_OWES(1) && !OBSERVER_OWES(0) && !OBSERVER_OWES(1) && \
    !(is_quiet && (len(late[0]) != 0 || len(late[1]) != 0)))

/* One owner, who is the one that Redis names; and where nobody is, Redis names nobody. */
inline views_agree()
{
    assert(!(has[0] && has[1]));
    assert(!has[0] || (claim.state == UP && claim.node == 0 && claim.boot == boot[0] && claim.session == session[0] && HELD));
    assert(!has[1] || (claim.state == UP && claim.node == 1 && claim.boot == boot[1] && claim.session == session[1] && HELD));
    assert(has[0] || has[1] || claim.state != UP)
}

inline tick_node(n)
{
    is_dirty[n] = is_dirty[n] || waits[n];
    waits[n] = false;
    if
    :: redis_is_up && !has_counted[n] -> LATER(silent[n], LEASE)
    :: else -> skip
    fi;
    if
    :: is_joined[n] && has_counted[n] && redis_is_up -> LATER(joined_for[n], 2)
    :: else -> joined_for[n] = 0
    fi;
    has_counted[n] = false
}

inline tick_observer(o)
{
    if
    :: o < WATCHERS ->
    LATER(since_reply[o], GAP + 1);
    LATER(observed[o], PATIENCE);
    LATER(view[o].on[0].still, LEASE + 1);
    LATER(view[o].on[1].still, LEASE + 1);
    LATER(view[o].on[0].boot_since, PATIENCE);
    LATER(view[o].on[1].boot_since, PATIENCE)
    :: else -> skip
    fi
}

#define IS_WELL(n) (!is_stopped[n] && !is_cut[n] && !is_away[n])

proctype Clock()
{
    do
    :: atomic {
        !is_open ->
        is_open = true;
        read(0);
        read(1);
        if
        :: !is_quiet && redis_is_up && !has_replica && IS_WELL(0) && IS_WELL(1) ->
            is_quiet = true /* from now on nothing goes wrong, and nobody comes or goes */
        :: true -> skip
        fi
    }
    :: atomic {
        is_open && ALL_IS_DONE && quiet_for < QUIET ->
        is_open = false;
        beat(0);
        beat(1);
        if
        :: redis_is_up && claim.state == UP && !HELD -> LATER(unheld, PATIENCE)
        :: redis_is_up && !(claim.state == UP && !HELD) -> unheld = 0
        :: else -> skip
        fi;
        tick_node(0);
        tick_node(1);
        tick_observer(0);
        tick_observer(1);
#ifdef REDIS_CLOCK
        LATER(aged[0], LEASE + 1);
        LATER(aged[1], LEASE + 1);
#endif
        if
        :: is_quiet -> quiet_for++
        :: else -> skip
        fi;
        if
        :: quiet_for == QUIET -> views_agree()
        :: else -> skip
        fi
    }
    od
}

inline know(o, n)
{
    view[o].on[n].boot = 1;
    view[o].on[n].state = LIVE;
    view[o].on[n].boot_since = PATIENCE;
    view[o].on[n].still = 1
}

init {
    atomic {
        /* Both nodes are there, and have nothing to claim. */
        boot[0] = 1; is_linked[0] = true; is_joined[0] = true; listens[0] = true; entry[0].boot = 1; entry[0].state = LIVE;
        boot[1] = 1; is_linked[1] = true; is_joined[1] = true; listens[1] = true; entry[1].boot = 1; entry[1].state = LIVE;
        observed[0] = PATIENCE; observed[1] = PATIENCE;
        know(0, 0); know(0, 1); know(1, 0); know(1, 1);
        joined_for[0] = 2; joined_for[1] = 2;
        run Redis(); run Node(0); run Node(1); run Observer(0); run Observer(1); run World(); run Clock()
    }
}
