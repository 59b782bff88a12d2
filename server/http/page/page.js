
"use strict";

const STALE_MS = 2500;
const PAGE_SIZE = 100;
const WISHED = new Set(["bye", "replaced", "shutdown"]);
const COLUMNS = [
    { title: "state", key: "state" }, { title: "identity", key: "id" }, { title: "address", wide: true },
    { title: "health" }, { title: "silent for", key: "silent", wide: true }, { title: "round trip", key: "rtt", wide: true },
    { title: "since", key: "since", wide: true }, { title: "labels", wide: true },
];

const $ = (id) => document.getElementById(id);
let heardAt = -Infinity;       // of performance.now(): the last word of the server
let heardTime = null;          // the same, for people
let source = null;
let lastEventId = "";
let summaryIsDue = 0, tableIsDue = 0, oneIsDue = 0; // of performance.now(); 0: not
let sort = "id", after = "", isSortable = true, tableQuery = 0;

// All text comes into the page here, and as text only.
function make(name, text, ...classes) {
    const element = document.createElement(name);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const one of classes) if (one) element.classList.add(one);
    return element;
}

function set(id, text) {
    const element = $(id);
    if (element.textContent !== text) element.textContent = text;
}

const times = (count) => (count === 1 ? "once" : `${number(count)} times`);
const number = (value) => Number(value || 0).toLocaleString("en-US");

function duration(ms) {
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`;
    if (ms < 3600000) return `${Math.floor(ms / 60000)} min`;
    if (ms < 172800000) return `${Math.floor(ms / 3600000)} h ${Math.floor(ms / 60000) % 60} min`;
    return `${Math.floor(ms / 86400000)} days`;
}

const micros = (us) => (us < 1000 ? `${us} µs` : us < 1000000 ? `${+(us / 1000).toFixed(1)} ms` : `${+(us / 1000000).toFixed(1)} s`);
const bytes = (count) => (count < 10240 ? `${number(count)} B` : count < 10485760 ? `${number(count / 1024 | 0)} KiB` : `${number(count / 1048576 | 0)} MiB`);
const when = (time) => (time ? new Date(time).toLocaleString("sv-SE") : "");
const clock = (time) => time.toLocaleTimeString("sv-SE");
const hashOf = (id) => `#id=${encodeURIComponent(id)}`;

async function ask(path) {
    const response = await fetch(path, { cache: "no-store" });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error || response.statusText);
    heard();
    return answer;
}

// ---- whether the server is heard

function heard() {
    heardAt = performance.now();
    heardTime = new Date();
    showLife();
}

function showLife() {
    const age = performance.now() - heardAt;
    const isStale = !(age < STALE_MS);
    $("bar").classList.toggle("stale", isStale);
    if (heardTime === null) set("live", "not heard yet");
    else set("live", isStale ? `last heard ${clock(heardTime)}` : `live, ${(age / 1000).toFixed(1)} s ago`);
}

// An EventSource stops for good at an answer that is no stream, as a proxy's 502: so it is made anew here.
function listen() {
    if (source) source.close();
    source = new EventSource("/api/events" + (lastEventId ? `?last-event-id=${lastEventId}` : ""));
    source.onopen = () => { heard(); summaryIsDue = tableIsDue = 1; };
    source.addEventListener("tick", (event) => { heard(); showCounts(JSON.parse(event.data)); });
    source.addEventListener("lost", () => { summaryIsDue = tableIsDue = oneIsDue = 1; });
    source.onmessage = (event) => { lastEventId = event.lastEventId; heard(); take(JSON.parse(event.data)); };
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000); };
}

// ---- what happens

function take(event) {
    const now = performance.now();
    const isLoss = event.event === "disconnected" && !WISHED.has(event.cause);
    if (["connected", "disconnected", "gone", "missing", "found", "late", "recovered", "health", "outage", "flapping", "draining"].includes(event.event)) {
        summaryIsDue = summaryIsDue || now + (isLoss ? 100 : 400);
        tableIsDue = tableIsDue || now + 1500;
    }
    if (event.id !== undefined && event.id === shownId()) oneIsDue = oneIsDue || now + 100;
    if (event.event === "disconnected") {
        for (const row of $("sessions").tBodies[0].rows) {
            if (row.dataset.session === String(event.session)) {
                row.classList.add("lost");
                showState(row.cells[0], "gone", event.cause);
            }
        }
    }
}

