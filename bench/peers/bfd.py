"""FRR's bfdd against itself: one observing process, and on the other side one for each group of sessions.

There is no connection to look at. What counts is the observer's first packet to a peer that says Down (RFC 5880: state 1,
diagnostic 1, "control detection time expired"), as it passes the bridge.
"""

import os
import random
import signal
import socket
import statistics
import struct
import time

import processes

_PORT = 3784
_BFDD = "/usr/lib/frr/bfdd"
_DOWN, _UP, _EXPIRED = 1, 3, 1
_ETH_P_ALL = 3
_OUTGOING = 4


def measure(arena, contender, size, seconds, folder):
    each = 4
    # bfdd tells sessions apart by the other end's address alone, so a process with several needs several to talk to.
    ours = [f"10.77.0.{number}" for number in range(1, each + 1)]
    arena.more_servers(ours[1:])
    groups = [(fault, arena.cable(each)) for fault in ("freeze", "cut", "kill") for _ in range(max(1, size // each))]
    with arena.namespace.inside():
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        listener.bind(("bridge", _ETH_P_ALL))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    listener.settimeout(0.1)

    remotes = [cable.address(number) for _, cable in groups for number in range(1, each + 1)]
    server = _bfdd(arena.namespace, folder, "observer", "bridge", contender, list(zip(ours * len(groups), remotes)))
    peers = {}
    for _, cable in groups:
        pairs = [(cable.address(number), ours[number - 1]) for number in range(1, each + 1)]
        peers[cable.number] = _bfdd(cable.namespace, folder, f"peer{cable.number}", "cable", contender, pairs)
    _wait_until_up(listener, set(remotes), 60)
    time.sleep(1 + 3 * contender.interval)

    cost = _cost(arena, server, len(remotes), seconds, contender)
    lost_quiet = len(_downs(listener, time.monotonic(), set(remotes)))

    # The stall first: it needs everybody alive.
    os.kill(server, signal.SIGSTOP)
    time.sleep(3 * contender.bound)
    continued = time.monotonic()
    os.kill(server, signal.SIGCONT)
    lost = len(_downs(listener, continued + 2 * contender.bound + 1, set(remotes)))
    # Who was given up comes back only by the slow start of the protocol.
    _wait_until_up(listener, set(remotes), 60)
    time.sleep(3 + 3 * contender.interval)
    lost_quiet += len(_downs(listener, time.monotonic(), set(remotes)))

    faults, false_alarms = _faults(arena, contender, groups, peers, each, listener)
    processes.end()
    return {"clients": len(remotes), "faults": faults, "lost_quiet": lost_quiet + false_alarms,
            "stall_s": 3 * contender.bound, "lost_after_stall": lost, "memory_bytes_per_session": None, **cost}


def _faults(arena, contender, groups, peers, each, listener):
    deeds = sorted((random.uniform(0, max(2.0, 4 * contender.interval)), number) for number in range(len(groups)))
    hurt, watched = {}, set()
    result = {fault: {"injected": 0, "missed": 0, "times": []} for fault in ("cut", "freeze", "kill")}
    false_alarms = 0
    start = time.monotonic()
    alive = {cable.address(number) for _, cable in groups for number in range(1, each + 1)}
    for after, index in [*deeds, (deeds[-1][0] + contender.patience, None)]:
        for address, at in _downs(listener, start + after, alive | watched).items():
            watched.discard(address)
            if address in hurt:
                fault, since = hurt.pop(address)
                result[fault]["times"].append(at - since)
            else:
                false_alarms += 1
                alive.discard(address)
        if index is None:
            break
        fault, cable = groups[index]
        now = time.monotonic()
        if fault == "cut":
            arena.cut(cable)
        else:
            os.kill(peers[cable.number], signal.SIGSTOP if fault == "freeze" else signal.SIGKILL)
        for number in range(1, each + 1):
            address = cable.address(number)
            if address in alive:
                alive.discard(address)
                watched.add(address)
                hurt[address] = fault, now
                result[fault]["injected"] += 1
    for fault, _ in hurt.values():
        result[fault]["missed"] += 1
    return result, false_alarms


def _cost(arena, server, sessions, seconds, contender):
    processor, packets = [], []
    for _ in range(3):
        start = time.monotonic(), processes.processor_time(server), sum(arena.packets(cable) for cable in arena.cables)
        time.sleep(max(seconds, 2 * contender.interval))
        passed = time.monotonic() - start[0]
        crossed = sum(arena.packets(cable) for cable in arena.cables) - start[2]
        # A beat is one packet each way, as a probe and its answer are.
        processor.append((processes.processor_time(server) - start[1]) / (crossed / 2) / 1000)
        packets.append(crossed / passed / sessions)
    return {"processor_us_per_beat": statistics.median(processor),
            "packets_per_second_per_client": statistics.median(packets), "beats_per_second": None}


def _bfdd(namespace, folder, name, device, contender, pairs):
    """A bfdd with a session for each (local address, remote address), and the zebra that tells it of its devices.

    Both become the user frr.
    """
    folder = folder / name
    folder.mkdir()
    os.chmod(folder, 0o777)
    lines = ["bfd"]
    for local, remote in pairs:
        lines += [f" peer {remote} local-address {local} interface {device}",
                  f"  detect-multiplier {round(contender.bound / contender.interval)}",
                  f"  receive-interval {round(contender.interval * 1000)}",
                  f"  transmit-interval {round(contender.interval * 1000)}", "  no shutdown", " exit"]
    path = folder / "bfdd.conf"
    path.write_text("\n".join([*lines, "exit", ""]), encoding="ascii")
    zebra = ["/usr/lib/frr/zebra", "-f", "/dev/null", "-i", folder / "zebra.pid",
             "-z", folder / "zserv", "--vty_socket", folder, "-P", "0"]
    processes.start(zebra, namespace)
    end = time.monotonic() + 10
    while not (folder / "zserv").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return processes.start([_BFDD, "-f", path, "-i", folder / "bfdd.pid", "-z",
                            folder / "zserv", "--vty_socket", folder, "--bfdctl", folder / "control", "-P", "0"], namespace)


def _packets(listener, until):
    """(time, is ours, source, destination, state, diagnostic) of every BFD packet up to a moment."""
    while True:
        now = time.monotonic()
        if now >= until:
            listener.setblocking(False)
        else:
            listener.settimeout(until - now)
        try:
            data, address = listener.recvfrom(2048)
        except (BlockingIOError, TimeoutError):
            return
        if len(data) < 52 or data[9] != 17 or struct.unpack_from(">H", data, 22)[0] != _PORT:
            continue
        yield (time.monotonic(), address[2] == _OUTGOING, socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]),
               data[29] >> 6, data[28] & 31)


def _wait_until_up(listener, remotes, limit):
    missing = set(remotes)
    end = time.monotonic() + limit
    while missing:
        if time.monotonic() > end:
            raise RuntimeError(f"{len(missing)} of {len(remotes)} sessions did not come up")
        states = {}
        for _, is_ours, _, remote, state, _ in _packets(listener, min(end, time.monotonic() + 2.5)):
            if is_ours:
                states[remote] = state
        missing = {remote for remote in missing if states.get(remote) != _UP}


def _downs(listener, until, remotes):
    """{remote: time of the observer's first Down to it}, of those that come up to a moment."""
    found = {}
    for at, is_ours, _, remote, state, diagnostic in _packets(listener, until):
        if is_ours and remote in remotes and state == _DOWN and diagnostic == _EXPIRED:
            found.setdefault(remote, at)
    return found
