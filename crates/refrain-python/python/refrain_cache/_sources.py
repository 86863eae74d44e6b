"""The source that a code object was compiled from, as a syntax tree that is written in one form (an abstract syntax tree).

Comments, spacing and line breaks are not in a tree, so they make no difference. A file may have been changed since it
was imported, and `linecache` may still have an older text: what is found is compiled again and compared with what runs.
What differs, and what has no source, is told by its bytecode.
"""

from __future__ import annotations

import ast
import os
import sys
import threading
import types
from typing import Any

from . import _forks

#: Files whose trees are kept, and code objects whose forms are.
_MOST_FILES = 16
_MOST_FORMS = 4096

#: Bytes above which a file is not parsed: its functions are told by their bytecode.
_LONGEST_FILE = 4 << 20

#: By the file's name: its text, and what it defines by first line and name.
_files: dict[str, tuple[str, dict[tuple[int, str], tuple[ast.AST, types.CodeType] | None]]] = {}
#: By the identity of a code object, which is kept so that no other one has it.
_forms: dict[int, tuple[types.CodeType, str]] = {}

_Functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def form_of_code(code: types.CodeType) -> str:
    """What the function does: two of the same form do the same with the same names."""
    known = _forms.get(id(code))
    if known is not None and known[0] is code:
        return known[1]
    form = _form_of_source(code) or bytecode(code)
    if len(_forms) >= _MOST_FORMS:
        _forms.clear()
    _forms[id(code)] = (code, form)
    return form


def bytecode(code: types.CodeType) -> str:
    """The instructions of a code object with all that they refer to, but not where it was written."""
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    handlers = getattr(code, "co_exceptiontable", b"")
    constants = [_constant(value) for value in code.co_consts]
    return repr(("bytecode", sys.version_info[:2], shape, names, code.co_code, handlers, constants))


