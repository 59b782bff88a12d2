"""Who holds an identity: one node at a time, the one with the newest connection."""

import json
import time

from certificates import Authority
from stage import free_port, run, wait_for

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
    client = stage.client("pump-7", server, "-t", "60s", "--expiry", "60s")
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
        wait_for(lambda: stage.events(old, "disconnected", id="pump-7", cause="replaced"), lambda: stage.output(old))
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
    wait_for(lambda: stage.events(other, "disconnected", id="pump-7", cause="replaced"), lambda: stage.output(other))
    time.sleep(0.5)  # for what must not happen
    assert stage.claim("pump-7") == ("a", "up")
    assert not stage.events(holder, "down")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


SECRET = "a secret of all the nodes"


def proof_of(stage, identity):
    return stage.ask("GET", f"lubdub:id:{identity}").decode().split(" ")[4]


def is_refused(stage, client, server, identity):
    """It may come in at its own node for a moment; the claim's answer ends it with BYE 6."""
    wait_for(lambda: stage.events(client, "down", cause="rejected"), lambda: stage.output(client))
    assert stage.events(client, "down")[-1]["reason"] == 6, stage.output(client)
    end = wait_for(lambda: stage.events(server, "disconnected", id=identity), lambda: stage.output(server))[-1]
    assert end["reason"] == 6 and "at a" in end["text"], end


def other_token_takes_no_identity_of_a_live_node(stage):
    stage.start_redis()
    tokens = stage.write("tokens", "red-token pump-*\nblue-token pump-*\n")
    secret = stage.write("secret", SECRET)
    one = stage.server("a", "--token-file", tokens, "--redis-secret-file", secret)
    other = stage.server("b", "--token-file", tokens, "--redis-secret-file", secret)
    red = stage.write("red", "red-token")
    blue = stage.write("blue", "blue-token")
    holder = stage.client("pump-7", one, "--token-file", red)
    stage.wait_for_claim("pump-7", "a", "up")
    proof = proof_of(stage, "pump-7")
    assert len(proof) == 16 and int(proof, 16) != 0, proof
    is_refused(stage, stage.client("pump-7", other, "--token-file", blue), other, "pump-7")
    assert stage.claim("pump-7") == ("a", "up") and not stage.events(holder, "down")
    mover = stage.client("pump-7", other, "--token-file", red)  # the same token has the same proof there
    wait_for(lambda: stage.events(holder, "down", cause="replaced"), "the old session goes on")
    stage.wait_for_claim("pump-7", "b", "up")
    assert proof_of(stage, "pump-7") == proof and not stage.events(mover, "down")
    other.kill()  # a holder that is not live keeps nobody out
    wait_for(lambda: stage.nodes()["b"] == "dead", lambda: f"it is {stage.nodes()}")
    stage.client("pump-7", one, "--token-file", blue)
    stage.wait_for_claim("pump-7", "a", "up")
    assert proof_of(stage, "pump-7") != proof
    stage.leaves_cleanly(one)


def other_certificate_takes_no_identity_of_a_live_node(stage):
    stage.start_redis()
    authority = Authority(stage.folder)
    certificate, key = authority.issue("server", "IP:127.0.0.1")
    files = ("--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", authority.certificate, "--require-cert")
    servers = []
    for node in ("a", "b"):
        port = free_port()
        servers.append(stage.server(node, "--tls-listen", f"127.0.0.1:{port}", *files))
        servers[-1].port = port
    one, other = servers

    def client(server, certificate_and_key):
        return stage.client("pump-7", server, "--tls", "--tls-ca", authority.certificate, "--tls-cert",
                            certificate_and_key[0], "--tls-key", certificate_and_key[1])

    holder = client(one, authority.issue("first", "DNS:pump-7"))
    stage.wait_for_claim("pump-7", "a", "up")
    proof = proof_of(stage, "pump-7")
    assert len(proof) == 16, proof
    is_refused(stage, client(other, authority.issue("other", "DNS:pump-*")), other, "pump-7")
    assert stage.claim("pump-7") == ("a", "up") and not stage.events(holder, "down")
    client(other, authority.issue("renewed", "DNS:pump-7"))  # another key, the same names
    stage.wait_for_claim("pump-7", "b", "up")
    assert proof_of(stage, "pump-7") == proof
    wait_for(lambda: stage.events(holder, "down", cause="replaced"), "the old session goes on")
    for server in servers:
        stage.leaves_cleanly(server)


def proof_cannot_be_tested_without_the_secret(stage):
    """The same token is another number under another secret, and under none."""
    stage.start_redis()
    tokens = stage.write("tokens", "red-token")
    found = set()
    for node, options in (("a", ()), ("b", ("--redis-secret-file", stage.write("one", SECRET))),
                          ("c", ("--redis-secret-file", stage.write("two", SECRET + "!")))):
        server = stage.server(node, "--token-file", tokens, *options)
        stage.client(f"pump-{node}", server, "--token-file", tokens)
        stage.wait_for_claim(f"pump-{node}", node, "up")
        found.add(proof_of(stage, f"pump-{node}"))
    assert len(found) == 3, found


run(session_is_claimed_and_released, identity_may_be_any_text, late_session_is_late_in_redis,
    session_that_moved_ends_at_its_old_node, older_incarnation_takes_nothing,
    other_token_takes_no_identity_of_a_live_node, other_certificate_takes_no_identity_of_a_live_node,
    proof_cannot_be_tested_without_the_secret)
