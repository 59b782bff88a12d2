"""Where a process runs, and how far ahead of others: without real-time priority.

A server with real-time priority that is busy for a second has its processor taken away for 50 ms (sched_rt_runtime_us), and
two such loops hand it to each other only every 100 ms: that is no turn of the server's.
"""

import os
import pathlib


class Place:
    """Where a process runs, and how far ahead of others. Stands for a namespace: all is in the one that we are in."""

    def __init__(self, cores=None, niceness=0):
        self._cores, self._niceness = cores, niceness

    def enter(self):
        try:
            if self._cores:
                os.sched_setaffinity(0, self._cores)
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            os.setpriority(os.PRIO_PROCESS, 0, self._niceness)
            # The kernel compares sessions first (autogroups), and niceness within one only.
            os.setsid()
            pathlib.Path("/proc/self/autogroup").write_text(str(self._niceness), encoding="ascii")
        except OSError:
            pass
