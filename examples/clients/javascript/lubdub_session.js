/*
 * The client's half of one Lubdub session (docs/protocol.md), without input or output.
 *
 * Bytes and the time come in; bytes, a deadline and events come out. The owner moves the bytes:
 *
 *     const session = new Session({ identity: "pump-7" }, now);
 *     session.receive(data, now)    what arrived
 *     session.end("closed", now)    the stream ended: "closed" or "reset"
 *     session.tick(now)             at session.deadline()
 *     session.takeOutput()          after each of these: what is to be written
 *     session.takeEvents()          after each of these: what happened
 *
 * All times are milliseconds of one clock that never goes back. Sequences are BigInt: they have 64 bits.
 */
"use strict";

const MAGIC = 0x4c44;
const VERSION = 1;
const HEADER_LENGTH = 16;
const [HELLO, WELCOME, PROBE, ACK, MESSAGE, BYE] = [1, 2, 3, 4, 5, 6];
const CHANGED = 2; // flags
const HEALTH_MASK = 3;
const OPTIONS_LIMIT = 4096;
const TEXT_LIMIT = 256;
const DEFAULT_MAX_CONTENT = 1024;
const LEAVING_LIMIT = 1000; // ms: a peer that was sent BYE may take so long to close
const OVERDUE_LIMIT = 4096; // probes that may wait for a late ack, where the session outlives a timeout
const INTERVAL_LIMIT_FACTOR = 60; // a server that grants so many times the interval wished for would be missed too late

// Tag of each option: the name here, and the length it may have (section 4).
const OPTIONS = new Map([
    [1, ["identity", 1, 128]], [2, ["intervalMs", 4, 4]], [3, ["expiryMs", 4, 4]], [4, ["token", 1, 1024]],
    [5, ["label", 2, 161]], [6, ["maxContent", 2, 2]], [7, ["agent", 1, 64]], [8, ["text", 0, TEXT_LIMIT]],
    [9, ["retryAfterMs", 4, 4]], [10, ["lastEnd", 1, 1]], [11, ["messageRate", 8, 8]],
]);
const NUMBERS = new Set(["intervalMs", "expiryMs", "maxContent", "retryAfterMs", "lastEnd"]);
const REJECTIONS = new Set([4n, 5n, 6n, 7n, 8n, 9n, 10n]);

const DEFAULTS = {
    identity: "",
    incarnation: 0n, // rises with every connection of this identity
    intervalMs: 1000,
    expiryMs: 0, // 0: left to the server
    timeoutMs: 3000, // how long one ack may take
    handshakeMs: 5000, // how long the answer to HELLO may take
    intervalLimitMs: 0, // the longest interval that is accepted; 0: a multiple of intervalMs
    token: "",
    labels: [], // "key=value"
    agent: "lubdub-javascript",
    content: Buffer.alloc(0), // of each probe
    maxContent: DEFAULT_MAX_CONTENT,
    staysConnected: false, // a timeout is told and does not end the session
};

/* The peer broke the protocol; or we do not want what it grants. A reason of null: no BYE is written. */
class Fault extends Error {
    constructor(text, reason = 4n, cause = "protocol") {
        super(text);
        this.reason = reason;
        this.endCause = cause;
    }
}

function encodeFrame(type, sequence, content = Buffer.alloc(0), flags = 0) {
    const header = Buffer.alloc(HEADER_LENGTH);

    header.writeUInt16BE(MAGIC, 0);
    header.writeUInt8(VERSION, 2);
    header.writeUInt8(type, 3);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(content.length, 6);
    header.writeBigUInt64BE(sequence, 8);
    return Buffer.concat([header, content]);
}

function encodeOption(tag, value) {
    const header = Buffer.alloc(3);

    header.writeUInt8(tag, 0);
    header.writeUInt16BE(value.length, 1);
    return Buffer.concat([header, value]);
}

function number(value, size) {
    const bytes = Buffer.alloc(size);

    bytes.writeUIntBE(value, 0, size);
    return bytes;
}

