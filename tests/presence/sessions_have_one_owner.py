"""Who holds an identity: one node at a time, the one with the newest connection."""

import json
import time

from stage import run, wait_for

NASTY = "pump {7} *?[a-z] \\ \"%20\" - ü"


def session_is_claimed_and_released(stage):
    stage.start_redis()
    server = stage.server("a", "--grace", "2s")
    client = stage.client("pump-7", server, "--label", "site=north west")
    stage.wait_for_claim("pump-7", "a", "up")
    fields = stage.ask("GET", "lubdub:id:pump-7").decode().split(" ")
    assert len(fields[3]) == 20 and fields[3].isdigit(), fields
    assert fields[7] == "passing" and fields[8].startswith("127.0.0.1:") and fields[9] == "site=north%20west", fields
    client.terminate()
    stage.wait_for_claim("pump-7", "a", "away")
    stage.wait_for_claim("pump-7", "a", "gone")
    stage.leaves_cleanly(server)
    assert stage.nodes() == {"a": "left"}, stage.nodes()
    told = [json.loads(fields[1]) for _, fields in stage.ask("XRANGE", "lubdub:events", "-", "+")]
    assert [event["cause"] for event in told if event["event"] == "disconnected" and event["id"] == "pump-7"] == ["bye"]
    assert all(event["node"] == "a" for event in told), told


def identity_may_be_any_text(stage):
    stage.start_redis()
    server = stage.server("a")
    stage.client(NASTY, server)
    stage.wait_for_claim(NASTY, "a", "up")
    stage.leaves_cleanly(server)


def late_session_is_late_in_redis(stage):
    stage.start_redis()
    server = stage.server("a")
    client = stage.client("pump-7", server)
    stage.wait_for_claim("pump-7", "a", "up")
    client.send_signal(19)  # SIGSTOP
    stage.wait_for_claim("pump-7", "a", "late")
    client.send_signal(18)
    stage.wait_for_claim("pump-7", "a", "up")
    stage.leaves_cleanly(server)


def session_that_moved_ends_at_its_old_node(stage):
    stage.start_redis()
    one = stage.server("a")
    other = stage.server("b")
    for round_number in range(3):
        old, new = (one, other) if round_number % 2 == 0 else (other, one)
        first = stage.client("pump-7", old)
        stage.wait_for_claim("pump-7", old.name, "up")
        second = stage.client("pump-7", new)
        stage.wait_for_claim("pump-7", new.name, "up")
        wait_for(lambda: stage.events(first, "down", cause="replaced"), "the old session goes on")
        assert stage.events(old, "disconnected", id="pump-7")[-1]["cause"] == "replaced"
        assert not stage.events(second, "down")
        assert stage.claim("pump-7") == (new.name, "up")
        second.terminate()
        stage.wait_for_claim("pump-7", new.name, "gone")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def older_incarnation_takes_nothing(stage):
    stage.start_redis()
    one = stage.server("a")
    other = stage.server("b")
    holder = stage.client("pump-7", one, "--incarnation", "18446744073709551615")
    stage.wait_for_claim("pump-7", "a", "up")
    intruder = stage.client("pump-7", other, "--incarnation", "18446744073709551614")
    wait_for(lambda: stage.events(intruder, "down", cause="replaced"), "the older one stays")
    assert stage.events(other, "disconnected", id="pump-7")[-1]["cause"] == "replaced"
    time.sleep(0.5)  # for what must not happen
    assert stage.claim("pump-7") == ("a", "up")
    assert not stage.events(holder, "down")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


run(session_is_claimed_and_released, identity_may_be_any_text, late_session_is_late_in_redis,
    session_that_moved_ends_at_its_old_node, older_incarnation_takes_nothing)