function showCounts(all) {
    const parts = [["up", all.up], ["late", all.late], ["away", all.away], ["missing", all.missing]];
    const counts = $("counts");
    if (counts.childElementCount !== parts.length) counts.replaceChildren(...parts.map(() => make("span")));
    parts.forEach(([word, count], i) => {
        const text = `${number(count)} ${word}`;
        if (counts.children[i].textContent !== text) counts.children[i].textContent = text;
    });
    $("bar").classList.toggle("trouble", all.missing > 0 || all.critical > 0);
    $("bar").classList.toggle("doubt", all.late > 0 || all.warning > 0 || all.flapping > 0);
    $("draining").hidden = !all.draining;
    document.title = `${number(all.up)} up${all.missing ? `, ${number(all.missing)} missing` : ""} – Lubdub`;
}

function showAttention(all) {
    const items = all.attention;
    $("attention-none").hidden = items.length > 0;
    set("attention-count", items.length ? `(${items.length}${items.length === 200 ? " and more" : ""})` : "");
    $("attention-list").replaceChildren(...items.map((item) => {
        const line = make("li");
        const name = item.id !== undefined ? item.id : `session ${item.session}`;
        const link = make("a", undefined, item.why);
        link.href = hashOf(item.id !== undefined ? item.id : String(item.session));
        link.append(make("span", item.why === "late" && item.health !== "passing" ? `late, ${item.health}` : item.why, "state"), ` ${name}`);
        if (item.expected > 1) link.append(` ${item.up} of ${item.expected}`);
        if (item.last_end) link.append(` after ${item.last_end}`);
        if (item.since) link.append(` for ${duration(Math.max(0, new Date(all.now) - new Date(item.since)))}`);
        line.append(link);
        return line;
    }));
}

function drawn(name, attributes, ...classes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.classList.add(...classes);
    return element;
}

function showTimeline(all) {
    const most = Math.max(1, ...all.timeline.map(([connects, losses]) => Math.max(connects, losses)));
    const svg = $("timeline");
    const shapes = [drawn("line", { x1: 0, x2: 600, y1: 51, y2: 51 }, "axis")];
    const height = (count) => (count ? Math.max(1.5, 40 * Math.log1p(count) / Math.log1p(most)) : 0);
    all.timeline.forEach(([connects, losses], i) => {
        if (connects) shapes.push(drawn("rect", { x: 10 * i + 1, width: 8, y: 50 - height(connects), height: height(connects) }, "connects"));
        if (losses) shapes.push(drawn("rect", { x: 10 * i + 1, width: 8, y: 52, height: height(losses) }, "losses"));
    });
    for (const mark of all.marks) {
        const x = Math.min(594, 600 - (new Date(all.now) - new Date(mark.at)) / 6000);
        if (x < 0) continue;
        const shape = mark.kind === "outage" ? drawn("path", { d: `M${x - 5} 0h10l-5 9z` }, "mark")
            : mark.kind === "stall" ? drawn("circle", { cx: x, cy: 4.5, r: 4 }, "mark")
            : drawn("path", { d: `M${x} 0l4 4.5-4 4.5-4-4.5z` }, "mark");
        const title = drawn("title", {}, "t");
        title.textContent = `${mark.kind} ${when(mark.at)}${mark.kind === "outage" ? `, ${number(mark.count)} ends` : mark.kind === "stall" ? `, ${duration(mark.count)}` : ""}`;
        shape.append(title);
        shapes.push(shape);
    }
    svg.replaceChildren(...shapes);
    const hour = all.recent["1h"];
    set("timeline-words", `${number(hour.connects)} connects and ${number(hour.losses)} losses; heights are logarithmic, the highest minute has ${number(Math.max(...all.timeline.flat()))}.`);
}

function showEnds(all) {
    $("ends-spans").replaceChildren(...[["5m", "5 minutes"], ["1h", "1 hour"], ["24h", "24 hours"]].map(([key, words]) => {
        const span = make("div");
        const causes = Object.entries(all.recent[key].ends).sort((a, b) => b[1] - a[1]);
        if (all.recent[key].rejected) causes.push(["rejected connections", all.recent[key].rejected]);
        const most = Math.max(1, ...causes.map(([, count]) => count));
        span.append(make("h3", words));
        if (!causes.length) span.append(make("p", "none", "quiet"));
        for (const [cause, count] of causes) {
            const bar = make("div", undefined, "cause");
            const meter = drawn("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" }, "meter");
            meter.append(drawn("rect", { width: 100, height: 6 }, "track"),
                drawn("rect", { width: Math.max(1, 100 * count / most), height: 6 }, WISHED.has(cause) ? "wished" : "loss"));
            bar.append(make("span", cause), make("span", number(count)), meter);
            span.append(bar);
        }
        return span;
    }));
}

