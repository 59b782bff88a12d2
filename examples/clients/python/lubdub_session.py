"""The client's half of one Lubdub session (docs/protocol.md), without input or output.

Bytes and the time come in; bytes, a deadline and events come out. The owner moves the bytes:

    session = Session(Settings(identity="pump-7"), now)
    session.receive(data, now)      what arrived
    session.end("closed", now)      the stream ended: "closed" or "reset"
    session.tick(now)               at session.deadline() and not before all that arrived was received
    session.take_output()           after each of these: what is to be written
    session.take_events()           after each of these: what happened

All times are milliseconds of one clock that never goes back.
"""

import dataclasses
import struct

HEADER = struct.Struct("!2sBBHHQ")
MAGIC, VERSION = b"LD", 1
HELLO, WELCOME, PROBE, ACK, MESSAGE, BYE = range(1, 7)
CHANGED, HEALTH_MASK = 2, 3  # flags
OPTIONS_LIMIT, DEFAULT_MAX_CONTENT = 4096, 1024
LEAVING_LIMIT = 1000  # ms: a peer that was sent BYE may take so long to close
OVERDUE_LIMIT = 4096  # probes that may wait for a late ack, where the session outlives a timeout
INTERVAL_LIMIT_FACTOR = 60  # a server that grants so many times the interval wished for would be missed too late

# Tag of each option: the name here, and the length it may have (section 4).
OPTIONS = {
    1: ("identity", 1, 128), 2: ("interval_ms", 4, 4), 3: ("expiry_ms", 4, 4), 4: ("token", 1, 1024),
    5: ("label", 2, 161), 6: ("max_content", 2, 2), 7: ("agent", 1, 64), 8: ("text", 0, 256),
    9: ("retry_after_ms", 4, 4), 10: ("last_end", 1, 1), 11: ("message_rate", 8, 8),
}
CAUSE_OF_REASON = {2: "replaced", **dict.fromkeys([4, 5, 6, 7, 8, 9, 10], "rejected")}


@dataclasses.dataclass
class Settings:
    identity: str = ""
    incarnation: int = 0  # rises with every connection of this identity
    interval_ms: int = 1000
    expiry_ms: int = 0  # 0: left to the server
    timeout_ms: int = 3000  # how long one ack may take
    handshake_ms: int = 5000  # how long the answer to HELLO may take
    interval_limit_ms: int = 0  # the longest interval that is accepted; 0: a multiple of interval_ms
    token: str = ""
    labels: tuple = ()  # "key=value"
    agent: str = "lubdub-python"
    content: bytes = b""  # of each probe
    max_content: int = DEFAULT_MAX_CONTENT
    stays_connected: bool = False  # a timeout is told and does not end the session


@dataclasses.dataclass
class Event:
    kind: str  # UP GRANT_CHANGED ACKED LATE_ACK TIMED_OUT MESSAGE HEALTH DOWN
    sequence: int = 0  # of the probe or message; UP: the number of the session
    round_trip_ms: float = 0
    content: bytes = b""
    health: int = 0  # HEALTH: that of the server
    cause: str = ""  # DOWN and TIMED_OUT, section 7
    reason: object = None  # DOWN by a BYE, either side's: its number
    text: str = ""
    retry_after_ms: int = 0


class Fault(Exception):
    """The peer broke the protocol; or we do not want what it grants."""

    def __init__(self, text, reason=4, cause="protocol"):
        super().__init__(text)
        self.reason, self.cause = reason, cause


def encode_frame(kind, sequence, content=b"", flags=0):
    return HEADER.pack(MAGIC, VERSION, kind, flags, len(content), sequence) + content


def encode_options(pairs):
    return b"".join(struct.pack("!BH", tag, len(value)) + value for tag, value in pairs)


def decode_options(content):
    """Returns a dictionary by name. Numbers are numbers, the rest is bytes."""
    found, at = {}, 0
    while at < len(content):
        if at + 3 > len(content):
            raise Fault("the option list runs past the content")
        tag, length = struct.unpack_from("!BH", content, at)
        value = content[at + 3:at + 3 + length]
        at += 3 + length
        if at > len(content):
            raise Fault("the option list runs past the content")
        if tag not in OPTIONS:
            continue
        name, shortest, longest = OPTIONS[tag]
        if not shortest <= length <= longest:
            raise Fault(f"the option {name} has a wrong length")
        if name in found and name != "label":
            raise Fault(f"the option {name} stands twice")
        found[name] = int.from_bytes(value, "big") if name.endswith("_ms") or name in ("max_content", "last_end") else value
    return found


