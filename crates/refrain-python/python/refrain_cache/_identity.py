"""What a function is, for its keys: its name, its source, and what it refers to, found by walking the references.

The rule is in docs/python.md, "What a function is". A walk writes everything in one text; functions and classes that
were met before are written as their number, so that it ends. Nothing in it depends on the process, except where a
function has no identity that outlives it: then random bytes tell it apart.
"""

from __future__ import annotations

import builtins
import functools
import os
import sys
import types
from collections import deque
from typing import Any, Callable

from . import _sources
from ._classes import is_constant, write_class, write_constant, write_member
from ._code import attributes_in, class_of, file_of, names_in
from ._native import CachedFunction, CachedMethod, Identity, key_of
from ._paths import (
    is_compiled,
    is_found_by_path,
    is_function_or_class,
    is_memo,
    is_native,
    is_one_of,
    module_of,
    path_of,
    type_path,
    unwrapped,
)

#: Functions and classes that are followed before the rest is told by name only.
_MOST_FOLLOWED = 1000


def identity_of(
    function: Any,
    *,
    name: str | None,
    version: str | None,
    follow: bool,
    token: str | None,
    defaults: bool = False,
) -> Identity:
    """The identity of a function to be decorated. Without a `token`, it outlives the process or there is none.

    With its `defaults`, it is that of a function that is an argument.
    """
    walk = Walk(follow=follow, sources=version is None, lenient=name is not None, programs=name is None and not defaults)
    walk.function(function, own=not defaults, named=name is not None)
    walk.finish()
    fingerprint = walk.digest() if version is None else f"{version}/{walk.digest()}"
    refused = None
    if walk.problem is not None:
        fingerprint = f"{fingerprint}/{token}"
        if defaults:
            refused = f"it depends on {walk.problem}"
        elif token is None:
            refused = (
                f"it depends on {walk.problem}, and its results outlive the process; "
                "make it an argument, or give the function a `name` that tells"
            )
    return Identity(name or path_of(function), fingerprint, walk.watched, refused)


def new_token() -> str:
    """What no other function has, in no other process."""
    return os.urandom(16).hex()


def fleeting_variable(function: Any) -> str | None:
    """The variable around a function that makes it impossible to know it again, as far as is known by now."""
    bare = unwrapped(function)
    if type(bare) is types.FunctionType:
        for name, cell in zip(bare.__code__.co_freevars, bare.__closure__ or ()):
            walk = Walk(follow=False, sources=False)
            walk.cell(cell, name)
            walk.finish()
            if walk.problem is not None:
                return name
    return None


