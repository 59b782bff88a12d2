"""Processes in a namespace, and what they cost."""

import os
import pathlib
import signal
import subprocess

_started = []


def start(command, namespace, output=subprocess.DEVNULL):
    """A program; what it says on its output and error output goes to `output`. Returns its process number."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                               preexec_fn=namespace.enter)
    _started.append(process.pid)
    return process.pid


def branch(function, namespace, *arguments):
    """A copy of ourselves that does nothing but call the function. Returns its process number."""
    number = os.fork()
    if number:
        _started.append(number)
        return number
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        namespace.enter()
        function(*arguments)
        status = 0
    finally:
        os._exit(status)


def runs(number):
    """Not when it has ended, waited for or not."""
    try:
        text = pathlib.Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


def end(numbers=None):
    """Kills and buries these, or all that were started here."""
    for number in list(_started if numbers is None else numbers):
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            os.waitpid(number, 0)
        except ChildProcessError:
            pass
        _started.remove(number)


def processor_time(number):
    """Nanoseconds that all its threads ran so far."""
    total = 0
    for path in pathlib.Path(f"/proc/{number}/task").glob("*/schedstat"):
        total += int(path.read_text(encoding="ascii").split()[0])
    return total


def memory(number):
    """Bytes resident, counted page by page (the figure in status lags behind)."""
    for line in pathlib.Path(f"/proc/{number}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise LookupError("no Rss")
