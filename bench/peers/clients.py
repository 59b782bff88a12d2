"""Clients in processes of their own, one each, to be frozen, cut off and killed."""

import random
import select
import socket
import time


def converse(wire, identity, source, server, interval):
    """Keeps one connection alive until the server ends it."""
    time.sleep(random.uniform(0, 1))
    connection = socket.create_connection(server, timeout=10, source_address=(source, 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opening = wire.opening(identity)
    if opening:
        connection.sendall(opening)
    time.sleep(random.uniform(0, interval))  # a phase of its own

    due = time.monotonic()
    while True:
        wait = max(0.0, due - time.monotonic())
        if select.select([connection], [], [], wait)[0]:
            data = connection.recv(65536)
            if not data:
                return
            _, answer = wire.take(data)
            if answer:
                connection.sendall(answer)
        if time.monotonic() >= due:
            probe = wire.probe()
            if probe:
                connection.sendall(probe)
            due += interval


def dealer(source, server):
    """A libzmq client; its own input and output thread answers the server's PINGs."""
    import zmq  # of python3-zmq, which only this needs

    time.sleep(random.uniform(0, 2))
    connection = zmq.Context().socket(zmq.DEALER)
    connection.connect(f"tcp://{source}:0;{server[0]}:{server[1]}")
    while True:
        connection.recv()