class Walk:
    """Writes what a function or class is."""

    def __init__(
        self, *, follow: bool = True, sources: bool = True, lenient: bool = False, programs: bool = False
    ) -> None:
        self._follow = follow
        self._sources = sources
        #: Whether the program in `__main__` counts. For arguments it does not: the function that takes them has it.
        self._programs_count = programs
        #: Whether what has no key is told by its type.
        self.lenient = lenient
        self._words: list[str] = []
        #: By identity: the number, and the object, kept so that no other has its identity meanwhile.
        self._met: dict[int, tuple[int, Any]] = {}
        self._waiting: deque[tuple[Callable[[Any], None], Any, bool]] = deque()
        self._programs: set[str] = set()
        #: What was looked at, and where: when something else is there, a walk may have another result.
        self.watched: list[tuple[Any, str, tuple[Any] | None]] = []
        #: What makes the result worth nothing in another process.
        self.problem: str | None = None

    def finish(self) -> None:
        """Writes what has been met and not been written."""
        try:
            while self._waiting:
                write, item, self.lenient = self._waiting.popleft()
                self.say("item", str(self._met[id(item)][0]))
                write(item)
        except RecursionError:
            self.problem = "something that is nested too deep"

    def digest(self) -> str:
        text = "".join(f"{len(word)}:{word}" for word in self._words)
        return str(key_of("python", "identity", {"form": text.encode("utf-8", "surrogatepass")}, _undescribed))

    def say(self, *words: str) -> None:
        self._words.extend(words)

    def refer(self, item: Any, write: Callable[[Any], None]) -> None:
        """Says which item it is; one that is met for the first time is written later, or only named if there are too many."""
        if id(item) not in self._met:
            if len(self._met) >= _MOST_FOLLOWED:
                self.say("path", path_of(item))
                return
            self._met[id(item)] = (len(self._met), item)
            self._waiting.append((write, item, self.lenient))
        self.say("see", str(self._met[id(item)][0]))

    def cannot_tell(self, what: str, item: Any) -> None:
        self.say("untold", type_path(type(item)))
        if not self.lenient and self.problem is None:
            self.problem = what

    # Functions.

    def function(self, function: Any, *, own: bool = False, named: bool = False) -> None:
        """A callable: its path unless it was `named`, and what it does. Of its `own` defaults calls tell."""
        function = unwrapped(function)
        if issubclass(type(function), type):
            write_class(self, function)
        else:
            self.refer(function, functools.partial(self._write_function, own=own, named=named))

    def _write_function(self, function: Any, *, own: bool, named: bool) -> None:
        if type(function) is types.FunctionType:
            if not named:
                self.place(function.__globals__, function.__module__, function.__qualname__, function.__code__)
            self._plain(function, own)
        elif is_memo(function):
            self.say("memo")
            self.function(function.__wrapped__, own=own, named=named)
        elif is_compiled(function):
            self.say("compiled", type_path(type(function)), "" if named else path_of(function), file_of(function))
        else:
            # An object that can be called: the object itself is an argument.
            write_class(self, type(function))

    def _plain(self, function: types.FunctionType, own: bool) -> None:
        code = function.__code__
        # Lambdas of one scope share their path: a version alone does not tell them apart.
        if self._sources or (code.co_name == "<lambda>" and not self.lenient):
            self.say("code", _sources.form_of_code(code))
        loads, stores = names_in(code)
        for name, cell in zip(code.co_freevars, function.__closure__ or ()):
            self.say("around", name)
            if name not in stores:
                self.cell(cell, name)
        if not own:
            self.say("defaults")
            self._snapshot(function.__defaults__)
            self._snapshot(function.__kwdefaults__)
        if self._follow and self._sources:
            self._uses(function, loads - stores)

    def cell(self, cell: Any, name: str) -> None:
        """A variable around a function."""
        try:
            content = cell.cell_contents
        except ValueError:
            self.watched.append((cell, "cell_contents", None))
            self.say("empty")
            return
        self.watched.append((cell, "cell_contents", (content,)))
        if not self.value(content):
            kind = type(content).__qualname__
            self.cannot_tell(f"`{name}` around it (of type {kind}), which may change or has no key", content)

    def _uses(self, function: types.FunctionType, names: set[str]) -> None:
        """What the function uses of its module, and of its class. What it sets itself, such as a counter, is its result."""
        namespace = function.__globals__
        in_module = getattr(sys.modules.get(namespace.get("__name__", "")), "__dict__", None) is namespace
        for name in sorted(names):
            if name not in namespace:
                if not hasattr(builtins, name):
                    self.watched.append((namespace, name, None))
                continue
            value = namespace[name]
            self.say("uses", name)
            if issubclass(type(value), types.ModuleType):
                self.say("module", value.__name__)
                continue
            self.watched.append((namespace, name, (value,)))
            if not self._used(value, namespace):
                self.say("data", type_path(type(value)))
                if not in_module:
                    self.cannot_tell(f"`{name}` of a namespace that is no module", value)
        owner = class_of(function)
        if owner is not None:
            for name in sorted(attributes_in(function.__code__) & set(owner)):
                self.say("of its class", name)
                write_member(self, owner[name])

    def _used(self, value: Any, namespace: dict[str, Any]) -> bool:
        """Whether it can be told; what is found in another module is told by its path."""
        bare = unwrapped(value)
        if is_function_or_class(bare):
            asked = type if issubclass(type(bare), type) else object
            module, qualname = (asked.__getattribute__(bare, name) for name in ("__module__", "__qualname__"))
            elsewhere = module != namespace.get("__name__")
            if elsewhere and is_found_by_path(bare, module, qualname):
                self.say("path", f"{module}.{qualname}")
                return True
        return self.value(value)

    # Values.

    def value(self, value: Any) -> bool:
        """Writes a value that cannot change; of any other it is false, and nothing is written."""
        if is_constant(value):
            write_constant(self, value)
        elif type(value) is tuple or type(value) is frozenset:
            return self._items(value)
        elif issubclass(type(value), types.ModuleType):
            self.say("module", value.__name__)
        elif issubclass(type(value), type):
            write_class(self, value)
        elif type(value) is functools.partial:
            return self._bound((value.args, tuple(sorted(value.keywords.items()))), value.func)
        elif is_one_of(type(value), (types.MethodType, CachedMethod)):
            return self._bound(value.__self__, value.__func__)
        elif is_one_of(type(value), (types.FunctionType, CachedFunction)) or is_native(value) or is_memo(value):
            self.say("function")
            self.function(value)
        else:
            return False
        return True

    def _items(self, items: Any) -> bool:
        before = len(self._words)
        self.say(type(items).__name__, str(len(items)))
        # In a set the order is that of the process.
        ordered = items if type(items) is tuple else sorted(items, key=lambda item: f"{type(item).__name__} {item!r}")
        if all([self.value(item) for item in ordered]):
            return True
        del self._words[before:]
        return False

    def _bound(self, bound: Any, function: Any) -> bool:
        before = len(self._words)
        self.say("bound")
        if self.value(bound):
            self.function(function)
            return True
        del self._words[before:]
        return False

    def _snapshot(self, value: Any, depth: int = 0) -> None:
        """Defaults as they are now: what can change is written with its content, and by its type if it has none."""
        if self.value(value):
            return
        self.say("changeable", type_path(type(value)))
        if depth < 8 and is_one_of(type(value), (list, tuple, set, dict)):
            self.say(str(len(value)))
            items = value.items() if type(value) is dict else value
            for item in items if type(value) is not set else sorted(items, key=repr):
                self._snapshot(item, depth + 1)

    # Programs.

    def place(self, namespace: dict[str, Any], module: Any, qualname: str, code: types.CodeType | None) -> None:
        """Module and qualified name; of what is in no module that others could import, the program."""
        name = module_of(namespace, module)
        self.say("path", name, qualname)
        if name != "__main__" or not self._programs_count:
            return
        told = None if self._sources else _sources.place_of_script(namespace)
        told = told or _sources.form_of_script(namespace, None if code is None else code.co_filename) or "unknown"
        if told not in self._programs:
            self._programs.add(told)
            self.say("program", told)


def _undescribed(item: Any) -> tuple[Any, ...]:
    raise TypeError(f"{item!r} has no form")
