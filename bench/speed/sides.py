"""The four sides that are measured in the same run, and how each is started.

ours       gathers wake-ups by itself       yardstick  the least that a server with libev can do
off        is told not to                   gathers    the same with libev's own way to gather, for a millisecond
"""

from harness import PORT

SIDES = {"ours": "auto", "off": "off", "yardstick": None, "gathers": "1"}

YARDSTICK_EXPIRY = 1000  # seconds: it never expires anybody here


def is_yardstick(side):
    return side in ("yardstick", "gathers")


def in_turn(number):
    """The sides in an order that changes with each run."""
    names = list(SIDES)
    number %= len(names)
    return names[number:] + names[:number]


def server_command(programs, interval_ms=1000, workers=1, port=PORT, gather="auto"):
    """An expiry so long that the closed loop's bursts are within what a session may send."""
    return [programs.server, "--listen", f"127.0.0.1:{port}", "--workers", workers, "--events", "none",
            "--max-per-address", 0, "--max-opening", 0, "--log-level", "error", "--interval", f"{interval_ms}ms",
            "--expiry", "10000s", "--gather", gather]


def command_of(side, programs, interval_ms=1000, workers=1, port=PORT):
    if is_yardstick(side):
        return [programs.yardstick, port, YARDSTICK_EXPIRY] + ([SIDES[side]] if SIDES[side] else [])
    return server_command(programs, interval_ms, workers, port, SIDES[side])
