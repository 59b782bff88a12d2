"""What a quiet crowd costs its server, and whom the server loses when it is the one who was stopped."""

import os
import signal
import statistics
import time

import contenders
import detection
import processes
from crowd import Crowd

_BEATS_A_SECOND = 2000   # that the crowd's one process makes without being late itself
_FIRST = 100             # clients that are there before memory is counted, so that no fixed cost is


def cost(arena, contender, clients, seconds, folder):
    """`clients` at most, three windows of so many `seconds`."""
    clients = max(1, min(clients, round(_BEATS_A_SECOND * contender.interval)))
    counts_memory = contender.has_session_memory and clients >= 4 * _FIRST
    cable = arena.cable(1)
    server = contender.server(arena.namespace, folder)
    detection.wait_for_server(arena.namespace)
    crowd = Crowd(cable, contenders.SERVER, contender.wire, contender.interval)
    settle = max(0.5, 1.5 * contender.interval)

    before = 0
    if counts_memory:
        crowd.grow(_FIRST, 30)
        time.sleep(settle)
        before = processes.memory(server)
    crowd.grow(clients, 60)
    time.sleep(2 * settle)

    processor, packets, rates = [], [], []
    for _ in range(3):
        start = time.monotonic(), processes.processor_time(server), crowd.beats, arena.packets(cable)
        time.sleep(max(seconds, 2 * contender.interval))
        passed = time.monotonic() - start[0]
        ran = processes.processor_time(server) - start[1]
        beats = crowd.beats - start[2] or passed * clients / contender.interval  # the kernel's own cannot be counted
        processor.append(ran / beats / 1000)
        packets.append((arena.packets(cable) - start[3]) / passed / clients)
        rates.append(beats / passed)
    memory = (processes.memory(server) - before) / (clients - _FIRST) if counts_memory else None

    lost_before = crowd.lost
    os.kill(server, signal.SIGSTOP)
    time.sleep(3 * contender.bound)
    os.kill(server, signal.SIGCONT)
    time.sleep(max(contender.patience - contender.bound, 1.5))
    lost = crowd.lost - lost_before
    if not processes.runs(server):
        raise RuntimeError("the server ended")
    processes.end()
    return {"clients": clients, "beats_per_second": statistics.median(rates),
            "processor_us_per_beat": statistics.median(processor),
            "packets_per_second_per_client": statistics.median(packets), "memory_bytes_per_session": memory,
            "lost_quiet": lost_before, "stall_s": 3 * contender.bound, "lost_after_stall": lost}
