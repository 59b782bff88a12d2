"""A server that leaves the detecting to its kernel: it takes connections, reads them, and closes what the kernel ends.

    kernel_server.py PORT keepalive IDLE INTERVAL COUNT     (seconds)
    kernel_server.py PORT user-timeout TIMEOUT EVERY        (milliseconds; 16 bytes to everybody every EVERY)
"""

import heapq
import resource
import select
import socket
import sys
import time


def main():
    port, mode, *numbers = sys.argv[1:]
    numbers = [int(number) for number in numbers]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    listener = socket.create_server(("10.77.0.1", int(port)), backlog=1024)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections, due = {}, []
    every = numbers[1] / 1000 if mode == "user-timeout" else None

    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else None
        for number, _ in poll.poll(wait):
            if number == listener.fileno():
                connection, _ = listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
                if mode == "keepalive":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, numbers[0])
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, numbers[1])
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, numbers[2])
                else:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, numbers[0])
                    heapq.heappush(due, (time.monotonic() + every, connection.fileno(), id(connection)))
                continue
            try:
                is_over = not connections[number].recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                is_over = True
            if is_over:
                connections.pop(number).close()
        now = time.monotonic()
        while due and due[0][0] <= now:
            at, number, mark = heapq.heappop(due)
            connection = connections.get(number)
            if connection is None or id(connection) != mark:
                continue
            try:
                connection.send(bytes(16))
            except OSError:
                pass  # a full buffer is no end; an error is read above
            heapq.heappush(due, (max(at + every, now), number, mark))


main()
