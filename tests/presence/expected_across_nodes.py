"""--expect with --redis: what is up at another node is not missing here, and what is not known is not missing either."""

import time

from stage import run, wait_for


def await_event(stage, server, event, **fields):
    wait_for(lambda: stage.events(server, event, **fields), lambda: f"{server.name} tells no {event}: " + stage.output(server))


def counts(stage, *servers):
    """How often each has told missing, and found."""
    return [(len(stage.events(server, "missing")), len(stage.events(server, "found"))) for server in servers]


def await_found(stage, *servers):
    """Waits until each has found what it missed, and returns how often each has told that."""
    wait_for(lambda: all(missing == found for missing, found in counts(stage, *servers)), lambda: f"{counts(stage, *servers)}")
    return counts(stage, *servers)


def identity_that_is_up_elsewhere_is_not_missing(stage):
    stage.start_redis()
    expected = stage.write("expected", "pump-7 grace=500ms\n")
    one = stage.server("a", "--expect", expected)
    other = stage.server("b", "--expect", expected)
    client = stage.client("pump-7", other, "-t", "20s", "--expiry", "20s")
    stage.wait_for_claim("pump-7", "b", "up")
    # It may have been missing before it came; from now on it is not.
    time.sleep(1.5)
    before = await_found(stage, one, other)
    time.sleep(2.5)  # for what must not happen
    assert counts(stage, one, other) == before, stage.output(one)
    client.kill()
    for server, (missing, _) in zip((one, other), before):
        wait_for(lambda: len(stage.events(server, "missing", id="pump-7")) == missing + 1, lambda: stage.output(server))
    stage.client("pump-7", one)
    for server, (_, found) in zip((one, other), before):
        wait_for(lambda: len(stage.events(server, "found", id="pump-7", up=1)) == found + 1, lambda: stage.output(server))
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def nobody_is_missing_while_redis_is_away(stage):
    expected = stage.write("expected", "pump-7 grace=200ms\nvalve-* 2 grace=200ms\n")
    server = stage.server("a", "--expect", expected)
    wait_for(lambda: "away, heartbeats go on" in stage.log(server), lambda: stage.log(server))
    time.sleep(2)  # for what must not happen
    assert not stage.events(server, "missing"), stage.output(server)
    stage.start_redis()
    await_event(stage, server, "missing", id="pump-7")
    await_event(stage, server, "missing", id="valve-*", up=0, expected=2)
    stage.leaves_cleanly(server)


def pattern_counts_at_all_nodes(stage):
    stage.start_redis()
    expected = stage.write("expected", "pump-* 2 grace=500ms\n")
    one = stage.server("a", "--expect", expected)
    other = stage.server("b", "--expect", expected)
    stage.client("pump-1", one)
    second = stage.client("pump-2", other)
    stage.wait_for_claim("pump-1", "a", "up")
    stage.wait_for_claim("pump-2", "b", "up")
    time.sleep(2)
    before = await_found(stage, one, other)
    second.kill()
    for server, (missing, _) in zip((one, other), before):
        wait_for(lambda: len(stage.events(server, "missing", id="pump-*", up=1)) == missing + 1,
                 lambda: stage.output(server))
    stage.client("pump-3", other)
    for server, (_, found) in zip((one, other), before):
        wait_for(lambda: len(stage.events(server, "found", id="pump-*", up=2)) == found + 1,
                 lambda: stage.output(server))
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def what_a_dead_node_held_is_missing_only_after_its_grace(stage):
    stage.start_redis()
    expected = stage.write("expected", "pump-7 grace=0\nfan-* grace=0\n")
    one = stage.server("a", "--expect", expected, "--grace", "4s")
    other = stage.server("b", "--expect", expected, "--grace", "4s")
    stage.client("pump-7", other, "-r")
    stage.client("fan-1", other, "-r")
    for identity in ("pump-7", "fan-1"):
        stage.wait_for_claim(identity, "b", "up")
    time.sleep(1.5)
    before = await_found(stage, one)
    other.kill()
    killed_at = time.monotonic()
    for name in ("pump-7", "fan-*"):
        wait_for(lambda: len(stage.events(one, "missing", id=name)) > len(stage.events(one, "found", id=name)),
                 lambda: stage.output(one))
        assert time.monotonic() - killed_at > 4, (before, stage.output(one))
    stage.leaves_cleanly(one)


def node_without_the_list_leaves_patterns_unknown(stage):
    stage.start_redis()
    one = stage.server("a", "--expect", stage.write("expected", "pump-* 2 grace=0\nfan-7 grace=0\n"))
    other = stage.server("b")
    wait_for(lambda: "node b does not tell" in stage.log(one), lambda: stage.log(one))
    assert "does not tell" not in stage.log(other), stage.log(other)
    stage.client("fan-8", one)
    await_event(stage, one, "connected", id="fan-8")  # what was told before that line stands before this event
    missing = len(stage.events(one, "missing", id="pump-*"))  # told before b was there, if at all
    await_event(stage, one, "missing", id="fan-7")  # an identity is known all the same
    assert len(stage.events(one, "missing", id="pump-*")) == missing, stage.output(one)
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


run(identity_that_is_up_elsewhere_is_not_missing, nobody_is_missing_while_redis_is_away, pattern_counts_at_all_nodes,
    what_a_dead_node_held_is_missing_only_after_its_grace, node_without_the_list_leaves_patterns_unknown)
