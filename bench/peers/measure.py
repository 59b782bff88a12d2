"""One contender, in the fresh namespaces that bench/peers/run starts this in; its result as JSON on standard output.

    measure.py NAME SPEED PROGRAMS SIZE CLIENTS SECONDS
"""

import json
import pathlib
import resource
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

import contenders  # noqa: E402
import processes   # noqa: E402
from arena import Arena  # noqa: E402


def measure(contender, size, clients, seconds, folder):
    result = {"lost_quiet": 0}
    arena = Arena()
    if contender.side == "bfd":
        import bfd
        return bfd.measure(arena, contender, size, seconds, folder)
    if contender.side == "client":
        import client_side
        result["faults"], result["lost_quiet"] = client_side.client_side(arena, contender, size)
        return result
    import cost
    import detection
    result["faults"], lost = detection.server_side(arena, contender, size, folder)
    result.update(cost.cost(arena, contender, clients, seconds, folder))
    result["lost_quiet"] += lost
    return result


def main():
    name, speed, programs, size, clients, seconds = sys.argv[1:]
    # Files of the contenders live in memory, in a mount namespace of ours: nothing is left of them either.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    contender = next(one for one in contenders.programs(programs) if (one.name, one.speed) == (name, speed))
    try:
        result = measure(contender, int(size), int(clients), float(seconds), pathlib.Path("/mnt"))
    except (OSError, RuntimeError, LookupError, subprocess.SubprocessError) as error:
        result = {"error": str(error)}
    finally:
        processes.end()
    print(json.dumps(result))


main()
