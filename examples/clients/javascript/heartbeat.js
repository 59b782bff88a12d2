#!/usr/bin/env node
/*
 * A Lubdub client in Node, without packages: keeps a session with a server, and comes back when it is lost.
 *
 *     heartbeat.js [--id NAME] [--interval MS] [--timeout MS] [--token TOKEN] [HOST[:PORT]]
 *
 * Prints a line for what happens. Ends with a BYE on SIGTERM and SIGINT.
 */
"use strict";

const net = require("node:net");
const { parseArgs } = require("node:util");
const { Session } = require("./lubdub_session.js");

const DEFAULT_PORT = 3333;
const CONNECT_TIMEOUT = 5000; // ms
const SHORTEST_RANGE = 100; // ms from which a wait is drawn
const LONGEST_RANGE = 30_000;
const RETRY_AFTER_LIMIT = 3_600_000; // ms: a server that asks for more is not believed
const CAUSES = { ECONNREFUSED: "refused", ETIMEDOUT: "timeout", ENOTFOUND: "resolve", EAI_AGAIN: "resolve",
                 ECONNRESET: "reset", EPIPE: "reset" };

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/* Text of the server's must not steer a terminal. */
const printable = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");

/* Draws each wait from the whole of a range that doubles: clients that lost one server do not come back together. */
class Backoff {
    #range = SHORTEST_RANGE;

    next(atLeast, wasReplaced) {
        if (wasReplaced) { // two clients under one name must not throw each other out as fast as they can
            this.#grow(8);
            return this.#range / 2 + Math.random() * this.#range / 2;
        }
        const least = Math.min(atLeast, RETRY_AFTER_LIMIT);
        const wait = least + Math.random() * Math.max(this.#range, least / 2);
        this.#grow(2);
        return wait;
    }

    noteSession(lasted, expiry, wasReplaced) {
        if (lasted >= 2 * LONGEST_RANGE || (lasted >= Math.max(3 * expiry, 2 * SHORTEST_RANGE) && !wasReplaced)) {
            this.#range = SHORTEST_RANGE;
        }
    }

    #grow(factor) {
        this.#range = Math.min(this.#range * factor, LONGEST_RANGE);
    }
}

/* One session on one socket, until it is closed. */
class Connection {
    #socket;
    #session;
    #settings;
    #timer = null;
    #down = null;
    #onOver;

    constructor(host, port, settings, onOver) {
        this.#settings = settings;
        this.#onOver = onOver;
        this.#socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
        this.#timer = setTimeout(() => this.#lose("timeout"), CONNECT_TIMEOUT);
        this.#socket.on("connect", () => this.#begin());
        this.#socket.on("data", (data) => this.#step(() => this.#session.receive(data, nowMs())));
        this.#socket.on("end", () => this.#step(() => this.#session.end("closed", nowMs())));
        this.#socket.on("drain", () => this.#socket.resume());
        this.#socket.on("error", (error) => this.#lose(CAUSES[error.code] ?? "unreachable"));
    }

    leave() {
        if (this.#session === undefined) {
            this.#lose("shutdown");
        } else {
            this.#step(() => this.#session.leave(nowMs()));
        }
    }

    #begin() {
        clearTimeout(this.#timer);
        this.#session = new Session(this.#settings, nowMs());
        this.#step(() => {});
    }

