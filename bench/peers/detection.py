"""How soon a fault is noticed: injects each at a random moment, and asks the kernel when the observer's end is given up."""

import heapq
import os
import random
import signal
import time

import contenders
import processes
from sockets import Sockets

FAULTS = ("freeze", "cut", "kill")

_LOOK = 0.001       # seconds between two looks at those who have a fault; a detection reads late by up to this
_LOOK_ROUND = 0.1   # between two looks at the healthy ones


class Target:
    """A client's connection as its observer sees it, and how to hurt it."""

    def __init__(self, fault, inject, sockets, connection):
        self.fault = fault
        self.inject = inject
        self.sockets = sockets
        self.connection = connection
        self.hurt_at = None


def wait_for_server(namespace, port=contenders.SERVER[1], limit=15):
    import socket
    end = time.monotonic() + limit
    with namespace.inside():
        while True:
            try:
                socket.create_connection((contenders.SERVER[0], port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError("the server does not listen") from None
                time.sleep(0.05)


def connections_by_peer(sockets, wanted, limit, port=contenders.SERVER[1]):
    """The server's connections by the client's address, when that many are there or the time is over.

    At the shortest settings some may already have been given up.
    """
    end = time.monotonic() + limit
    while True:
        found = {connection[2]: connection for connection in sockets.established(port) if connection[1] == port}
        if len(found) >= wanted:
            return found
        if time.monotonic() > end:
            if not found:
                raise RuntimeError(f"none of {wanted} clients could connect")
            return found
        time.sleep(0.1)


def server_side(arena, contender, size, folder):
    """The server watches: a third of the clients freezes, a third is cut off, a third is killed."""
    cables = _cables(arena, size)
    server = contender.server(arena.namespace, folder)
    wait_for_server(arena.namespace)

    started = []
    for fault, cable, number in cables:
        started.append((fault, cable, number, contender.client(cable, number)))
    sockets = Sockets(arena.namespace)
    found = connections_by_peer(sockets, len(started), 10)
    time.sleep(1 + 2 * contender.interval)

    targets, together = [], {}
    for fault, cable, number, process in started:
        if cable.address(number) not in found:
            continue
        inject = {"freeze": lambda p=process: os.kill(p, signal.SIGSTOP),
                  "kill": lambda p=process: os.kill(p, signal.SIGKILL),
                  "cut": lambda c=cable: arena.cut(c)}[fault]
        target = Target(fault, inject, sockets, found[cable.address(number)])
        targets.append(target)
        together.setdefault((fault, cable.number if fault == "cut" else process), []).append(target)
    result, false_alarms = observe(schedule(together.values(), contender), contender.patience)
    if not processes.runs(server):
        raise RuntimeError("the server ended")
    processes.end()
    return result, false_alarms + len(started) - len(targets)


def schedule(groups, contender):
    """[(seconds from the start, [targets])]; the members of a group suffer by one deed."""
    window = max(2.0, 4 * contender.interval)
    return [(random.uniform(0, window), group) for group in groups]


def observe(plan, patience):
    """Does what was planned and waits for the verdicts, at most `patience` seconds after the last deed.

    Returns {fault: {injected, missed, times}}, and the number of those who were given up without a fault.
    """
    faults = {target.fault for _, group in plan for target in group}
    result = {fault: {"injected": 0, "missed": 0, "times": []} for fault in sorted(faults)}
    start = time.monotonic()
    todo = [(start + after, number, group) for number, (after, group) in enumerate(plan)]
    heapq.heapify(todo)
    healthy = {target for _, group in plan for target in group}
    hurt, false_alarms = set(), 0
    last_deed, next_round = start, start

    while todo or (hurt and time.monotonic() < last_deed + patience):
        now = time.monotonic()
        while todo and todo[0][0] <= now:
            group = [target for target in heapq.heappop(todo)[2] if target in healthy]
            gone = _gone(group)  # a moment before: who is gone now was no victim of ours
            false_alarms += len(gone)
            healthy.difference_update(group)
            group = [target for target in group if target not in gone]
            if not group:
                continue
            last_deed = time.monotonic()
            group[0].inject()
            for target in group:
                target.hurt_at = last_deed
                result[target.fault]["injected"] += 1
                hurt.add(target)
        for target in _gone(hurt):
            result[target.fault]["times"].append(time.monotonic() - target.hurt_at)
            hurt.remove(target)
        if now >= next_round:
            next_round = now + _LOOK_ROUND
            gone = _gone(healthy)
            false_alarms += len(gone)
            healthy.difference_update(gone)
        time.sleep(_LOOK)
    for target in hurt:
        result[target.fault]["missed"] += 1
    return result, false_alarms


def _gone(targets):
    by_sockets = {}
    for target in targets:
        by_sockets.setdefault(target.sockets, {})[target.connection] = target
    return [members[connection] for sockets, members in by_sockets.items() for connection in sockets.gone(list(members))]


def _cables(arena, size):
    """[(fault, cable, number of the client on it)]: those to be cut are spread over cables, to be cut at several moments."""
    steady = arena.cable(2 * size)
    places = [("freeze", steady, number) for number in range(1, size + 1)]
    places += [("kill", steady, number) for number in range(size + 1, 2 * size + 1)]
    each = max(1, size // 8)
    for _ in range(min(8, size)):
        cable = arena.cable(each)
        places += [("cut", cable, number) for number in range(1, each + 1)]
    return places
