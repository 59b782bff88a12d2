#!/usr/bin/env python3
"""Reads the includes of all sources and fails where the tree is not what docs/internals/architecture.md says it is.

    includes.py SOURCE_FOLDER

Three rules:

  circles   A .c and the .h beside it are one unit. No unit may use itself by way of others, and no room either.
  headers   A header declares the functions of the .c beside it, and of no other file. A header without a .c has types
            and inline functions only. Public headers (include/lubdub) are the interface of a library, and are exempt.
  arrows    A file may include its own room, and the rooms that the page's table allows it. The room of a file is the
            longest folder of the table that it lies in.

The table stands between the lines "<!-- arrows -->" and "<!-- /arrows -->": | room | may use |.
"""
import pathlib
import re
import sys

FOLDERS = ("common", "server", "client", "tools", "bench", "examples")
PAGE = "docs/internals/architecture.md"

# An include names a path below one of these; the first that has the file wins.
ROOTS = ("", "common", "tools", "bench", "common/include", "common/tls/include", "server/include",
         "client/include")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<(lubdub/[^>]+)>)', re.MULTILINE)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
COMMENT_OR_LITERAL = re.compile(r"""/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+')""", re.DOTALL)
FUNCTION = re.compile(r"\b(\w+)\s*\((?!\s*\*)")
# Words that a name before "(" may be without being a function.
NO_FUNCTION = {"__attribute__", "static_assert", "_Static_assert", "_Alignas", "_Alignof", "sizeof", "defined"}


def without_comments(text, literal=None):
    """The text with a space for each comment and, where one is given, `literal` for each literal."""
    return COMMENT_OR_LITERAL.sub(lambda found: " " if found[1] is None else literal or found[1], text)


def is_public(path):
    return "include/lubdub" in path.parent.as_posix()


def unit_of(path):
    return path.with_suffix("").as_posix()


def read_sources(base):
    return {
        path.relative_to(base): path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for suffix in ("*.c", "*.h")
        for path in sorted((base / folder).rglob(suffix))
    }


def find(name, includer, sources):
    """The source that an include names; None: it is not ours."""
    for root in (includer.parent.as_posix(), *ROOTS):
        path = pathlib.Path(root, name)
        if path in sources:
            return path
    return None


def read_includes(sources):
    """For each file the files that it includes."""
    includes = {}
    for path, text in sources.items():
        found = set()
        for quoted, public in INCLUDE.findall(without_comments(text)):
            target = find(quoted or public, path, sources)
            if target is not None:
                found.add(target)
        includes[path] = found
    return includes


# ---- circles


def uses_of_units(includes):
    uses = {}
    for path, targets in includes.items():
        uses.setdefault(unit_of(path), set()).update(unit_of(target) for target in targets)
    return uses


def circles(uses):
    """The groups of units or rooms that use each other (Tarjan's strongly connected components), without recursion."""
    number, lowest, stack, on_stack, groups = {}, {}, [], set(), []
    for start in sorted(uses):
        if start in number:
            continue
        calls = [(start, iter(sorted(uses[start])))]
        number[start] = lowest[start] = len(number)
        stack.append(start)
        on_stack.add(start)
        while calls:
            unit, rest = calls[-1]
            for other in rest:
                if other not in number:
                    number[other] = lowest[other] = len(number)
                    stack.append(other)
                    on_stack.add(other)
                    calls.append((other, iter(sorted(uses.get(other, ())))))
                    break
                if other in on_stack:
                    lowest[unit] = min(lowest[unit], number[other])
            else:
                calls.pop()
                if calls:
                    lowest[calls[-1][0]] = min(lowest[calls[-1][0]], lowest[unit])
                if lowest[unit] == number[unit]:
                    group = []
                    while not group or group[-1] != unit:
                        group.append(stack.pop())
                        on_stack.discard(group[-1])
                    if len(group) > 1:
                        groups.append(sorted(group))
    return [f"circle of {len(group)}: {', '.join(group)}" for group in sorted(groups)]


