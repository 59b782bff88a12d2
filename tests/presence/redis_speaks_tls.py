"""rediss://: a Redis that asks for certificates, and what is wrong with them said in words."""

import os
import subprocess

from certificates import Authority
from stage import free_port, run, wait_for

MANY = 200


def prepare(stage):
    """(URL, options of a node with a good certificate)"""
    stage.authority = Authority(stage.folder)
    port = stage.start_redis_with_tls(stage.authority, *stage.authority.issue("redis", "DNS:localhost", "IP:127.0.0.1"))
    certificate, key = stage.authority.issue("node", "DNS:node")
    return f"rediss://127.0.0.1:{port}", ("--redis-ca", stage.authority.certificate, "--redis-cert", certificate,
                                          "--redis-key", key)


def ask(url, *words):
    done = subprocess.run([os.environ["LUBDUB_PRESENCE"], "--redis", url, *words], timeout=60, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def claims_go_over_tls_and_are_read_over_tls(stage):
    url, files = prepare(stage)
    server = stage.server("a", *files, url=url)
    stage.client("pump-7", server)
    stage.wait_for_claim("pump-7", "a", "up")
    status, out, errors = ask(url, *files, "get", "pump-7")
    assert status == 0 and "up since" in out, (status, out, errors)
    # More than one record of TLS, and more than one buffer of ours, in each direction.
    for number in range(MANY):
        stage.ask("SET", f"lubdub:id:fan-{number}", f"b 0 1 {number:020} - gone 1 passing - " + "x=" + "y" * 500)
    status, out, errors = ask(url, *files, "list", "--id", "fan-")
    assert status == 0 and len(out.splitlines()) == MANY, (status, len(out.splitlines()), errors)
    stage.leaves_cleanly(server)
    assert stage.nodes() == {"a": "left"}, stage.nodes()


def name_in_the_url_is_checked(stage):
    stage.authority = Authority(stage.folder)
    port = stage.start_redis_with_tls(stage.authority, *stage.authority.issue("redis", "DNS:elsewhere.example"),
                                      "--tls-auth-clients", "no")
    url = f"rediss://127.0.0.1:{port}"
    files = ("--redis-ca", stage.authority.certificate)
    server = stage.server("a", *files, url=url)
    wait_for(lambda: "the server's certificate is for another" in stage.log(server), lambda: stage.log(server))
    status, _, errors = ask(url, *files, "list")
    assert status == 3 and "certificate" in errors, (status, errors)
    assert stage.nodes() == {}, stage.nodes()
    stage.leaves_cleanly(server)


def redis_without_tls_or_without_our_certificate_is_told(stage):
    url, files = prepare(stage)
    bare = stage.server("bare", *files[:2], url=url)  # Redis wants a certificate
    wait_for(lambda: "redis: away" in stage.log(bare) and "certificate" in stage.log(bare), lambda: stage.log(bare))
    client = stage.client("pump-7", bare)
    wait_for(lambda: len(stage.events(client, "ack")) > 3, "heartbeats stand still")
    port = free_port()
    stage.start("plain", stage.program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", stage.folder)
    mistaken = stage.server("mistaken", *files, url=f"rediss://127.0.0.1:{port}")
    wait_for(lambda: "does it speak TLS on this port?" in stage.log(mistaken), lambda: stage.log(mistaken))
    stage.leaves_cleanly(bare)
    stage.leaves_cleanly(mistaken)


def sentinel_is_asked_over_tls(stage):
    url, files = prepare(stage)
    certificate, key = stage.authority.issue("sentinel", "IP:127.0.0.1")
    at = free_port()
    rules = stage.write("sentinel.conf", f"""
port 0
tls-port {at}
bind 127.0.0.1
tls-replication yes
tls-ca-cert-file {stage.authority.certificate}
tls-cert-file {certificate}
tls-key-file {key}
dir {stage.folder}
requirepass of-sentinel
sentinel monitor mymaster 127.0.0.1 {url.rsplit(":", 1)[1]} 1
""")
    stage.start("sentinel", stage.program, rules, "--sentinel")
    url = f"rediss-sentinel://127.0.0.1:{at}/mymaster"
    files += ("--redis-sentinel-password-file", stage.write("password", "of-sentinel"))
    server = stage.server("a", *files, url=url)
    stage.client("pump-7", server)
    stage.wait_for_claim("pump-7", "a", "up")
    status, out, errors = ask(url, *files, "get", "pump-7")
    assert status == 0 and "up since" in out, (status, out, errors)
    stage.leaves_cleanly(server)


def restarted_redis_is_connected_to_again(stage):
    url, files = prepare(stage)
    server = stage.server("a", *files, url=url)
    stage.client("pump-7", server)
    stage.wait_for_claim("pump-7", "a", "up")
    stage.redis.kill()
    stage.redis.wait()
    os.unlink(stage.path)
    stage.start("redis-again", *stage.redis.args)
    wait_for(lambda: os.path.exists(stage.path) and stage.ping(), "Redis does not come back")
    stage.wait_for_claim("pump-7", "a", "up")
    assert not stage.events(server, "disconnected")
    stage.leaves_cleanly(server)


def files_that_cannot_be_used_are_told_at_the_start(stage):
    missing = os.path.join(stage.folder, "missing.crt")
    common = [os.environ["LUBDUB_SERVER"], "--listen", f"127.0.0.1:{free_port()}", "--node", "a"]
    for options, status, words in (
            (("--redis", "rediss://localhost", "--redis-ca", missing), 3, "missing.crt"),
            (("--redis", "redis://localhost", "--redis-ca", missing), 2, "rediss://"),
            (("--redis", "rediss://localhost", "--redis-cert", missing), 2, "--redis-key"),
            (("--redis", "sentinel://localhost/m", "--redis-ca", missing), 2, "rediss-sentinel://"),
            (("--redis", "redis://localhost", "--redis-sentinel-password-file", missing), 2, "sentinel://"),
            (("--redis", "sentinel://localhost/m", "--redis-sentinel-user", "ops"), 2, "--redis-sentinel-password-file"),
            (("--redis", "redis://ops@localhost"), 2, "no password"),
            (("--redis-key", missing), 2, "--redis-key: there is no --redis")):
        done = subprocess.run([*common, *options], timeout=60, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        assert done.returncode == status and words in done.stderr, (options, done)


run(claims_go_over_tls_and_are_read_over_tls, name_in_the_url_is_checked,
    redis_without_tls_or_without_our_certificate_is_told, sentinel_is_asked_over_tls, restarted_redis_is_connected_to_again,
    files_that_cannot_be_used_are_told_at_the_start)