/* Returns an object by name. Numbers are numbers, the rest is a Buffer. */
function decodeOptions(content) {
    const found = {};
    let at = 0;

    while (at < content.length) {
        if (at + 3 > content.length) {
            throw new Fault("the option list runs past the content");
        }
        const tag = content.readUInt8(at);
        const length = content.readUInt16BE(at + 1);
        const value = content.subarray(at + 3, at + 3 + length);
        at += 3 + length;
        if (at > content.length) {
            throw new Fault("the option list runs past the content");
        }
        if (!OPTIONS.has(tag)) {
            continue;
        }
        const [name, shortest, longest] = OPTIONS.get(tag);
        if (length < shortest || length > longest) {
            throw new Fault(`the option ${name} has a wrong length`);
        }
        if (name in found && name !== "label") {
            throw new Fault(`the option ${name} stands twice`);
        }
        found[name] = NUMBERS.has(name) ? value.readUIntBE(0, length) : value;
    }
    return found;
}

function causeOfReason(reason) {
    return reason === 2n ? "replaced" : REJECTIONS.has(reason) ? "rejected" : "bye";
}

class Session {
    #openedAt;
    #input = Buffer.alloc(0);
    #output = [];
    #events = [];
    #outstanding = new Map(); // sequence: when it was sent
    #overdue = new Set(); // those whose timeout ended, in a session that outlived it
    #probesSent = 0n;
    #messagesSent = 0n;
    #probesSeen = 0n;
    #messagesSeen = 0n;
    #serverHealth = 0;
    #serverMaxContent = DEFAULT_MAX_CONTENT;
    #nextProbeAt = 0;
    #leftAt = 0;
    #isDown = false;

    constructor(settings, now) {
        this.settings = { ...DEFAULTS, ...settings };
        this.state = "OPENING"; // UP, LEAVING, CLOSED
        this.number = 0n;
        this.intervalMs = this.settings.intervalMs;
        this.expiryMs = this.settings.expiryMs;
        this.health = 0; // told with each probe: 0 passing, 1 warning, 2 critical
        this.#openedAt = now;
        this.#put(HELLO, BigInt(this.settings.incarnation), Buffer.concat(this.#wishes()));
    }

    // ---- what the owner calls

    takeOutput() {
        const output = Buffer.concat(this.#output);

        this.#output = [];
        return output;
    }

    takeEvents() {
        return this.#events.splice(0);
    }

    receive(data, now) {
        this.#input = Buffer.concat([this.#input, data]);
        try {
            let frame;
            while (this.#isOpen() && (frame = this.#nextFrame()) !== null) {
                this.#handle(frame, now);
            }
        } catch (fault) {
            if (!(fault instanceof Fault)) {
                throw fault;
            }
            this.#fail(now, fault.endCause, fault.reason, fault.message);
        }
        if (!this.#isOpen()) {
            this.#input = Buffer.alloc(0); // what follows an error is thrown away
        }
    }

    end(cause, now) {
        if (this.#isOpen()) {
            this.#tell("DOWN", { cause });
        }
        this.state = "CLOSED";
    }

    /* When tick is to be called; null: never. */
    deadline() {
        switch (this.state) {
        case "OPENING":
            return this.#openedAt + this.settings.handshakeMs;
        case "LEAVING":
            return this.#leftAt + LEAVING_LIMIT;
        case "UP": {
            const [oldest] = this.#outstanding.values(); // a Map keeps its order
            return oldest === undefined ? this.#nextProbeAt
                                        : Math.min(this.#nextProbeAt, oldest + this.settings.timeoutMs);
        }
        default:
            return null;
        }
    }

    tick(now) {
        if (this.state === "OPENING" && now >= this.deadline()) {
            this.#tell("DOWN", { cause: "timeout" });
            this.state = "CLOSED";
        } else if (this.state === "LEAVING" && now >= this.deadline()) {
            this.state = "CLOSED";
        } else if (this.state === "UP") {
            this.#mindTimeouts(now);
            if (this.state === "UP" && now >= this.#nextProbeAt) {
                this.#probe(now);
            }
        }
    }

    /* We ourselves did not run for so long: the server may have answered meanwhile, and is not blamed. */
    forgive(away) {
        for (const [sequence, sentAt] of this.#outstanding) {
            this.#outstanding.set(sequence, sentAt + away);
        }
        this.#openedAt += away;
    }

    /* Counted by the server: not more than it granted (message_rate, 100 a second unless told otherwise). */
    sendMessage(content) {
        if (this.state !== "UP" || content.length > this.#serverMaxContent) {
            throw new RangeError("no session is up, or the server takes no message as long as this");
        }
        this.#messagesSent += 1n;
        this.#put(MESSAGE, this.#messagesSent, content);
    }

    /* Says goodbye. Write the output, shut the writing side, and wait for the end of file or the deadline. */
    leave(now) {
        if (this.#isOpen()) {
            this.#fail(now, "shutdown", 0n, "");
        }
    }

    // ---- frames

    #isOpen() {
        return this.state === "OPENING" || this.state === "UP";
    }

    #wishes() {
        const wanted = this.settings;
        const wishes = [];

        if (wanted.identity) {
            wishes.push(encodeOption(1, Buffer.from(wanted.identity)));
        }
        if (wanted.intervalMs) {
            wishes.push(encodeOption(2, number(wanted.intervalMs, 4)));
        }
        if (wanted.expiryMs) {
            wishes.push(encodeOption(3, number(wanted.expiryMs, 4)));
        }
        if (wanted.token) {
            wishes.push(encodeOption(4, Buffer.from(wanted.token)));
        }
        for (const label of wanted.labels) {
            wishes.push(encodeOption(5, Buffer.from(label)));
        }
        if (wanted.maxContent !== DEFAULT_MAX_CONTENT) {
            wishes.push(encodeOption(6, number(wanted.maxContent, 2)));
        }
        if (wanted.agent) {
            wishes.push(encodeOption(7, Buffer.from(wanted.agent)));
        }
        return wishes;
    }

