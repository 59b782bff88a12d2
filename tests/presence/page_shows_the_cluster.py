"""The cluster on the page, in a browser. With LUBDUB_SCREENSHOTS=FOLDER it leaves pictures there."""

import os
import pathlib
import signal
import sys

from stage import free_port, needed, run, wait_for

needed.need("chromium", "chromedriver")
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "http"))

from browser import Browser  # noqa: E402

MARKUP = "<b>pump</b>"


def serve(stage, node):
    port = free_port()
    server = stage.server(node, "--http", f"127.0.0.1:{port}", "--grace", "60s")
    server.http = port
    return server


def nodes_are_shown_as_they_are(stage):
    stage.start_redis()
    one = serve(stage, "a")
    other = serve(stage, "b")
    stage.client(MARKUP, other, "-t", "60s", "--expiry", "60s")
    browser = Browser()
    try:
        def shows(*words):
            browser.wait("[" + ",".join(f"{word!r}" for word in words) + "].every((word) => "
                         "document.getElementById('cluster').innerText.includes(word))",
                         lambda: f"{words} in {browser.text('#cluster')!r}")

        browser.open(f"http://127.0.0.1:{one.http}/")
        shows("Redis is up", "live a (this one), 0 sessions", "live b, 1 session")
        picture(browser, "cluster")
        other.send_signal(signal.SIGSTOP)
        shows("dead b, had 1 session")
        other.send_signal(signal.SIGCONT)
        shows("live b, 1 session")
        stage.redis.send_signal(signal.SIGSTOP)
        shows("Redis is away", "unknown b", "What other nodes hold is unknown", "live a (this one)")
        picture(browser, "cluster-away")
        stage.redis.send_signal(signal.SIGCONT)
        shows("Redis is up", "live b, 1 session")
        assert browser.run("return document.querySelectorAll('main b').length") == 0
    finally:
        browser.close()
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def picture(browser, name):
    if os.environ.get("LUBDUB_SCREENSHOTS"):
        browser.screenshot(f"{os.environ['LUBDUB_SCREENSHOTS']}/{name}.png")


def server_that_is_alone_shows_no_cluster(stage):
    port = free_port()
    stage.start("alone", os.environ["LUBDUB_SERVER"], "--listen", f"127.0.0.1:{free_port()}", "--http",
                f"127.0.0.1:{port}")
    browser = Browser()
    try:
        def is_live():
            browser.open(f"http://127.0.0.1:{port}/")
            return browser.run("return document.getElementById('live') !== null")

        wait_for(is_live, "there is no page")
        browser.wait("document.getElementById('quality').childElementCount > 0")
        assert browser.run("return document.getElementById('cluster').hidden")
    finally:
        browser.close()


run(nodes_are_shown_as_they_are, server_that_is_alone_shows_no_cluster)