def _constant(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return bytecode(value)
    if type(value) is tuple:
        return f"({','.join(map(_constant, value))})"
    if type(value) is frozenset:
        return f"{{{','.join(sorted(map(_constant, value)))}}}"
    return f"{type(value).__name__} {value!r}"


#: Fields of nodes that follow from the others.
_UNSAID = ("ctx", "type_comment", "kind")


def form_of_tree(node: Any, without: tuple[str, ...] = ()) -> str:
    """A syntax tree as text, without places, and without what is absent: so that later versions of Python agree."""
    if isinstance(node, ast.AST):
        parts = [type(node).__name__]
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _UNSAID or name in without or value == [] or (value is None and name != "value"):
                continue
            parts.append(f"{name}={form_of_tree(value)}")
        return f"({' '.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(map(form_of_tree, node))}]"
    return _constant(node)


def _form_of_source(code: types.CodeType) -> str | None:
    found = _definitions(code.co_filename).get((code.co_firstlineno, code.co_name))
    if found is None:
        return None
    node, compiled = found
    if bytecode(compiled) != bytecode(code):
        return None
    try:
        # What decorates a function is either around it or has become part of what it refers to.
        return form_of_tree(node, without=("decorator_list",))
    except RecursionError:
        return None


def _definitions(file_name: str) -> dict[tuple[int, str], tuple[ast.AST, types.CodeType] | None]:
    """What a file defines; `None` where there are several of one name in one line."""
    text = text_of(file_name)
    if text is None:
        return {}
    known = _files.get(file_name)
    if known is not None and known[0] == text:
        return known[1]
    definitions: dict[tuple[int, str], tuple[ast.AST, types.CodeType] | None] = {}
    try:
        tree = _parsed(text)
        codes = _codes_by_place(compile(text, file_name, "exec", dont_inherit=True))
        places: dict[tuple[int, str], list[ast.AST]] = {}
        for node in ast.walk(tree):
            if isinstance(node, _Functions):
                places.setdefault(_place(node), []).append(node)
        for place, nodes in places.items():
            at_place = codes.get(place, [])
            one = len(nodes) == len(at_place) == 1
            definitions[place] = (nodes[0], at_place[0]) if one else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        definitions = {}
    with _parsing:
        while len(_files) >= _MOST_FILES:
            del _files[next(iter(_files))]
        _files[file_name] = (text, definitions)
    return definitions


def _parsed(text: str | bytes) -> ast.AST:
    """Python 3.11 and older count the depth of trees for all threads together, and fail where two parse at once."""
    for _ in range(10):
        try:
            with _parsing:
                return ast.parse(text)
        except SystemError:
            pass  # Another library parses.
    raise MemoryError("the parser is never free")


def _place(node: Any) -> tuple[int, str]:
    if isinstance(node, ast.Lambda):
        return node.lineno, "<lambda>"
    lines = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
    return min(lines), node.name


def _codes_by_place(code: types.CodeType) -> dict[tuple[int, str], list[types.CodeType]]:
    found: dict[tuple[int, str], list[types.CodeType]] = {}
    waiting = [code]
    while waiting:
        inner = [value for value in waiting.pop().co_consts if isinstance(value, types.CodeType)]
        waiting.extend(inner)
        for one in inner:
            found.setdefault((one.co_firstlineno, one.co_name), []).append(one)
    return found


def text_of(file_name: str) -> str | None:
    """The text of a file as it is now; of a notebook's cell and of the like, what `linecache` was given."""
    import linecache
    import tokenize

    try:
        if os.path.isfile(file_name):
            if os.path.getsize(file_name) > _LONGEST_FILE:
                return None
            with tokenize.open(file_name) as file:
                return file.read()
        known: Any = linecache.cache.get(file_name)
        # Of a module in an archive there is a function that reads it.
        lines = known[2] if known and len(known) > 1 else linecache.updatecache(file_name) if known else []
        return "".join(lines) or None
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return None


# Scripts and cells.


def _early_script() -> tuple[str, bytes] | None:
    """The script that runs, as it is when the package is imported: it may be changed while it runs."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        if path is not None and os.path.getsize(path) <= _LONGEST_FILE:
            with open(path, "rb") as file:
                return path, file.read()
    except (OSError, TypeError, ValueError):
        pass
    return None


_script = _early_script()
_script_forms: dict[str, str] = {}


def form_of_script(namespace: dict[str, Any], file_name: str | None) -> str | None:
    """What the program in `__main__` does: the whole script, or the notebook's cell in which `file_name` is."""
    path = namespace.get("__file__")
    if file_name is not None and file_name != path and not os.path.isfile(file_name):
        cell = text_of(file_name)
        if cell is not None:
            return _form_of_text(cell)
    if path is not None:
        if _script is not None and _script[0] == path:
            if path not in _script_forms:
                _script_forms[path] = _form_of_text(_script[1])
            return _script_forms[path]
        text = text_of(path) or _text_from_loader(namespace)
        return None if text is None else _form_of_text(text)
    arguments = getattr(sys, "orig_argv", [])
    if "-c" in arguments[1:-1]:
        return _form_of_text(arguments[arguments.index("-c", 1) + 1])
    return None


def place_of_script(namespace: dict[str, Any]) -> str | None:
    """Where the program in `__main__` is: for functions whose versions are given."""
    path = namespace.get("__file__") or namespace.get("__vsc_ipynb_file__")
    path = path or os.environ.get("JPY_SESSION_NAME")
    return None if path is None else os.path.realpath(path)


def _text_from_loader(namespace: dict[str, Any]) -> str | None:
    loader = namespace.get("__loader__")
    try:
        text = loader.get_source("__main__")  # type: ignore[union-attr]
    except Exception:
        return None
    return text if isinstance(text, str) else None


def _form_of_text(text: str | bytes) -> str:
    try:
        return form_of_tree(_parsed(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return repr(text)


def _new() -> None:
    global _parsing
    _parsing = threading.Lock()
    _files.clear()
    _forms.clear()


_parsing = threading.Lock()


_forks.call_in_children(_new)