# ---- headers


def top_level(text):
    """The text outside of all braces, without comments, directives and literals; a body becomes "{}"."""
    text = DIRECTIVE.sub("", without_comments(text, literal="0"))
    depth, kept = 0, []
    for letter in text:
        if letter == "{":
            depth += 1
            if depth == 1:
                kept.append("{}")
        elif letter == "}":
            depth -= 1
        elif depth == 0:
            kept.append(letter)
    return "".join(kept)


def function_in(declarator):
    """The name of the function that a piece of top level text declares or defines; None: it is none."""
    for name in FUNCTION.findall(declarator):
        if name not in NO_FUNCTION:
            return name
    return None


def declared_functions(text):
    names = set()
    # A body ends what it belongs to; the semicolon after that of a type is then alone.
    for piece in re.split(r";", re.sub(r"\)\s*\{\}", "){};", top_level(text))):
        if "{}" in piece or re.search(r"\b(static|typedef)\b", piece):
            continue
        name = function_in(piece)
        if name is not None:
            names.add(name)
    return names


def defined_functions(text):
    names = set()
    for piece in re.findall(r"[^;{}]*\)\s*\{\}", top_level(text)):
        name = function_in(piece)
        if name is not None and not re.search(r"\bstatic\b", piece):
            names.add(name)
    return names


def wrong_headers(sources):
    definers = {}
    for path, text in sources.items():
        if path.suffix == ".c":
            for name in defined_functions(text):
                definers.setdefault(name, set()).add(path)
    faults = []
    for path, text in sources.items():
        if path.suffix != ".h" or is_public(path):
            continue
        own = path.with_suffix(".c")
        names = declared_functions(text)
        if names and own not in sources:
            faults.append(f"{path} declares {min(names)}(), and there is no {own.name} beside it")
            continue
        for name in sorted(names):
            # Programs have short names, so that a name may be defined for each of two.
            if own not in definers.get(name, ()):
                others = ", ".join(str(other) for other in sorted(definers.get(name, ()))) or "no file"
                faults.append(f"{path} declares {name}(), and {others} defines it, not {own.name}")
    return faults


# ---- arrows


def read_arrows(base):
    """For each room of the page's table the rooms that it may use."""
    page = (base / PAGE).read_text(encoding="utf-8")
    table = re.search(r"^<!-- arrows -->$(.*?)^<!-- /arrows -->$", page, re.MULTILINE | re.DOTALL)
    if table is None:
        sys.exit(f"{PAGE} has no table between <!-- arrows --> and <!-- /arrows -->")
    arrows = {}
    for line in table.group(1).splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.strip().strip("|").split("|")]
        if len(cells) == 2 and len(cells[0]) == 1:
            arrows[cells[0][0]] = set(cells[1])
    return arrows


def room_of(path, rooms):
    for folder in path.parents:
        if folder.as_posix() in rooms:
            return folder.as_posix()
    return None


def wrong_arrows(includes, arrows):
    faults = [
        f"{PAGE}: {room} may use {other}, which is no room of the table"
        for room, others in arrows.items()
        for other in sorted(others - arrows.keys())
    ]
    for path, targets in includes.items():
        room = room_of(path, arrows)
        if room is None:
            faults.append(f"{path} lies in no room of the table")
            continue
        for target in sorted(targets):
            other = room_of(target, arrows)
            if other is not None and other != room and other not in arrows[room]:
                faults.append(f"{path} includes {target}: {room} may not use {other}")
    return faults


def main():
    base = pathlib.Path(sys.argv[1])
    sources = read_sources(base)
    includes = read_includes(sources)
    arrows = read_arrows(base)
    faults = circles(uses_of_units(includes)) + circles(arrows) + wrong_headers(sources) + wrong_arrows(includes, arrows)
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"faults: {len(faults)}")
    print(f"{len(sources)} files, {sum(map(len, includes.values()))} includes: all go one way")


main()
