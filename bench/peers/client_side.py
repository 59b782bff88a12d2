"""The other end: how soon lubdub-client notices a server that is frozen, cut off or killed. A server for each fault."""

import os
import signal
import time

import detection
import processes
from sockets import Sockets

_PORTS = {"freeze": 3331, "cut": 3332, "kill": 3333}


def client_side(arena, contender, size):
    steady = arena.cable(2 * size)
    cables = [arena.cable(max(1, size // 8)) for _ in range(min(8, size))]
    places = {"freeze": [(steady, number) for number in range(1, size + 1)],
              "kill": [(steady, number) for number in range(size + 1, 2 * size + 1)],
              "cut": [(cable, number) for cable in cables for number in range(1, max(1, size // 8) + 1)]}
    servers = {}
    for fault, port in _PORTS.items():
        servers[fault] = contender.server(arena.namespace, port)
        detection.wait_for_server(arena.namespace, port)

    for fault, port in _PORTS.items():
        for cable, number in places[fault]:
            contender.client(cable, number, port)
            time.sleep(contender.interval / size)  # a phase of its own
    sockets = {cable.number: Sockets(cable.namespace) for cable in arena.cables}
    at_server = Sockets(arena.namespace)
    plan, together = [], {}
    for fault, port in _PORTS.items():
        found = detection.connections_by_peer(at_server, len(places[fault]), 10, port)
        for cable, number in places[fault]:
            if cable.address(number) not in found:
                continue
            local, local_port, remote, remote_port = found[cable.address(number)]
            inject = {"freeze": lambda: os.kill(servers["freeze"], signal.SIGSTOP),
                      "kill": lambda: os.kill(servers["kill"], signal.SIGKILL),
                      "cut": lambda c=cable: arena.cut(c)}[fault]
            target = detection.Target(fault, inject, sockets[cable.number], (remote, remote_port, local, local_port))
            plan.append(target)
            together.setdefault((fault, cable.number), []).append(target)
    time.sleep(1 + contender.interval)
    wanted = sum(len(one) for one in places.values())
    result, false_alarms = detection.observe(detection.schedule(together.values(), contender), contender.patience)
    processes.end()
    return result, false_alarms + wanted - len(plan)
