#!/usr/bin/env python3
"""mutants.py [OPTIONS] [FILE…]: changes the sources of detection in one place after the other, and counts which changes the tests notice.

FILE is a source below common, such as core/step or ev/link; without one: codec, sessions, step, detection and link. A mutant is one
change of one line: a comparison, a sign, a constant, a condition, or a statement that is left out. It is killed where a test fails,
crashes or does not end.

  --sample N      draws N of all mutants by the seed, so that a part of them speaks for the whole
  --seed S        another draw; 1
  --minutes M     ends the run earlier. The order is drawn too: what was tried until then is a sample as well
  --skip N        passes over the first N of the draw, which an earlier run has tried
  --again LOG     tries those that survived earlier runs, whose output is in LOG
  --real-time     has the tests in real time for mutants of the core, too; mutants of common/ev always have them
  --explained     tries the mutants that tests/mutants/explained calls equivalent; fails where a test kills one
  --check         tries nothing; fails where an entry of that file is no mutant of the sources any more

A mutant that is explained is not tried: no test can tell it from the source. It is counted by itself.

Everything is compiled once, without CMake; a mutant is one file compiled and one library linked, and the tests load that library.
The quickest test comes first, then whichever killed last. A test in real time kills if it fails twice.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPLAINED = ROOT / "tests/mutants/explained"
FILES = ["core/frame", "core/option", "core/session", "core/session_server", "core/session_grant", "core/session_challenge",
         "core/session_silence", "core/session_client", "core/session_waiting", "core/session_held", "core/session_shared", "core/step",
         "core/doubt", "core/estimator", "core/probes", "core/suspicion", "core/allowance", "core/rate_limit", "ev/link", "ev/link_step", "ev/link_stream", "ev/link_wake"]
SLOW_TESTS = ["sim/test_faults", "sim/test_pauses"]  # behind the unit tests
REAL_TIME_TESTS = ["ev/" + name for name in (  # for common/ev, and for survivors; they mostly wait, and so all of them run at once
    "test_link", "test_absences", "test_reactor", "test_tuned_sockets", "test_server", "test_server_turns", "test_server_inside",
    "test_server_limits", "test_server_lack", "test_server_requests", "test_server_sessions", "test_server_newcomers", "test_server_names", "test_sessions_meet", "test_client",
    "test_client_inside", "test_client_faults", "test_client_progress", "test_gathering")]
TARGETS = ["server_session", "client_session", "two_sessions", "options", "frame"]  # of tests/fuzz, over their corpora
FLAGS = ["-std=gnu11", "-O1", "-g1", "-w", "-fPIC", "-fno-inline", "-fsanitize=undefined", "-fno-sanitize-recover=all",
         "-D_GNU_SOURCE", f'-DLUBDUB_VECTORS_DIR="{ROOT}/tests/vectors"']
INCLUDES = ["", "common", "common/include", "common/tls/include", "server/include", "server", "client/include", "client", "tests",
            "tests/support", "tests/ev", "tests/fuzz", "tools"]
WRAPS = "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc"
CHANGES = [(r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "),
           (r" \+ ", " - "), (r" - ", " + "), (r" && ", " || "), (r" \|\| ", " && "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
           (r"\+\+;", "--;"), (r" \+= ", " -= "), (r" -= ", " += "), (r"\b([1-9]\d*)\b(?!\w)", lambda m: str(int(m.group(1)) + 1))]


def compiler():
    return shlex.split(os.environ.get("CC", "cc"))


def negated(code):
    """The line with the condition of its if turned round, where that stands on the line as a whole."""
    match = re.match(r"(\s*(?:\} else )?if \()(.*)(\) \{)$", code)
    if match and match.group(2).count("(") == match.group(2).count(")"):
        return f"{match.group(1)}!({match.group(2)}){match.group(3)}"
    return None


def left_out(code, before):
    """The line without its statement, where that is a call or an assignment and stands on the line as a whole."""
    ends = not before or before.endswith((";", "{", "}", ":", "*/"))
    is_call = re.match(r"\s+(?:\(void\))?\w+\(.*\);$", code)
    is_assignment = re.match(r"\s+[\w>.*\[\]-]*(?:->|\.)[\w>.\[\]-]+ [-+|&^]?= .*;$", code)
    if ends and (is_call or is_assignment) and code.count("(") == code.count(")"):
        return re.match(r"\s*", code).group() + ";"
    return None


class Mutant(NamedTuple):
    name: str  # of the file, as core/step
    function: str
    number: int  # of the line, from 0
    line: str
    changed: str  # what becomes of the line

    def told(self, with_line=True):
        """How it is told. The number of its line changes with the file, the rest does not."""
        place = f"{self.name}.c{f':{self.number + 1}' if with_line else ''}"
        return f"{place}: {self.function}: {self.line}  ->  {self.changed.strip()}"


def mutants_of(name):
    """Each mutant of a file once."""
    inside, before, function, seen = False, "", "", set()
    for number, line in enumerate((ROOT / f"common/{name}.c").read_text().splitlines()):
        code = line.split("/*")[0].rstrip()
        function = head.group(1) if (head := re.match(r"(?:\w[\w ]*[ *])(\w+)\(", line)) else function
        inside = line.startswith("{") or inside and not line.startswith("}")
        if inside and code and not code.strip().startswith("*") and "assert(" not in code and '"' not in code:
            changed = [negated(code), left_out(code, before)]
            for pattern, change in CHANGES:
                for match in re.finditer(pattern, code):
                    changed.append(code[:match.start()] + (change(match) if callable(change) else change) + code[match.end():])
            for text in changed:
                if text is not None and text != code and (number, text) not in seen:
                    seen.add((number, text))
                    yield Mutant(name, function, number, line.strip(), text)
        before = code.strip() or before


def explained():
    """What tests/mutants/explained has, as told without the number of the line → the reason."""
    entries = {}
    for block in filter(None, re.sub(r"(?m)^#.*\n", "", EXPLAINED.read_text()).strip().split("\n\n")):
        place, line, changed, *reason = block.split("\n")
        if not line.startswith("- ") or not changed.startswith("+ ") or not reason:
            sys.exit(f"{EXPLAINED}: not a place, a line, its change and a reason: {place}")
        entries[f"{place}: {line[2:]}  ->  {changed[2:]}"] = " ".join(reason)
    return entries


def check(entries):
    """Whether each entry is one mutant of the sources as they are."""
    files = sorted({entry.split(".c: ")[0] for entry in entries})
    told = [mutant.told(False) for name in files for mutant in mutants_of(name)]
    for entry in entries:
        if told.count(entry) != 1:
            print(f"{EXPLAINED}: {told.count(entry)} mutants are so: {entry}")
    print(f"{len(entries)} mutants are explained")
    return all(told.count(entry) == 1 for entry in entries)


class Test:
    def __init__(self, name, program, arguments=(), is_real_time=False):
        self.name, self.program, self.arguments, self.is_real_time = name, program, arguments, is_real_time
        self.took = 0.0

    def run_once(self, library):
        """Whether it passes. It gets four times the processor that it took without a mutant, however busy the machine is."""
        allowed = 3 + int(4 * self.took)

        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        try:
            return subprocess.run([self.program, *self.arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT / "tests",
                                  env={**os.environ, "LD_LIBRARY_PATH": str(library), "LSAN_OPTIONS": "hard_rss_limit_mb=2048"}, preexec_fn=limit, timeout=300,
                                  check=False).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def passes(self, library):
        return self.run_once(library) or (self.is_real_time and self.run_once(library))


class Bench:
    """Sources and tests, compiled once."""

    def __init__(self, folder, names, has_real_time):
        self.folder = pathlib.Path(folder)
        self.has_real_time = has_real_time
        self.objects = {}
        with_ev = has_real_time or any(name.startswith("ev/") for name in names)
        self.libraries = ["-lev", "-lm", "-lpthread"]
        core = sorted((ROOT / "common/core").glob("*.c"))
        ev = sorted((ROOT / "common/ev").glob("*.c"))
        own = core + ev
        support = sorted((ROOT / "tests/support").glob("*.c"))
        world = sorted((ROOT / "tools/simulate/world").glob("*.c")) + sorted((ROOT / "tools/statistics").glob("*.c"))
        memory = [ROOT / "tests/fuzz" / f"{part}.c" for part in ("memory_session", "depth", "orders", "replay")]
        units = [path for path in sorted((ROOT / "tests/unit/core").glob("test_*.c"))]
        slow = [ROOT / f"tests/{name}.c" for name in SLOW_TESTS]
        real = [ROOT / f"tests/{name}.c" for name in REAL_TIME_TESTS] if with_ev else []
        rooms = sorted((ROOT / "server/library").glob("*.c")) + sorted((ROOT / "client/library").glob("*.c")) if with_ev else []
        fixtures = [path for path in sorted((ROOT / "tests/ev").glob("*.c")) if not path.stem.startswith("test_")]
        targets = [ROOT / f"tests/fuzz/{name}.c" for name in TARGETS]
        sources = own + support + world + memory + units + slow + targets + real + rooms + (fixtures if with_ev else [])
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(self.compile, sources))
        self.own = {f"{path.parent.name}/{path.stem}": self.objects[path] for path in own}
        self.whole = self.folder / "whole"
        self.whole.mkdir()
        self.link_library(self.own, self.whole)
        self.tests = []
        for path in units:
            self.add(Test(path.stem, self.link(path.stem, [path, *support])))
        for path in targets:
            corpus = ROOT / "tests/fuzz/corpus" / path.stem
            self.add(Test("fuzz_" + path.stem, self.link("fuzz_" + path.stem, [path, *memory, *support]), ["--mutate", "3", str(corpus)]))
        for path in slow:
            self.add(Test(path.stem, self.link(path.stem, [path, *world, *support])))
        for path in real:
            self.add(Test(path.stem, self.link(path.stem, [path, *fixtures, *rooms, *support]), is_real_time=True))
        if not self.tests:
            sys.exit("no test passes without a mutant")
        self.tests.sort(key=lambda test: (test.is_real_time, test.took))

    def compile(self, source):
        self.objects[source] = self.folder / (str(source.relative_to(ROOT)).replace("/", "-") + ".o")
        subprocess.run([*compiler(), *FLAGS, *(f"-I{ROOT / folder}" for folder in INCLUDES), "-c", source, "-o", self.objects[source]],
                       check=True)

    def link(self, name, sources):
        program = self.folder / name
        subprocess.run([*compiler(), "-fsanitize=undefined,leak", "-rdynamic", *(self.objects[path] for path in sources), WRAPS,
                        "-Wl,--undefined=__wrap_malloc", f"-L{self.whole}", "-lmutant", "-lcmocka", *self.libraries, "-o", program], check=True)
        return program

    def link_library(self, objects, place):
        subprocess.run([*compiler(), "-fsanitize=undefined", "-shared", WRAPS, *objects.values(), *self.libraries, "-o", place / "libmutant.so"],
                       check=True)

    def add(self, test):
        started = os.times()
        if not test.run_once(self.whole) and not (test.is_real_time and test.run_once(self.whole)):
            print(f"{test.name} fails without a mutant, and is left out", flush=True)
            return
        ended = os.times()
        test.took = ended.children_user + ended.children_system - started.children_user - started.children_system
        self.tests.append(test)

    def killer_of(self, mutant):
        """The name of the test that kills; "" for none, None where the mutant does not compile."""
        name = mutant.name
        lines = (ROOT / f"common/{name}.c").read_text().splitlines()
        lines[mutant.number] = mutant.changed
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            place = pathlib.Path(place)
            source = place / f"{pathlib.Path(name).name}.c"
            source.write_text("\n".join(lines) + "\n")
            command = [*compiler(), *FLAGS, *(f"-I{ROOT / folder}" for folder in INCLUDES), f"-I{ROOT}/common/{name.split('/', maxsplit=1)[0]}",
                       "-c", source, "-o", place / "mutant.o"]
            if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode:
                return None
            self.link_library({**self.own, name: place / "mutant.o"}, place)
            for test in self.tests:
                if not test.is_real_time and not test.passes(place):
                    self.tests.remove(test)
                    self.tests.insert(0, test)
                    return test.name
            waiting = [test for test in self.tests if test.is_real_time and (self.has_real_time or name.startswith("ev/"))]
            with concurrent.futures.ThreadPoolExecutor(max(1, len(waiting))) as pool:
                for test, passes in zip(waiting, pool.map(lambda test: test.passes(place), waiting)):
                    if not passes:
                        return test.name
        return ""


def arguments_of():
    parser = argparse.ArgumentParser(usage=__doc__.split(":")[0], description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=float("inf"), help=argparse.SUPPRESS)
    parser.add_argument("--skip", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--again", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--real-time", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--explained", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


KILLED, SURVIVED, EQUIVALENT, VOID = range(4)


def told_counts(counts):
    """The killed of all that compile, and of those that a test could kill."""
    tried = counts[KILLED] + counts[SURVIVED]
    every = tried + counts[EQUIVALENT]
    return (f"{counts[KILLED]} of {every} killed ({100 * counts[KILLED] / max(1, every):.1f} %), {counts[EQUIVALENT]} explained, {counts[SURVIVED]} survive; "
            f"{100 * counts[KILLED] / max(1, tried):.1f} % of those that are not explained; {counts[VOID]} did not compile")


def main():
    arguments = arguments_of()
    entries = explained()
    if arguments.check:
        return 0 if check(entries) else 1
    names = arguments.files or FILES
    mutants = [mutant for name in names for mutant in mutants_of(name)]
    if arguments.again:
        log = re.sub(r"(\.c):\d+", r"\1", arguments.again.read_text()).splitlines()
        mutants = [mutant for mutant in mutants if f"survives: {mutant.told(False)}" in log]
    if arguments.explained:
        mutants = [mutant for mutant in mutants if mutant.told(False) in entries]
        entries = {}
    all_of_them = len(mutants)
    random.Random(arguments.seed).shuffle(mutants)
    mutants = mutants[arguments.skip:arguments.sample]
    counts = {name: [0, 0, 0, 0] for name in names}
    end = time.monotonic() + 60 * arguments.minutes
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder, names, arguments.real_time)
        print(f"{len(mutants)} of {all_of_them} mutants, seed {arguments.seed}; {len(bench.tests)} tests", flush=True)
        for mutant in mutants:
            if time.monotonic() > end:
                break
            if mutant.told(False) in entries:
                counts[mutant.name][EQUIVALENT] += 1
                continue
            killer = bench.killer_of(mutant)
            counts[mutant.name][VOID if killer is None else KILLED if killer else SURVIVED] += 1
            if killer == "":
                print(f"survives: {mutant.told()}", flush=True)
            elif arguments.explained:
                print(f"{killer} kills: {mutant.told()}", flush=True)
    for name in names:
        if any(counts[name]):
            print(f"{name}.c: {told_counts(counts[name])}")
    for room in ("core", "ev"):
        print(f"{room}: {told_counts([sum(counts[name][i] for name in names if name.startswith(room)) for i in range(4)])}")
    together = [sum(count[i] for count in counts.values()) for i in range(4)]
    print(f"together: {told_counts(together)}; {arguments.skip} to {arguments.skip + sum(together)} of {all_of_them}, seed {arguments.seed}")
    return 0 if sum(together) and not (arguments.explained and together[KILLED]) else 1


if __name__ == "__main__":
    sys.exit(main())
