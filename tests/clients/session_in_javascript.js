/* session_in_javascript.js FOLDER: the session of examples/clients/javascript, as vectors_hold asks for it. */
"use strict";

const readline = require("node:readline");
const path = require("node:path");
const { Session } = require(path.resolve(process.argv[2], "lubdub_session.js"));

const NAMES = { interval_ms: "intervalMs", expiry_ms: "expiryMs", timeout_ms: "timeoutMs", handshake_ms: "handshakeMs",
                interval_limit_ms: "intervalLimitMs", max_content: "maxContent", stays_connected: "staysConnected" };
const numberOf = (big) => (big === undefined || big === null ? null : Number(big));
let session = null;

function settingsOf(wanted) {
    const settings = {};

    for (const [name, value] of Object.entries(wanted)) {
        settings[NAMES[name] ?? name] = name === "content" ? Buffer.from(value) : value;
    }
    return settings;
}

function told(event) {
    return { kind: event.kind, sequence: numberOf(event.sequence), content: (event.content ?? "").toString(),
             cause: event.cause, reason: numberOf(event.reason) };
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const request = JSON.parse(line);

    switch (request.do) {
    case "open":
        session = new Session(settingsOf(request.settings), request.now);
        break;
    case "receive":
        session.receive(Buffer.from(request.bytes, "hex"), request.now);
        break;
    case "end":
        session.end(request.cause, request.now);
        break;
    case "tick":
        session.tick(request.now);
        break;
    }
    console.log(JSON.stringify({ output: session.takeOutput().toString("hex"), events: session.takeEvents().map(told),
                                 state: session.state, deadline: session.deadline() }));
});
