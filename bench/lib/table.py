"""Results as one table, in Markdown that also reads well on a terminal."""

HEADINGS = ("system", "settings", "bound", "freeze p50 / p99", "cut p50 / p99", "kill p50 / p99", "false, quiet",
            "false after stall", "packets/s", "CPU/beat", "bytes/session")
_FAULTS = "freeze", "cut", "kill"

NOTES = """\
* freeze is SIGSTOP of the client (of the server, where the client is to notice), cut a cable from which packets vanish
  both ways, kill SIGKILL. bound is the latest by the system's own rule. Times are from the fault until the observer's
  socket is given up, and read late by up to 1 ms.
* never: all that was frozen, cut or killed went unnoticed, at least for some bounds.
* false, quiet: live clients given up while nothing was done to anybody.
* false after stall: of so many live clients, those given up after the server was stopped for three bounds.
* packets/s of a client, both ways, at its cable. CPU/beat: the server's processor time for a probe and its answer.
  bytes/session: memory of the server's process alone; - where the crowd is too small to tell."""


def percentile(values, share):
    """The smallest value that at least that share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def summarize(result):
    """Adds p50 and p99 to every fault."""
    for fault in result.get("faults", {}).values():
        if fault["times"]:
            fault["p50_s"], fault["p99_s"] = percentile(fault["times"], 50), percentile(fault["times"], 99)


def table(results, speed):
    rows = [HEADINGS]
    for one in results:
        if one["speed"] == speed:
            rows.append(_row(one))
    return markdown(rows)


def markdown(rows):
    """The first row is the headings."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def ahead(results, speed):
    """[sentence] on every figure in which somebody else is better than Lubdub at that setting."""
    ours = next((one for one in results if one["name"] == "lubdub-server" and one["speed"] == speed), None)
    if not ours or "error" in ours:
        return []
    found = []
    for one in results:
        if one["speed"] != speed or one["name"].startswith("lubdub") or "error" in one:
            continue
        better = []
        for fault in _FAULTS:
            theirs, mine = one["faults"].get(fault, {}), ours["faults"].get(fault, {})
            if theirs.get("missed") == 0 and "p50_s" in theirs and "p50_s" in mine:
                for share in "p50_s", "p99_s":
                    if theirs[share] < mine[share]:
                        better.append(f"{fault} {share[:3]} {_time(theirs[share])} against {_time(mine[share])}")
        for key, word, form in (("lost_quiet", "false alarms in quiet", str),
                                ("lost_after_stall", "false alarms after the stall", str),
                                ("packets_per_second_per_client", "packets", _number),
                                ("processor_us_per_beat", "processor a beat", _microseconds),
                                ("memory_bytes_per_session", "memory", _number)):
            if one.get(key) is not None and ours.get(key) is not None and one[key] < ours[key]:
                better.append(f"{word} {form(one[key])} against {form(ours[key])}")
        if better:
            found.append(f"{one['name']}: " + "; ".join(better))
    return found


def _row(one):
    head = one["name"], one["setting"], _time(one["bound_s"])
    if "error" in one:
        return *head, "failed: " + one["error"], *[""] * 7
    faults = one["faults"]
    stall = "-"
    if "lost_after_stall" in one:
        stall = f"{one['lost_after_stall']} of {one['clients']}"
    memory = one.get("memory_bytes_per_session")
    return (*head, *[_fault(faults.get(fault)) for fault in _FAULTS], str(one["lost_quiet"]), stall,
            _number(one.get("packets_per_second_per_client")), _microseconds(one.get("processor_us_per_beat")),
            _number(memory) if memory is not None else "-")


def _fault(fault):
    if not fault or not fault["injected"]:
        return "-"
    if "p50_s" not in fault:
        return f"never (0 of {fault['injected']})"
    text = f"{_time(fault['p50_s'])} / {_time(fault['p99_s'])}"
    if fault["missed"]:
        text += f" (missed {fault['missed']} of {fault['injected']})"
    return text


def _time(seconds):
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _number(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _microseconds(value):
    return "-" if value is None else f"{value:.1f} us"


def _line(row, widths):
    return "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |"