class Session:
    def __init__(self, settings, now):
        self.settings = settings
        self.state = "OPENING"  # UP, LEAVING, CLOSED
        self.number = 0
        self.interval_ms, self.expiry_ms = settings.interval_ms, settings.expiry_ms
        self.health = 0  # told with each probe: 0 passing, 1 warning, 2 critical
        self._opened_at = now
        self._input, self._output, self._events = bytearray(), bytearray(), []
        self._outstanding, self._overdue = {}, set()  # sequence: when it was sent; those whose timeout ended
        self._probes_sent = self._messages_sent = self._probes_seen = self._messages_seen = 0
        self._server_health = 0
        self._server_max_content = DEFAULT_MAX_CONTENT
        self._next_probe_at = self._left_at = 0
        self._is_down = False
        self._put(HELLO, settings.incarnation, encode_options(self._wishes()))

    def _wishes(self):
        wanted = self.settings
        if wanted.identity:
            yield 1, wanted.identity.encode()
        if wanted.interval_ms:
            yield 2, struct.pack("!I", wanted.interval_ms)
        if wanted.expiry_ms:
            yield 3, struct.pack("!I", wanted.expiry_ms)
        if wanted.token:
            yield 4, wanted.token.encode()
        for label in wanted.labels:
            yield 5, label.encode()
        if wanted.max_content != DEFAULT_MAX_CONTENT:
            yield 6, struct.pack("!H", wanted.max_content)
        if wanted.agent:
            yield 7, wanted.agent.encode()

    # ---- what the owner calls

    def take_output(self):
        output, self._output = bytes(self._output), bytearray()
        return output

    def take_events(self):
        events, self._events = self._events, []
        return events

    def receive(self, data, now):
        self._input += data
        try:
            while self.state in ("OPENING", "UP") and (frame := self._next_frame()):
                self._handle(*frame, now)
        except Fault as fault:
            self._fail(now, fault.cause, fault.reason, str(fault))
        if self.state in ("LEAVING", "CLOSED"):
            self._input.clear()  # what follows an error is thrown away

    def end(self, cause, now):
        if self.state in ("OPENING", "UP"):
            self._tell("DOWN", cause=cause)
        self.state = "CLOSED"

    def deadline(self):
        """When tick is to be called; None: never."""
        if self.state == "OPENING":
            return self._opened_at + self.settings.handshake_ms
        if self.state == "LEAVING":
            return self._left_at + LEAVING_LIMIT
        if self.state == "CLOSED":
            return None
        oldest = next(iter(self._outstanding.values()), None)  # a dictionary keeps its order
        return self._next_probe_at if oldest is None else min(self._next_probe_at, oldest + self.settings.timeout_ms)

    def tick(self, now, silence="hung"):
        """silence: the cause to report if an ack is missing; "unreachable" where the kernel says that nothing that we
        sent was acknowledged."""
        if self.state == "OPENING" and now >= self.deadline():
            self._tell("DOWN", cause="timeout")
            self.state = "CLOSED"
        elif self.state == "LEAVING" and now >= self.deadline():
            self.state = "CLOSED"
        elif self.state == "UP":
            self._mind_timeouts(now, silence)
            if self.state == "UP" and now >= self._next_probe_at:
                self._probe(now)

    def forgive(self, away):
        """We ourselves did not run for so long: the server may have answered meanwhile, and is not blamed."""
        self._outstanding = {sequence: at + away for sequence, at in self._outstanding.items()}
        self._opened_at += away

    def send_message(self, content):
        """Counted by the server: not more than it granted (message_rate, 100 a second unless told otherwise)."""
        if self.state != "UP" or len(content) > self._server_max_content:
            raise ValueError("no session is up, or the server takes no message as long as this")
        self._messages_sent += 1
        self._put(MESSAGE, self._messages_sent, content)

    def leave(self, now):
        """Says goodbye. Write the output, shut the writing side, and wait for the end of file or the deadline."""
        if self.state in ("OPENING", "UP"):
            self._fail(now, "shutdown", 0, "")

    # ---- frames

    def _put(self, kind, sequence, content=b"", flags=0):
        self._output += encode_frame(kind, sequence, content, flags)

    def _tell(self, kind, **fields):
        self._events.append(Event(kind, **fields))

    def _fail(self, now, cause, reason, text):
        """Ends the session with a BYE of ours; with none where the peer does not speak the protocol (reason None)."""
        self._tell("DOWN", cause=cause, reason=reason, text=text)
        if reason is None:
            self.state = "CLOSED"
            return
        self._put(BYE, reason, encode_options([(8, text.encode()[:256])] if text else []))
        self.state, self._left_at = "LEAVING", now

    def _next_frame(self):
        """A header is judged before its content is waited for. Returns None where no frame is whole."""
        if len(self._input) < HEADER.size:
            return None
        magic, version, kind, flags, length, sequence = HEADER.unpack_from(self._input)
        if magic != MAGIC:
            raise Fault("these bytes are of another protocol", reason=None)
        if version != VERSION:
            raise Fault(f"version {version} is not spoken here", reason=9)
        if not HELLO <= kind <= BYE:
            raise Fault(f"type {kind} is unknown")
        if length > (OPTIONS_LIMIT if kind in (HELLO, WELCOME, BYE) else self.settings.max_content):
            raise Fault(f"content of {length} bytes is too long", reason=5)
        if len(self._input) < HEADER.size + length:
            return None
        content = bytes(self._input[HEADER.size:HEADER.size + length])
        del self._input[:HEADER.size + length]
        return kind, flags, sequence, content

    def _handle(self, kind, flags, sequence, content, now):
        if self.state == "OPENING" and kind not in (WELCOME, BYE):
            raise Fault("the first frame was neither WELCOME nor BYE")
        if kind == WELCOME:
            self._welcome(flags, sequence, decode_options(content), now)
        elif kind == ACK:
            self._ack(sequence, content, now)
        elif kind == PROBE:
            self._answer(flags, sequence, content)
        elif kind == MESSAGE:
            self._messages_seen += 1
            if sequence != self._messages_seen:
                raise Fault("a MESSAGE out of sequence")
            self._tell("MESSAGE", sequence=sequence, content=content)
        elif kind == BYE:
            options = decode_options(content)
            self.state = "CLOSED"
            self._tell("DOWN", cause=CAUSE_OF_REASON.get(sequence, "bye"), reason=sequence,
                       text=options.get("text", b"").decode(errors="replace"),
                       retry_after_ms=options.get("retry_after_ms", 0))
        else:
            raise Fault("HELLO from a server")

    def _welcome(self, flags, number, options, now):
        is_first = self.state == "OPENING"
        if number == 0:
            raise Fault("WELCOME with a session number of 0")
        if not is_first and (not flags & CHANGED or number != self.number):
            raise Fault("a second WELCOME that changes no grant of this session")
        if options.get("interval_ms") == 0 or options.get("expiry_ms") == 0:
            raise Fault("an interval or expiry of 0 is granted")
        interval = options.get("interval_ms", self.settings.interval_ms)
        expiry = options.get("expiry_ms", 3 * interval)
        if expiry < 2 * interval:
            raise Fault("an expiry of less than twice the interval is granted")
        limit = self.settings.interval_limit_ms or INTERVAL_LIMIT_FACTOR * self.settings.interval_ms
        self._server_max_content = options.get("max_content", self._server_max_content)
        if interval > limit:
            raise Fault("the interval that is granted is so long that a death would be found too late", 0, "rejected")
        if len(self.settings.content) > self._server_max_content:
            raise Fault("the server takes no content as long as that of our probes", 0, "rejected")
        self.number, self.interval_ms, self.expiry_ms = number, interval, expiry
        if is_first:
            self.state = "UP"
            self._tell("UP", sequence=number)
            self._next_probe_at = now
            self._probe(now)
        else:
            self._next_probe_at = min(self._next_probe_at, now + interval)
            self._tell("GRANT_CHANGED", sequence=number)

    # ---- probes

    def _probe(self, now):
        self._probes_sent += 1
        self._outstanding[self._probes_sent] = now
        self._put(PROBE, self._probes_sent, self.settings.content, self.health)
        missed = (now - self._next_probe_at) // self.interval_ms  # moments that are over are left out, not made up for
        self._next_probe_at += (missed + 1) * self.interval_ms

    def _ack(self, sequence, content, now):
        if sequence not in self._outstanding and sequence not in self._overdue:
            raise Fault("an ACK of a probe that waits for none")
        if content != self.settings.content:
            raise Fault("an ACK with other content than its probe")
        self._is_down = False
        if sequence in self._overdue:
            self._overdue.remove(sequence)
            self._tell("LATE_ACK", sequence=sequence)
        else:
            self._tell("ACKED", sequence=sequence, round_trip_ms=now - self._outstanding.pop(sequence))

    def _mind_timeouts(self, now, silence):
        for sequence, sent_at in list(self._outstanding.items()):
            if now < sent_at + self.settings.timeout_ms:
                continue
            if not self.settings.stays_connected or len(self._overdue) >= OVERDUE_LIMIT:
                self._tell("DOWN", cause=silence, sequence=sequence, text="no ACK came within the timeout")
                self.state = "CLOSED"
                return
            del self._outstanding[sequence]
            self._overdue.add(sequence)
            if not self._is_down:
                self._is_down = True
                self._tell("TIMED_OUT", cause=silence, sequence=sequence)

    def _answer(self, flags, sequence, content):
        """The server asks, too: before it gives a client up, and after it changed a grant."""
        self._probes_seen += 1
        if sequence != self._probes_seen:
            raise Fault("a PROBE out of sequence")
        self._put(ACK, sequence, content, flags & HEALTH_MASK)
        health = min(flags & HEALTH_MASK, 2)
        if health != self._server_health:
            self._server_health = health
            self._tell("HEALTH", health=health, content=content)
