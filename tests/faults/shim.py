"""Orders to shim.so in a program of ours, given while it runs."""

import mmap
import os
import struct

from field import CannotBeInjected

# The layout of struct orders in shim.c.
SIZE = 64
FIELDS = {"realtime": (0, "q"), "boottime": (8, "q"), "back": (16, "q"), "piece": (24, "i")}
CALLS = {"accept4": 32, "epoll_ctl": 40}
HITS = 48


class Shim:
    def __init__(self, field):
        library = os.environ.get("LUBDUB_SHIM_LIBRARY")
        if not library:
            raise CannotBeInjected("no library goes between a program and the system in this build")
        path = field.folder / field.name("orders")
        path.write_bytes(bytes(SIZE))
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), SIZE)
        self.environment = {"LD_PRELOAD": library, "LUBDUB_SHIM": str(path),
                            "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:verify_asan_link_order=0:quarantine_size_mb=1"}

    def set(self, **orders):
        for name, value in orders.items():
            offset, kind = FIELDS[name]
            struct.pack_into("=" + kind, self.memory, offset, value)

    def fail(self, call, errno, count):
        struct.pack_into("=ii", self.memory, CALLS[call], errno, count)

    def hits(self):
        return struct.unpack_from("=q", self.memory, HITS)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.memory.close()
