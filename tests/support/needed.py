"""Skips a test of ours in Python that lacks a program: CTest takes 77 for that. In CI it fails instead."""

import os
import shutil
import sys

SKIPPED = 77


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            print(f"{program} is not installed", file=sys.stderr)
            sys.exit(1 if os.environ.get("LUBDUB_CI") else SKIPPED)
