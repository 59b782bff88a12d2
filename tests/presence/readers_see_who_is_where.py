"""lubdub-presence over Redis: what it says of one, of all, and of what nobody knows."""

import json
import os
import subprocess
import time

from stage import run, wait_for


def ask(stage, *words, url=None):
    """(exit status, standard output, standard error)"""
    done = subprocess.run([os.environ["LUBDUB_PRESENCE"], "--redis", url or f"unix:{stage.path}", *words], timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def entries(stage, *words):
    status, out, errors = ask(stage, "--json", *words)
    assert status in (0, 1), errors
    return {entry["id"]: entry for entry in map(json.loads, out.splitlines())}


def one_is_up_late_gone_or_not_known(stage):
    stage.start_redis()
    server = stage.server("a")
    client = stage.client("pump 7", server, "--label", "site=a,b%")
    stage.wait_for_claim("pump 7", "a", "up")
    status, out, _ = ask(stage, "get", "pump 7")
    assert status == 0 and "up since " in out and "passing" in out and "site=a,b%" in out, out
    entry = entries(stage, "get", "pump 7")["pump 7"]
    assert entry["state"] == "up" and entry["node"] == "a" and entry["labels"] == {"site": "a,b%"}, entry
    client.terminate()
    stage.wait_for_claim("pump 7", "a", "gone")
    assert ask(stage, "get", "pump 7")[0] == 1
    assert entries(stage, "get", "pump 7")["pump 7"]["state"] == "gone"
    status, out, errors = ask(stage, "get", "nobody")
    assert status == 1 and out == "" and "nothing is known" in errors, (status, out, errors)
    stage.leaves_cleanly(server)


def list_is_filtered(stage):
    stage.start_redis()
    server = stage.server("a")
    stage.client("pump-1", server, "--label", "site=north")
    stage.client("pump-2", server, "--label", "site=south")
    left = stage.client("fan-1", server)
    for name in ("pump-1", "pump-2", "fan-1"):
        stage.wait_for_claim(name, "a", "up")
    left.terminate()
    stage.wait_for_claim("fan-1", "a", "gone")
    assert sorted(entries(stage, "list")) == ["fan-1", "pump-1", "pump-2"]
    assert sorted(entries(stage, "list", "--id", "pump")) == ["pump-1", "pump-2"]
    assert sorted(entries(stage, "list", "--state", "up,late")) == ["pump-1", "pump-2"]
    assert sorted(entries(stage, "list", "--label", "site=south")) == ["pump-2"]
    assert sorted(entries(stage, "list", "--label", "site")) == ["pump-1", "pump-2"]
    status, out, _ = ask(stage, "missing")
    assert status == 1 and out.startswith("fan-1 gone"), out
    stage.leaves_cleanly(server)


def what_a_dead_node_held_is_unknown_and_not_absent(stage):
    stage.start_redis()
    server = stage.server("a", "--grace", "60s")
    stage.client("pump-7", server, "-r")
    stage.wait_for_claim("pump-7", "a", "up")
    server.kill()
    wait_for(lambda: entries(stage, "get", "pump-7")["pump-7"]["state"] == "unknown", "it is not unknown")
    assert ask(stage, "get", "pump-7")[0] == 1


def watch_shows_what_changes(stage):
    stage.start_redis()
    server = stage.server("a")
    other = stage.client("pump-1", server)
    stage.wait_for_claim("pump-1", "a", "up")
    watch = stage.start("watch", os.environ["LUBDUB_PRESENCE"], "--redis", f"unix:{stage.path}", "--json", "watch")
    # The first look shows nothing; an identity that comes afterwards is shown.
    clients = []

    def shown():
        return {(event["id"], event["state"]) for event in map(json.loads, stage.output(watch).splitlines())}

    def newcomer_is_shown():
        if not clients or time.monotonic() > clients[-1][2] + 2:
            name = f"fan-{len(clients)}"
            clients.append((name, stage.client(name, server), time.monotonic()))
        return any((name, "up") in shown() for name, _, _ in clients)

    wait_for(newcomer_is_shown, lambda: stage.output(watch))
    name, client = next((name, client) for name, client, _ in clients if (name, "up") in shown())
    client.terminate()
    wait_for(lambda: (name, "gone") in shown(), lambda: stage.output(watch))
    assert watch.poll() is None
    other.terminate()
    wait_for(lambda: ("pump-1", "gone") in shown(), lambda: stage.output(watch))


def redis_that_cannot_be_asked_is_told(stage):
    status, out, errors = ask(stage, "list")
    assert status == 3 and out == "" and "No such file" in errors, (status, errors)
    assert ask(stage, "list", url="redis://127.0.0.1:1")[0] == 3
    assert ask(stage, "list", url="http://127.0.0.1")[0] == 2
    stage.start_redis("--requirepass", "secret")
    status, _, errors = ask(stage, "get", "pump-7")
    assert status == 3 and "NOAUTH" in errors, errors
    password = os.path.join(stage.folder, "password")
    with open(password, "w", encoding="ascii") as file:
        file.write("secret\n")
    assert ask(stage, "--token-file", password, "get", "pump-7")[0] == 1


run(one_is_up_late_gone_or_not_known, list_is_filtered, what_a_dead_node_held_is_unknown_and_not_absent,
    watch_shows_what_changes, redis_that_cannot_be_asked_is_told)