function showFacts(list, facts) {
    $(list).replaceChildren(...facts.filter(([, text]) => text !== undefined && text !== "").map(([word, text]) => {
        const fact = make("div");
        fact.append(make("dt", word), make("dd", text));
        return fact;
    }));
}

function showQuality(all) {
    const three = (name) => (all[name].count ? `${micros(all[name].p50_us)}, ${micros(all[name].p99_us)}, ${micros(all[name].max_us)}` : "none yet");
    showFacts("quality", [
        ["verdicts late by (p50, p99, max ≤)", three("lateness")], ["round trip (sampled)", three("rtt")],
        ["turns of the loops", three("turn")], ["memory a session", bytes(all.memory_per_session_bytes)],
        ["descriptors", `${number(all.descriptors.open)} of ${number(all.descriptors.limit)}`],
        ["certificates", all.certificate_days_left === undefined ? undefined : `${all.certificate_days_left} days left`],
        ["own stalls", `${number(all.stalls)}, ${duration(all.stalled_ms)}`], ["near misses", number(all.near_misses)],
        ["events lost", number(all.events_lost)], ["settings", all.last_reload_successful ? undefined : "the last reload failed"],
    ]);
}

function showCluster(all) {
    const cluster = all.cluster;
    $("cluster").hidden = cluster === undefined;
    if (cluster === undefined) return;
    set("cluster-redis", `Redis is ${cluster.redis}`);
    $("cluster-redis").className = `state ${cluster.redis}`;
    $("cluster-nodes").replaceChildren(...cluster.nodes.map((node) => {
        const line = make("li", undefined, node.state);
        line.append(make("span", node.state, "state"), ` ${node.node}${node.is_self ? " (this one)" : ""}`);
        if (node.sessions !== undefined) line.append(`${node.state === "live" ? "," : ", had"} ${number(node.sessions)} session${node.sessions === 1 ? "" : "s"}`);
        return line;
    }));
    set("cluster-words", cluster.redis === "away" ? "What other nodes hold is unknown until Redis is back."
        : cluster.queued > 0 ? `${number(cluster.queued)} identities are still to be written.` : "");
}

async function loadSummary() {
    const all = await ask("/api/summary");
    set("node", all.node || "");
    set("uptime", `up for ${duration(all.uptime_ms)}`);
    showCounts(all);
    showAttention(all);
    showTimeline(all);
    showEnds(all);
    showQuality(all);
    showCluster(all);
}

// ---- the table

function showState(cell, state, more) {
    cell.replaceChildren(make("span", state, "state", state));
    if (more) cell.append(` ${more}`);
}

function row(session) {
    const line = make("tr");
    const cells = COLUMNS.map((column) => line.appendChild(make("td", undefined, column.wide && "wide")));
    const name = session.id !== undefined ? session.id : `session ${session.session}`;
    const link = make("a", name);
    link.href = hashOf(session.id !== undefined ? session.id : String(session.session));
    if (session.session) line.dataset.session = String(session.session);
    showState(cells[0], session.state, session.session ? "" : session.last_end);
    if (session.is_flapping) cells[0].append(" ", make("span", "flapping", "state", "flapping"));
    cells[1].append(link);
    cells[2].textContent = session.remote || "";
    if (session.health) cells[3].append(make("span", session.health, "state", session.health));
    cells[4].textContent = session.silent_ms === undefined ? "" : duration(session.silent_ms);
    cells[5].textContent = session.rtt_us === undefined ? "" : micros(session.rtt_us);
    cells[6].textContent = when(session.since);
    cells[7].textContent = Object.entries(session.labels).map(([key, value]) => `${key}=${value}`).join(" ");
    return line;
}

function showHeads() {
    $("heads").replaceChildren(...COLUMNS.map((column) => {
        const head = make("th", undefined, column.wide && "wide");
        head.scope = "col";
        if (!column.key) {
            head.textContent = column.title;
            return head;
        }
        const button = make("button", column.title);
        button.type = "button";
        button.dataset.key = column.key;
        head.setAttribute("aria-sort", !isSortable ? "none" : sort === column.key ? "ascending" : sort === `-${column.key}` ? "descending" : "none");
        head.append(button);
        return head;
    }));
}

