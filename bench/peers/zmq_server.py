"""A libzmq ROUTER with heartbeats: zmq_server.py PORT INTERVAL TIMEOUT (milliseconds)."""

import resource
import sys

import zmq


def main():
    port, interval, timeout = (int(word) for word in sys.argv[1:])
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 60000)
    router = context.socket(zmq.ROUTER)
    router.setsockopt(zmq.HEARTBEAT_IVL, interval)
    router.setsockopt(zmq.HEARTBEAT_TIMEOUT, timeout)
    router.setsockopt(zmq.BACKLOG, 1024)
    router.bind(f"tcp://10.77.0.1:{port}")
    while True:
        router.recv_multipart()


main()