    #put(type, sequence, content, flags) {
        this.#output.push(encodeFrame(type, sequence, content, flags));
    }

    /* kind: UP GRANT_CHANGED ACKED LATE_ACK TIMED_OUT MESSAGE HEALTH DOWN */
    #tell(kind, fields = {}) {
        this.#events.push({ kind, ...fields });
    }

    /* Ends the session with a BYE of ours; with none where the peer does not speak the protocol (reason null). */
    #fail(now, cause, reason, text) {
        this.#tell("DOWN", { cause, reason, text });
        if (reason === null) {
            this.state = "CLOSED";
            return;
        }
        this.#put(BYE, reason, text ? encodeOption(8, Buffer.from(text).subarray(0, TEXT_LIMIT)) : undefined);
        this.state = "LEAVING";
        this.#leftAt = now;
    }

    /* A header is judged before its content is waited for. Returns null where no frame is whole. */
    #nextFrame() {
        const input = this.#input;

        if (input.length < HEADER_LENGTH) {
            return null;
        }
        if (input.readUInt16BE(0) !== MAGIC) {
            throw new Fault("these bytes are of another protocol", null);
        }
        if (input.readUInt8(2) !== VERSION) {
            throw new Fault(`version ${input.readUInt8(2)} is not spoken here`, 9n);
        }
        const type = input.readUInt8(3);
        const length = input.readUInt16BE(6);
        if (type < HELLO || type > BYE) {
            throw new Fault(`type ${type} is unknown`);
        }
        if (length > ([HELLO, WELCOME, BYE].includes(type) ? OPTIONS_LIMIT : this.settings.maxContent)) {
            throw new Fault(`content of ${length} bytes is too long`, 5n);
        }
        if (input.length < HEADER_LENGTH + length) {
            return null;
        }
        this.#input = input.subarray(HEADER_LENGTH + length);
        return {
            type,
            flags: input.readUInt16BE(4),
            sequence: input.readBigUInt64BE(8),
            content: input.subarray(HEADER_LENGTH, HEADER_LENGTH + length),
        };
    }

    #handle(frame, now) {
        if (this.state === "OPENING" && frame.type !== WELCOME && frame.type !== BYE) {
            throw new Fault("the first frame was neither WELCOME nor BYE");
        }
        switch (frame.type) {
        case WELCOME:
            this.#welcome(frame, decodeOptions(frame.content), now);
            break;
        case ACK:
            this.#ack(frame, now);
            break;
        case PROBE:
            this.#answer(frame);
            break;
        case MESSAGE:
            this.#messagesSeen += 1n;
            if (frame.sequence !== this.#messagesSeen) {
                throw new Fault("a MESSAGE out of sequence");
            }
            this.#tell("MESSAGE", { sequence: frame.sequence, content: frame.content });
            break;
        case BYE: {
            const options = decodeOptions(frame.content);
            this.state = "CLOSED";
            this.#tell("DOWN", {
                cause: causeOfReason(frame.sequence),
                reason: frame.sequence,
                text: options.text?.toString() ?? "",
                retryAfterMs: options.retryAfterMs ?? 0,
            });
            break;
        }
        default:
            throw new Fault("HELLO from a server");
        }
    }

    #welcome(frame, options, now) {
        const isFirst = this.state === "OPENING";
        const interval = options.intervalMs ?? this.settings.intervalMs;
        const expiry = options.expiryMs ?? 3 * interval;

        if (frame.sequence === 0n) {
            throw new Fault("WELCOME with a session number of 0");
        }
        if (!isFirst && ((frame.flags & CHANGED) === 0 || frame.sequence !== this.number)) {
            throw new Fault("a second WELCOME that changes no grant of this session");
        }
        if (interval === 0 || expiry === 0) {
            throw new Fault("an interval or expiry of 0 is granted");
        }
        if (expiry < 2 * interval) {
            throw new Fault("an expiry of less than twice the interval is granted");
        }
        this.#serverMaxContent = options.maxContent ?? this.#serverMaxContent;
        if (interval > (this.settings.intervalLimitMs || INTERVAL_LIMIT_FACTOR * this.settings.intervalMs)) {
            throw new Fault("the interval that is granted is so long that a death would be found too late", 0n,
                            "rejected");
        }
        if (this.settings.content.length > this.#serverMaxContent) {
            throw new Fault("the server takes no content as long as that of our probes", 0n, "rejected");
        }
        this.number = frame.sequence;
        this.intervalMs = interval;
        this.expiryMs = expiry;
        if (isFirst) {
            this.state = "UP";
            this.#tell("UP", { sequence: frame.sequence });
            this.#nextProbeAt = now;
            this.#probe(now);
        } else {
            this.#nextProbeAt = Math.min(this.#nextProbeAt, now + interval);
            this.#tell("GRANT_CHANGED", { sequence: frame.sequence });
        }
    }

    // ---- probes

    #probe(now) {
        this.#probesSent += 1n;
        this.#outstanding.set(this.#probesSent, now);
        this.#put(PROBE, this.#probesSent, this.settings.content, this.health);
        const missed = Math.floor((now - this.#nextProbeAt) / this.intervalMs); // left out, not made up for
        this.#nextProbeAt += (missed + 1) * this.intervalMs;
    }

    #ack(frame, now) {
        const sentAt = this.#outstanding.get(frame.sequence);

        if (sentAt === undefined && !this.#overdue.has(frame.sequence)) {
            throw new Fault("an ACK of a probe that waits for none");
        }
        if (!frame.content.equals(this.settings.content)) {
            throw new Fault("an ACK with other content than its probe");
        }
        this.#isDown = false;
        if (sentAt === undefined) {
            this.#overdue.delete(frame.sequence);
            this.#tell("LATE_ACK", { sequence: frame.sequence });
        } else {
            this.#outstanding.delete(frame.sequence);
            this.#tell("ACKED", { sequence: frame.sequence, roundTripMs: now - sentAt });
        }
    }

    /* Node does not show what the kernel knows of a connection, so that a cut cable is called `hung` here, too. */
    #mindTimeouts(now) {
        for (const [sequence, sentAt] of this.#outstanding) {
            if (now < sentAt + this.settings.timeoutMs) {
                return;
            }
            if (!this.settings.staysConnected || this.#overdue.size >= OVERDUE_LIMIT) {
                this.#tell("DOWN", { cause: "hung", sequence, text: "no ACK came within the timeout" });
                this.state = "CLOSED";
                return;
            }
            this.#outstanding.delete(sequence);
            this.#overdue.add(sequence);
            if (!this.#isDown) {
                this.#isDown = true;
                this.#tell("TIMED_OUT", { cause: "hung", sequence });
            }
        }
    }

    /* The server asks, too: before it gives a client up, and after it changed a grant. */
    #answer(frame) {
        const flags = frame.flags & HEALTH_MASK;
        const health = Math.min(flags, 2);

        this.#probesSeen += 1n;
        if (frame.sequence !== this.#probesSeen) {
            throw new Fault("a PROBE out of sequence");
        }
        this.#put(ACK, frame.sequence, frame.content, flags);
        if (health !== this.#serverHealth) {
            this.#serverHealth = health;
            this.#tell("HEALTH", { health, content: frame.content });
        }
    }
}

module.exports = { Session };
