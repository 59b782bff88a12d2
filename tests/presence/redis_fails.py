"""What Redis may do: be away, forget everything, refuse, and answer nonsense. Local liveness goes on untouched."""

import os
import re
import socket
import threading
import urllib.request

from stage import free_port, run, wait_for


def fetch(server, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http}{path}", timeout=30) as answer:
        return answer.read().decode()


def redis_that_is_not_there_is_awaited(stage):
    port = free_port()
    server = stage.server("a", "--http", f"127.0.0.1:{port}")
    server.http = port
    client = stage.client("pump-7", server)
    wait_for(lambda: "away, heartbeats go on" in stage.log(server), lambda: stage.log(server))
    wait_for(lambda: len(stage.events(client, "ack")) > 5, "heartbeats stand still")
    assert fetch(server, "/readyz") == "ready, but Redis is away\n", fetch(server, "/readyz")
    assert "\nlubdub_redis_up 0\n" in fetch(server, "/metrics")
    stage.start_redis()
    stage.wait_for_claim("pump-7", "a", "up")
    wait_for(lambda: fetch(server, "/readyz") == "ready\n", lambda: fetch(server, "/readyz"))
    assert "\nlubdub_redis_up 1\n" in fetch(server, "/metrics")
    reasons = re.findall("away, heartbeats go on reason=(.*)", stage.log(server))
    assert len(reasons) == len(set(reasons)), stage.log(server)  # each is told once
    stage.leaves_cleanly(server)


def restarted_and_emptied_redis_is_told_everything_again(stage):
    stage.start_redis()
    server = stage.server("a")
    clients = [stage.client(f"pump-{number}", server) for number in range(20)]
    for number in range(20):
        stage.wait_for_claim(f"pump-{number}", "a", "up")
    stage.redis.kill()
    stage.redis.wait()
    os.unlink(stage.path)
    stage.start_redis()
    for number in range(20):
        stage.wait_for_claim(f"pump-{number}", "a", "up")
    stage.ask("FLUSHALL")
    stage.ask("SCRIPT", "FLUSH")  # NOSCRIPT from now on
    for number in range(20):
        stage.wait_for_claim(f"pump-{number}", "a", "up")
    assert not stage.events(server, "disconnected")
    assert all(not stage.events(client, "down") for client in clients)
    stage.leaves_cleanly(server)


def password_is_asked_for_and_a_wrong_one_is_told(stage):
    stage.start_redis("--requirepass", "se cret")
    wrong = os.path.join(stage.folder, "wrong")
    right = os.path.join(stage.folder, "right")
    with open(wrong, "w", encoding="ascii") as file:
        file.write("guess\n")
    with open(right, "w", encoding="ascii") as file:
        file.write("se cret\n")
    none = stage.server("none")
    wait_for(lambda: "NOAUTH" in stage.log(none), lambda: stage.log(none))
    bad = stage.server("bad", "--redis-password-file", wrong)
    wait_for(lambda: "WRONGPASS" in stage.log(bad) or "invalid password" in stage.log(bad), lambda: stage.log(bad))
    good = stage.server("good", "--redis-password-file", right)
    wait_for(lambda: "joined node=good" in stage.log(good), lambda: stage.log(good))
    assert "se cret" not in stage.log(good)
    stage.redis.kill()
    stage.redis.wait()
    os.unlink(stage.path)
    stage.start_redis("--requirepass", "another")  # the first reason of an absence is not the last
    wait_for(lambda: "WRONGPASS" in stage.log(good) or "invalid password" in stage.log(good), lambda: stage.log(good))
    for server in (none, bad, good):
        stage.leaves_cleanly(server)


def full_redis_refuses_by_name_and_is_written_to_again(stage):
    stage.start_redis("--maxmemory-policy", "noeviction")
    server = stage.server("a")
    first = stage.client("pump-1", server)
    stage.wait_for_claim("pump-1", "a", "up")
    stage.ask("CONFIG", "SET", "maxmemory", "1")
    second = stage.client("pump-2", server)
    wait_for(lambda: "OOM" in stage.log(server), lambda: stage.log(server))
    wait_for(lambda: len(stage.events(second, "ack")) > 5, "heartbeats stand still")
    stage.ask("CONFIG", "SET", "maxmemory", "0")
    stage.wait_for_claim("pump-2", "a", "up")
    assert not stage.events(first, "down") and not stage.events(second, "down")
    stage.leaves_cleanly(server)


def replica_is_not_written_to(stage):
    stage.start_redis()
    stage.ask("REPLICAOF", "127.0.0.1", "1")
    server = stage.server("a")
    wait_for(lambda: "it is no master, but a: slave" in stage.log(server), lambda: stage.log(server))
    stage.ask("REPLICAOF", "NO", "ONE")
    wait_for(lambda: stage.nodes().get("a") == "live", "it did not come back")
    stage.client("pump-7", server)
    stage.wait_for_claim("pump-7", "a", "up")
    stage.ask("REPLICAOF", "127.0.0.1", "1")  # under a connection that is up
    wait_for(lambda: "it is no master any more, but a replica" in stage.log(server), lambda: stage.log(server))
    stage.ask("REPLICAOF", "NO", "ONE")
    wait_for(lambda: stage.log(server).count("joined node=a") == 2, lambda: stage.log(server))
    stage.leaves_cleanly(server)


NONSENSE = [b"", b"\r\n", b"garbage\r\n", b"$-5\r\n", b"*-7\r\n", b"$99999999999999999999\r\n", b"*1000000000\r\n",
            b"+OK\r\n" * 50, b":1\r\n" * 3, b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n$1\r\na\r\n",
            b"*3\r\n$7\r\nmessage\r\n:1\r\n:2\r\n", b"-ERR no\r\n", b"$5\r\nab", bytes(range(256)),
            b"*1\r\n$6\r\nmaster\r\n" + b"$3\r\nabc\r\n" * 20]


def redis_that_answers_nonsense_harms_nobody(stage):
    """A fake one, whose answers are split at every byte."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(stage.path)
    listener.listen()
    served = [0]

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            answer = NONSENSE[served[0] % len(NONSENSE)]
            served[0] += 1
            try:
                connection.recv(65536)
                for byte in answer:
                    connection.sendall(bytes([byte]))
            except OSError:
                pass
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    server = stage.server("a")
    client = stage.client("pump-7", server)
    wait_for(lambda: served[0] >= 6, "it does not come back")
    wait_for(lambda: len(stage.events(client, "ack")) > 10, "heartbeats stand still")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    os.unlink(stage.path)
    stage.start_redis()
    stage.wait_for_claim("pump-7", "a", "up")
    assert not stage.events(client, "down")
    stage.leaves_cleanly(server)


run(redis_that_is_not_there_is_awaited, restarted_and_emptied_redis_is_told_everything_again,
    password_is_asked_for_and_a_wrong_one_is_told, full_redis_refuses_by_name_and_is_written_to_again,
    replica_is_not_written_to, redis_that_answers_nonsense_harms_nobody)
