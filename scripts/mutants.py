#!/usr/bin/env python3
"""mutants.py [--share N] [FILE…]: changes the core in one place after the other, and counts which changes its unit tests notice.

A mutant is one change of one line: a comparison, a sign, a constant, a condition, or a call that is left out. It is killed where the
tests fail to build, to pass, or to end in time. The survivors are printed. The core and its tests are compiled without CMake, in a
folder of their own.
"""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ["frame", "option", "session", "session_server", "session_client", "session_shared", "step", "doubt", "estimator"]
TESTS = ["test_frame", "test_option", "test_vectors", "test_session", "test_session_server", "test_session_client",
         "test_session_messages", "test_session_quick", "test_session_adaptive", "test_estimator", "test_no_memory",
         "test_evidence", "test_session_content"]
FLAGS = ["-std=gnu11", "-O0", "-g", "-w", "-fsanitize=undefined", "-fno-sanitize-recover=all", "-I" + str(ROOT), "-I" + str(ROOT / "common"),
         "-I" + str(ROOT / "common/include"), "-I" + str(ROOT / "tests"), "-I" + str(ROOT / "tests/support"), "-I" + str(ROOT / "tools")]
WRAPS = ["-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--undefined=__wrap_malloc"]
CHANGES = [(r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "), (r" == ", " != "), (r" != ", " == "),
           (r" \+ ", " - "), (r" - ", " + "), (r" && ", " || "), (r" \|\| ", " && "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
           (r"\+\+;", "--;"), (r" \+= ", " -= "), (r" -= ", " += "), (r"if \(", "if (!"), (r"\b([1-9]\d*)\b(?!\w)", lambda m: str(int(m.group(1)) + 1))]
LIMIT = 120


def mutants_of(path):
    inside = False
    for number, line in enumerate(path.read_text().splitlines()):
        code = line.split("/*")[0]
        if line.startswith("{"):
            inside = True
        if line.startswith("}"):
            inside = False
        if not inside or code.strip().startswith("*") or "assert(" in code or '"' in code:
            continue
        for pattern, change in CHANGES:
            for match in re.finditer(pattern, code):
                new = change(match) if callable(change) else change
                changed = line[:match.start()] + new + line[match.end():]
                if "if (!" in new:
                    changed = re.sub(r"if \(!(.*)\) \{(.*)$", r"if (!(\1)) {\2", changed)
                if changed != line:
                    yield number, line.strip(), changed
        call = re.match(r"\s+(\w+\(.*\);|\w+(->|\.)[\w.>-]+ [-+|]?= .*;)$", code)
        if call and "=" not in code.split("(")[0].replace("==", "") or call and "->" in code:
            yield number, line.strip(), re.match(r"\s*", line).group() + ";"


class Bench:
    """The core and the tests, compiled once; a mutant is compiled and linked to them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.objects = {}
        sources = list((ROOT / "common/core").glob("*.c")) + [p for p in (ROOT / "tests/support").glob("*.c") if p.stem != "raw_client"]
        sources += [ROOT / f"tests/unit/core/{test}.c" for test in TESTS]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(self.compile, sources))
        self.support = [self.objects[p] for p in sources if p.parent.name == "support"]
        self.core = {p.stem: self.objects[p] for p in sources if p.parent.name == "core" and "unit" not in str(p)}
        self.tests = {t: self.objects[ROOT / f"tests/unit/core/{t}.c"] for t in TESTS}

    def compile(self, source):
        self.objects[source] = self.folder / (source.parent.name + "-" + source.stem + ".o")
        subprocess.run(["cc", *FLAGS, f'-DLUBDUB_VECTORS_DIR="{ROOT}/tests/vectors"', "-c", source, "-o", self.objects[source]], check=True)

    def is_killed(self, name, text, order):
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            source = pathlib.Path(place) / f"{name}.c"
            source.write_text(text)
            changed = pathlib.Path(place) / f"{name}.o"
            if subprocess.run(["cc", *FLAGS, "-c", source, "-o", changed], stderr=subprocess.DEVNULL, check=False).returncode:
                return None
            core = [changed if stem == name else path for stem, path in self.core.items()]
            for test in order:
                program = pathlib.Path(place) / test
                subprocess.run(["cc", "-fsanitize=undefined", self.tests[test], *self.support, *core, *WRAPS, "-lcmocka", "-lm", "-o", program],
                               check=True)
                try:
                    done = subprocess.run([program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT / "tests",
                                          timeout=LIMIT, check=False)
                except subprocess.TimeoutExpired:
                    return test
                if done.returncode:
                    return test
                program.unlink()
        return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=int, default=1)
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    total = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        for name in arguments.files or FILES:
            path = ROOT / f"common/core/{name}.c"
            lines = path.read_text().splitlines()
            own = [t for t in TESTS if name in t] + [t for t in TESTS if name not in t]
            while (failed := bench.is_killed(name, path.read_text(), own)):
                print(f"{failed} fails without a mutant, and is left out")
                own.remove(failed)
            mutants = list(mutants_of(path))[::arguments.share]
            killed = survived = void = 0
            for number, line, changed in mutants:
                text = "\n".join(lines[:number] + [changed] + lines[number + 1:]) + "\n"
                test = bench.is_killed(name, text, own)
                if test is None:
                    void += 1
                elif test:
                    killed += 1
                    own.remove(test)
                    own.insert(0, test)
                else:
                    survived += 1
                    print(f"survives: {name}.c:{number + 1}: {line}  ->  {changed.strip()}", flush=True)
            total[name] = (killed, survived)
            print(f"{name}.c: {killed} of {killed + survived} mutants killed ({void} did not compile)", flush=True)
    killed, survived = (sum(t[i] for t in total.values()) for i in (0, 1))
    print(f"together: {killed} of {killed + survived}, {100 * killed / max(1, killed + survived):.1f} %")


if __name__ == "__main__":
    main()