async function loadTable() {
    const query = new URLSearchParams({ limit: PAGE_SIZE });
    const mine = ++tableQuery;
    const begun = performance.now();
    for (const [key, id] of [["id", "search-id"], ["state", "search-state"], ["label", "search-label"]]) {
        if ($(id).value) query.set(key, $(id).value);
    }
    if (isSortable) query.set("sort", sort);
    if (after) query.set("after", after);
    let answer;
    try {
        answer = await ask(`/api/sessions?${query}`);
    } catch (error) {
        if (isSortable && /more than/.test(error.message)) {
            isSortable = false; // so many are listed as they come
            after = "";
            showHeads();
            return loadTable();
        }
        if (mine === tableQuery) set("search-words", error.message);
        return;
    }
    if (mine !== tableQuery) return; // a newer one is under way
    $("sessions").tBodies[0].replaceChildren(...answer.sessions.map(row));
    $("more").dataset.next = answer.next || "";
    $("more").disabled = !answer.next;
    $("first").disabled = !after;
    $("sessions").dataset.took = String(Math.round(performance.now() - begun));
    set("search-words", answer.sessions.length ? `${answer.sessions.length}${answer.next ? " of more" : ""} shown` : "none is like this");
}

function search() {
    after = "";
    tableIsDue = 0;
    loadTable();
}

// ---- one session

const shownId = () => (location.hash.startsWith("#id=") ? decodeURIComponent(location.hash.slice(4)) : null);

async function loadOne() {
    const id = shownId();
    $("one").hidden = id === null;
    if (id === null) return;
    set("one-title", id);
    let one;
    try {
        one = await ask(`/api/sessions/${encodeURIComponent(id)}`);
    } catch (error) {
        showFacts("one-facts", [["", error.message]]);
        $("one-ends").tBodies[0].replaceChildren();
        return;
    }
    showFacts("one-facts", [
        ["state", one.state + (one.is_flapping ? ", flapping" : "")], ["since", when(one.since)], ["address", one.remote],
        ["health", one.health], ["said with it", one.content], ["interval granted", one.interval_ms && duration(one.interval_ms)],
        ["expiry granted", one.expiry_ms && duration(one.expiry_ms)], ["silent for", one.silent_ms === undefined ? "" : duration(one.silent_ms)],
        ["round trip", one.rtt_us === undefined ? "" : micros(one.rtt_us)], ["probes", one.probes === undefined ? "" : number(one.probes)],
        ["messages", one.messages === undefined ? "" : number(one.messages)],
        ["near misses", one.near_misses === undefined ? "" : one.near_misses < 255 ? number(one.near_misses) : "255 or more"], ["session", one.session === undefined ? "" : String(one.session)],
        ["connected", one.connects === undefined ? "" : times(one.connects)], ["lost", one.losses === undefined ? "" : times(one.losses)],
        ["expected", one.is_pattern ? `${one.up} of ${one.expected} are up` : one.is_expected ? "yes" : ""],
        ["labels", Object.entries(one.labels).map(([key, value]) => `${key}=${value}`).join(" ")],
    ]);
    const ends = one.ends || [];
    $("one-no-ends").hidden = ends.length > 0;
    $("one-ends").tBodies[0].replaceChildren(...ends.map((end) => {
        const line = make("tr");
        line.append(make("td", when(end.at)), make("td", end.cause), make("td", duration(end.connected_s * 1000)));
        return line;
    }));
}

// ---- time

function mind() {
    const now = performance.now();
    showLife();
    if (summaryIsDue && now >= summaryIsDue) {
        summaryIsDue = 0;
        loadSummary().catch(() => { summaryIsDue = performance.now() + 1000; });
    }
    if (tableIsDue && now >= tableIsDue && !document.body.classList.contains("wall")) {
        tableIsDue = 0;
        loadTable();
    }
    if (oneIsDue && now >= oneIsDue) {
        oneIsDue = 0;
        loadOne();
    }
}

document.body.classList.toggle("wall", new URLSearchParams(location.search).has("wall"));
showHeads();
$("search").addEventListener("submit", (event) => { event.preventDefault(); search(); });
$("search").addEventListener("input", search);
$("heads").addEventListener("click", (event) => {
    const key = event.target.dataset.key;
    if (!key || !isSortable) return;
    sort = sort === key ? `-${key}` : key;
    showHeads();
    search();
    document.querySelector(`#heads button[data-key="${key}"]`).focus();
});
$("more").addEventListener("click", () => { after = $("more").dataset.next; loadTable(); });
$("first").addEventListener("click", search);
addEventListener("hashchange", loadOne);
addEventListener("keydown", (event) => {
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) {
        event.preventDefault();
        $("search-id").focus();
    }
});
setInterval(mind, 100);
setInterval(() => { summaryIsDue = summaryIsDue || 1; }, 2000);
setInterval(() => { tableIsDue = tableIsDue || 1; if (shownId() !== null) oneIsDue = 1; }, 5000);
loadSummary().catch(() => { summaryIsDue = performance.now() + 1000; });
loadTable();
loadOne();
listen();
