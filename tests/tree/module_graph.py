"""The files of a crate and the arrows between them, read from the source: a file points at each file whose items it names.

No compiler is asked. Comments, literals and what is compiled for tests only are taken out first; then every path that begins
with `crate`, `super`, `self` or the name of a module is followed through the modules and their `use` declarations to the file
that defines the item, so that a `pub use` in a parent hides no arrow. What a macro of another file expands to is not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

LITERALS = re.compile(
    r"""
      //[^\n]*
    | /\*.*?\*/
    | b?r(?P<fence>\#*)".*?"(?P=fence)
    | b?"(?:[^"\\]|\\.)*"
    | b?'(?:[^'\\\n]|\\[^\n][^'\n]*)'
    """,
    re.DOTALL | re.VERBOSE,
)
ATTRIBUTE = re.compile(r"#!?\[")
TEST_ONLY = re.compile(r"#\[\s*cfg\s*\(\s*(?:test\s*\)|all\s*\(\s*(?:[^()]*,\s*)?test\s*[,)])")
MODULE = re.compile(r"\bmod\s+(?:r#)?(\w+)\s*([;{])")
USE = re.compile(r"(?<![\w.])(?:(pub)(?:\s*\([^)]*\))?\s+)?use\s+([^;]+);")
PATH = re.compile(r"(?<![\w:.'])\$?(?:r#)?(\w+)((?:\s*::\s*(?:r#)?\w+)+)")


@dataclass
class Module:
    """One module: the file that holds it, its children, and the names its `use` declarations bring in and pass on."""

    path: tuple[str, ...]
    file: Path
    text: str
    children: dict[str, Module] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    globs: list[tuple[str, ...]] = field(default_factory=list)
    passed_on: set[str] = field(default_factory=set)


def closing(text: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`."""
    depth = 0
    for place in range(at, len(text)):
        if text[place] in "([{":
            depth += 1
        elif text[place] in ")]}":
            depth -= 1
            if depth == 0:
                return place + 1
    return len(text)


def item_end(text: str, at: int) -> int:
    """The end of the item that begins at `at`, its attributes included: behind its `;`, or behind its block."""
    place = at
    while place < len(text):
        if text[place] in "([":
            place = closing(text, place)
        elif text[place] == "{":
            end = closing(text, place)
            # `use a::{b, c};` goes on behind its braces.
            rest = re.match(r"\s*;", text[end:])
            return end + rest.end() if rest else end
        elif text[place] == ";":
            return place + 1
        elif text[place] == "," or text[place] in ")}":
            # A field, a variant or an arm that only tests have.
            return place
        else:
            place += 1
    return len(text)


def without_words(source: str) -> str:
    """The source without comments and without the content of literals."""
    return LITERALS.sub(lambda found: '""' if found.group()[-1] in "\"'" else " ", source)


def for_users(source: str) -> str:
    """The source without comments, without the content of literals, and without what only tests compile."""
    text = without_words(source)
    while found := TEST_ONLY.search(text):
        text = text[: found.start()] + text[item_end(text, closing(text, found.start() + 1)) :]
    return text


def without_attributes(text: str) -> str:
    """Attributes name modules as well (`#[serde(with = …)]` in a literal); only what derives expand to is lost."""
    while found := ATTRIBUTE.search(text):
        text = text[: found.start()] + " " + text[closing(text, found.end() - 1) :]
    return text


def leaves(tree: str) -> list[tuple[tuple[str, ...], str]]:
    """`a::{b, c as d, e::*}` as a list of the paths with the name that each brings in; `*` for all names."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = re.sub(r"\br#", "", tree).partition(" as ")
        parts = tuple(part.strip() for part in path.split("::") if part.strip())
        if not parts:
            return []
        if parts[-1] == "self" and len(parts) > 1:
            parts = parts[:-1]
        return [(parts, alias.strip() or parts[-1])]
    head = tuple(part.strip() for part in tree[:brace].split("::") if part.strip())
    inner, branches, depth, begin = tree[brace + 1 : closing(tree, brace) - 1], [], 0, 0
    for place, sign in enumerate(inner + ","):
        depth += (sign == "{") - (sign == "}")
        if sign == "," and depth == 0:
            branches.append(inner[begin:place])
            begin = place + 1
    found = []
    for branch in branches:
        for parts, name in leaves(branch):
            if parts == ("self",):
                found.append((head, name if name != "self" else head[-1]))
            else:
                found.append((head + parts, name))
    return found


def read_modules(root: Path, reading=for_users) -> Module:
    """The tree of modules below `lib.rs` or `main.rs`."""
    return _read((), root, root.parent, without_attributes(reading(root.read_text())), reading)


def files_of(root: Path) -> set[Path]:
    """All files of a crate, those of its tests included."""

    def below(module: Module) -> set[Path]:
        return {module.file}.union(*map(below, module.children.values()))

    return below(read_modules(root, without_words))


def _read(path: tuple[str, ...], file: Path, folder: Path, text: str, reading) -> Module:
    module = Module(path, file, text)
    kept, place = [], 0
    for found in iter(lambda: MODULE.search(module.text, place), None):
        name, kind = found.groups()
        kept.append(module.text[place : found.start()])
        place = found.end()
        if kind == "{":
            end = closing(module.text, found.end() - 1)
            module.children[name] = _read((*path, name), file, folder / name, module.text[found.end() : end - 1], reading)
            place = end
            continue
        for candidate in (folder / f"{name}.rs", folder / name / "mod.rs"):
            if candidate.exists():
                source = without_attributes(reading(candidate.read_text()))
                module.children[name] = _read((*path, name), candidate, folder / name, source, reading)
                break
    module.text = "".join(kept) + module.text[place:]
    for found in USE.finditer(module.text):
        for parts, name in leaves(found.group(2)):
            if name == "*":
                module.globs.append(parts[:-1])
            elif name != "_":
                module.names[name] = parts
                module.passed_on |= {name} if found.group(1) else set()
    return module


class Resolver:
    """Follows paths through one crate to the file that defines what they name."""

    def __init__(self, root: Module) -> None:
        self.root = root

    def find(self, module: Module, parts: tuple[str, ...], seen: frozenset = frozenset()) -> Module | None:
        """The module whose file defines what `parts` name when they are written in `module`; none if it is elsewhere."""
        if (module.path, parts) in seen or not parts:
            return None
        seen = seen | {(module.path, parts)}
        head, rest = parts[0], parts[1:]
        if head == "crate":
            return self._below(self.root, rest, seen)
        if head == "self":
            return self._below(module, rest, seen)
        if head == "super":
            return self._below(self._at(module.path[:-1]), rest, seen)
        if head in module.children:
            return self._below(module, parts, seen)
        # `use serde;` brings in the crate of that name: nothing of this one.
        if head in module.names and module.names[head][0] != head:
            return self._below(module, parts, seen)
        return None

    def _at(self, path: tuple[str, ...]) -> Module:
        module = self.root
        for name in path:
            module = module.children[name]
        return module

    def _below(self, module: Module, parts: tuple[str, ...], seen: frozenset) -> Module | None:
        if not parts:
            return module
        head, rest = parts[0], parts[1:]
        if head == "super":
            return self._below(self._at(module.path[:-1]), rest, seen)
        if head == "self":
            return self._below(module, rest, seen)
        if head in module.children:
            return self._below(module.children[head], rest, seen)
        if head in module.names:
            return self.find(module, module.names[head] + rest, seen)
        if not self._defines(module, head):
            for glob in module.globs:
                source = self.find(module, glob, seen)
                if source is None or source is module or not self._offers(source, head):
                    continue
                if (target := self._below(source, parts, seen)) is not None:
                    return target
        return module

    @staticmethod
    def _defines(module: Module, name: str) -> bool:
        word = r"\b(?:struct|enum|union|trait|type|fn|const|static|macro_rules!|mod)\s+(?:mut\s+)?(?:r#)?"
        return re.search(word + re.escape(name) + r"\b", module.text) is not None

    def _offers(self, module: Module, name: str) -> bool:
        return name in module.children or name in module.passed_on or self._defines(module, name)


@dataclass
class Arrows:
    """Each file of a crate with the other files whose items it names."""

    source: Path
    files: dict[Path, set[Path]]

    def _place(self, file: Path) -> tuple[str, ...]:
        """Where the file stands in the tree of modules; the root of the crate is in no room and everybody's parent."""
        parts = file.relative_to(self.source).with_suffix("").parts
        return parts[:-1] if parts[-1] in {"mod", "lib", "main"} else parts

    def folders(self) -> list[tuple[str, ...]]:
        return sorted({self._place(file)[:-1] for file in self.files if self._place(file)})

    def room(self, file: Path, folder: tuple[str, ...]) -> str | None:
        """The room within `folder` that the file is in."""
        place = self._place(file)
        return place[len(folder)] if place[: len(folder)] == folder and len(place) > len(folder) else None

    def between(self, folder: tuple[str, ...]) -> list[tuple[Path, Path]]:
        """The arrows from one room of `folder` to another."""
        pairs = [(one, other) for one, targets in self.files.items() for other in targets]
        rooms = [(self.room(one, folder), self.room(other, folder)) for one, other in pairs]
        return sorted(pair for pair, (a, b) in zip(pairs, rooms, strict=True) if a and b and a != b)

    def rooms(self, folder: tuple[str, ...]) -> dict[str, set[str]]:
        graph: dict[str, set[str]] = {}
        for one, other in self.between(folder):
            graph.setdefault(self.room(one, folder), set()).add(self.room(other, folder))
        return graph


def read_arrows(root: Path) -> Arrows:
    """Follows every path in the crate whose `lib.rs` or `main.rs` is `root`."""
    resolver = Resolver(read_modules(root))
    found: dict[Path, set[Path]] = {}

    def walk(module: Module) -> None:
        targets = found.setdefault(module.file, set())
        paths = [parts for use in USE.finditer(module.text) for parts, _ in leaves(use.group(2))]
        for path in PATH.finditer(USE.sub(" ", module.text)):
            rest = re.sub(r"\s|r#", "", path.group(2)).removeprefix("::").split("::")
            paths.append((path.group(1), *rest))
        for parts in paths:
            target = resolver.find(module, parts[:-1] if parts[-1] == "*" else parts)
            if target is not None and target.file != module.file:
                targets.add(target.file)
        for child in module.children.values():
            walk(child)

    walk(resolver.root)
    return Arrows(root.parent, found)


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Tarjan's strongly connected components that hold more than one node."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            knot = set(stack[stack.index(node) :])
            del stack[stack.index(node) :]
            if len(knot) > 1:
                found.append(knot)

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return found