    #step(call) {
        if (this.#onOver === null) {
            return;
        }
        call();
        this.#settle();
    }

    #settle() {
        const output = this.#session.takeOutput();

        if (output.length > 0 && !this.#socket.write(output)) {
            this.#socket.pause(); // no queue of answers for a peer that does not take them
        }
        for (const event of this.#session.takeEvents()) {
            this.#tell(event);
        }
        if (this.#session.state === "LEAVING") {
            this.#socket.resume();
            this.#socket.end(); // after what was written
        }
        if (this.#session.state === "CLOSED") {
            this.#finish();
            return;
        }
        this.#arm();
    }

    #arm() {
        const due = this.#session.deadline();

        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
            const late = nowMs() - due;
            if (late > this.#settings.timeoutMs / 4) {
                this.#session.forgive(late);
            }
            /* Timers come before sockets in a turn of Node's loop: what has arrived counts first. */
            setImmediate(() => this.#step(() => this.#session.tick(nowMs())));
        }, Math.max(0, due - nowMs()));
    }

    #lose(cause) {
        if (this.#onOver === null) {
            return;
        }
        if (this.#session === undefined) {
            this.#tell({ kind: "DOWN", cause });
        } else {
            this.#session.end(cause, nowMs());
            this.#session.takeEvents().forEach((event) => this.#tell(event));
        }
        this.#finish();
    }

    #finish() {
        const onOver = this.#onOver;

        clearTimeout(this.#timer);
        this.#onOver = null;
        this.#socket.destroy();
        onOver(this.#down, this.#session?.expiryMs ?? Infinity);
    }

    #tell(event) {
        switch (event.kind) {
        case "UP":
            console.log(`up: session ${event.sequence}, a probe every ${this.#session.intervalMs} ms`);
            break;
        case "ACKED":
            console.log(`ack ${event.sequence}: ${event.roundTripMs.toFixed(3)} ms`);
            break;
        case "MESSAGE":
            console.log(`message: ${printable(event.content.toString())}`);
            break;
        case "DOWN": {
            const reason = event.reason === undefined || event.reason === null ? "" : ` reason ${event.reason}`;
            this.#down = event;
            console.log(`down: ${event.cause}${reason}${event.text ? ` ${printable(event.text)}` : ""}`);
            break;
        }
        }
    }
}

/* HOST, HOST:PORT, or [IPV6]:PORT. */
function splitAddress(text) {
    const found = /^\[([^\]]+)\](?::(\d+))?$|^([^:]+)(?::(\d+))?$/.exec(text);

    if (found === null) {
        return [text, DEFAULT_PORT]; // an IPv6 address without brackets
    }
    return [found[1] ?? found[3], Number(found[2] ?? found[4] ?? DEFAULT_PORT)];
}

function milliseconds(name, text) {
    if (!/^[1-9]\d{0,8}$/.test(text)) {
        throw new TypeError(`--${name} must be a number of milliseconds, at least 1`);
    }
    return Number(text);
}

/* Returns [host, port, settings]. */
function readArguments() {
    const { values, positionals } = parseArgs({
        allowPositionals: true,
        options: { id: { type: "string", default: "" }, interval: { type: "string", default: "1000" },
                   timeout: { type: "string", default: "3000" }, token: { type: "string", default: "" } },
    });

    return [...splitAddress(positionals[0] ?? "localhost"), {
        identity: values.id,
        token: values.token,
        intervalMs: milliseconds("interval", values.interval),
        timeoutMs: milliseconds("timeout", values.timeout),
    }];
}

function main() {
    const backoff = new Backoff();
    let isLeaving = false;
    let connection = null;
    let timer = null;
    let host, port, settings;

    try {
        [host, port, settings] = readArguments();
    } catch (problem) {
        console.error(`heartbeat.js: ${problem.message}`);
        process.exit(2);
    }

    function again(down, expiry, began) {
        const wasReplaced = down.cause === "replaced";

        connection = null;
        if (isLeaving) {
            return;
        }
        backoff.noteSession(nowMs() - began, expiry, wasReplaced);
        const wait = backoff.next(down.retryAfterMs ?? 0, wasReplaced);
        console.log(`again in ${wait.toFixed(0)} ms`);
        timer = setTimeout(connect, wait);
    }

    function connect() {
        const began = nowMs();
        const incarnation = BigInt(Date.now()) * 1_000_000n;

        connection = new Connection(host, port, { ...settings, incarnation },
                                    (down, expiry) => again(down, expiry, began));
    }

    for (const signal of ["SIGTERM", "SIGINT"]) {
        process.on(signal, () => {
            isLeaving = true;
            clearTimeout(timer);
            connection?.leave();
        });
    }
    connect();
}

main();
