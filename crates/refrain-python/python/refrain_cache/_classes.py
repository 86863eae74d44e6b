"""What a class is: its path, its bases, and what is defined in it, by the same rule as functions.

Data that may change is written by its type, where the class can be found by its path; a class that cannot must have nothing of the kind.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import types
import uuid
from typing import Any

from ._native import CachedFunction
from ._paths import in_standard_library, is_found_by_path, is_one_of, is_standard_file, module_of, type_path, unwrapped

_PLAIN = (bool, int, float, complex, str, bytes)

#: Exact types whose `repr` tells all, and which cannot change.
_WRITTEN_OUT = (
    decimal.Decimal,
    fractions.Fraction,
    datetime.date,
    datetime.timedelta,
    datetime.timezone,
    uuid.UUID,
    range,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
    pathlib.PosixPath,
    pathlib.WindowsPath,
)

#: Names in classes that Python derives from the rest, or that tell nothing of what the class does.
_DERIVED = frozenset(
    "__dict__ __weakref__ __module__ __qualname__ __doc__ __firstlineno__ __static_attributes__ __abstractmethods__"
    " __annotations__ __annotate__ __signature__ __class_vars__ __private_attributes__ __annotate_func__ __annotations_cache__ __dataclass_fields__ __dataclass_params__"
    " __attrs_attrs__ __match_args__ __classcell__ __type_params__ __orig_bases__ __parameters__ __protocol_attrs__"
    " _abc_impl __attrs_own_setattr__ __attrs_props__ __non_callable_proto_members__ _is_protocol".split()
)

#: Attributes of what libraries describe fields with.
_FIELD = ("name", "type", "default", "default_factory", "factory", "init", "repr", "eq", "order", "hash", "compare", "kw_only",
          "converter", "validator", "on_setattr", "annotation", "alias", "title", "description", "examples", "metadata")  # fmt: skip


def is_constant(value: Any) -> bool:
    """Whether it is a value that cannot change and that can be written out."""
    kind = type(value)
    if value is None or value is Ellipsis or value is NotImplemented or is_one_of(kind, _PLAIN) or is_one_of(kind, _WRITTEN_OUT):
        return True
    if kind is datetime.datetime or kind is datetime.time:
        return value.tzinfo is None or type(value.tzinfo) is datetime.timezone
    return kind is re.Pattern or issubclass(type(value), enum.Enum)


def write_constant(walk: Any, value: Any) -> None:
    kind = type(value)
    if issubclass(type(value), enum.Enum):
        walk.say("member", enum.Enum.__dict__["name"].__get__(value))
        write_class(walk, kind)
    else:
        text = f"{value!r} fold={value.fold}" if hasattr(value, "fold") else repr(value)
        walk.say("constant", type_path(kind), text if kind is not re.Pattern else repr((value.pattern, value.flags)))


def write_class(walk: Any, kind: type) -> None:
    """The class: by its path, or by all that it is made of."""
    walk.say("class")
    if is_told_by_content(kind):
        walk.refer(kind, functools.partial(_write_content, walk))
    else:
        walk.say(type_path(kind))


def _write_content(walk: Any, kind: type) -> None:
    module = type.__getattribute__(kind, "__module__")
    qualname = type.__getattribute__(kind, "__qualname__")
    content = type.__dict__["__dict__"].__get__(kind)
    functions = [value for value in map(_bare, content.values()) if type(value) is types.FunctionType]
    first = next((function for function in functions if function.__module__ == module), None)
    namespace = _namespace_of(module, first)
    walk.place(namespace, module, qualname, None if first is None else first.__code__)
    walk.lenient = walk.lenient or is_found_by_path(kind, module, qualname)
    for base in type.__dict__["__bases__"].__get__(kind):
        walk.say("base")
        _write_base(walk, base, module)
    if type(kind) is not type:
        walk.say("metaclass")
        _write_base(walk, type(kind), module)
    _write_fields(walk, kind, content)
    if isinstance(kind, enum.EnumMeta):
        members = content.get("_member_map_", {})
        for name, member in members.items():
            walk.say("member", name)
            _write_data(walk, getattr(member, "_value_", None))
    else:
        members = {}
    for name in sorted(name for name in content if name not in _DERIVED and not name.startswith("__pydantic_")):
        value = content[name]
        if name in members or (members and name.startswith("_")):
            continue
        walk.say("has", name)
        lenient = walk.lenient
        # What a library has around the methods that it writes follows from the fields.
        walk.lenient = lenient or _is_generated(kind, value, module)
        write_member(walk, value)
        walk.lenient = lenient


def is_told_by_content(kind: type) -> bool:
    """Whether it was made by Python code that may change: not one of Python itself, nor compiled."""
    heap = 1 << 9
    module = type.__getattribute__(kind, "__module__")
    return bool(type.__dict__["__flags__"].__get__(kind) & heap) and not (
        in_standard_library(module) and is_found_by_path(kind, module, type.__getattribute__(kind, "__qualname__"))
    )


def module_name(kind: type) -> str:
    """The module of a class, as keys tell it."""
    module = type.__getattribute__(kind, "__module__")
    return module_of(_namespace_of(module, None), module)


def _namespace_of(module: Any, function: types.FunctionType | None) -> dict[str, Any]:
    import sys

    if function is not None:
        return function.__globals__
    return getattr(sys.modules.get(module), "__dict__", {}) if isinstance(module, str) else {}


def _write_base(walk: Any, base: type, module: Any) -> None:
    """A base of another module is told by its path, where that leads to it."""
    theirs = type.__getattribute__(base, "__module__")
    if theirs != module and is_found_by_path(base, theirs, type.__getattribute__(base, "__qualname__")):
        walk.say("class", type_path(base))
    else:
        write_class(walk, base)


def _bare(value: Any) -> Any:
    return unwrapped(value.__func__ if is_one_of(type(value), (staticmethod, classmethod)) else value)


def write_member(walk: Any, value: Any) -> None:
    """What a class has under a name."""
    if is_one_of(type(value), (staticmethod, classmethod)):
        walk.say(type(value).__name__)
        write_member(walk, value.__func__)
    elif type(value) is property:
        walk.say("property")
        for function in (value.fget, value.fset, value.fdel):
            write_member(walk, function)
    elif type(value) is functools.cached_property:
        walk.say("property")
        write_member(walk, value.func)
    elif is_one_of(type(value), (types.FunctionType, CachedFunction)):
        walk.function(value)
    elif is_one_of(type(value), (types.MemberDescriptorType, types.GetSetDescriptorType)):
        walk.say("slot")
    elif type(value) is types.GenericAlias or type(value).__module__ == "typing":
        _write_annotation(walk, value)
    elif not walk.value(value):
        _write_data(walk, value)


def _write_data(walk: Any, value: Any, depth: int = 0) -> None:
    """Data that may change, by its content as far as it is built in."""
    if walk.value(value):
        return
    if is_one_of(type(value), (list, tuple, dict, set)) and depth < 8:
        walk.say("changeable", type(value).__name__, str(len(value)))
        items = value.items() if type(value) is dict else value
        for item in items if type(value) is not set else sorted(items, key=repr):
            _write_data(walk, item, depth + 1)
    else:
        walk.cannot_tell(f"data of its class (of type {type(value).__qualname__}), which may change or has no key", value)


def _write_fields(walk: Any, kind: type, content: Any) -> None:
    """Annotations, and the fields that dataclasses, attrs and pydantic make of them."""
    annotations = content.get("__annotations__")
    if annotations is None and ("__annotate__" in content or "__annotate_func__" in content):
        try:
            annotations = type.__getattribute__(kind, "__annotations__")
        except Exception:
            annotations = {"?": "?"}
    for name, annotation in sorted((annotations or {}).items()) if type(annotations) is dict else ():
        walk.say("annotation", str(name))
        _write_annotation(walk, annotation)
    for maker in ("__dataclass_params__", "__attrs_attrs__", "__pydantic_fields__"):
        if maker in content:
            walk.say("made by", maker, repr(content[maker]) if maker == "__dataclass_params__" else "")
    for fields in (content.get("__dataclass_fields__"), content.get("__attrs_attrs__"), content.get("__pydantic_fields__")):
        if fields is None:
            continue
        named = fields.items() if isinstance(fields, dict) else ((field.name, field) for field in fields)
        for name, field in named:
            walk.say("field", str(name), type_path(type(field)))
            for attribute in _FIELD:
                _write_annotation(walk, getattr(field, attribute, None))


def _write_annotation(walk: Any, annotation: Any, depth: int = 0) -> None:
    arguments = getattr(annotation, "__args__", None)
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        walk.say("class", type_path(annotation))
    elif type(arguments) is tuple and depth < 20:
        walk.say("of", type_path(type(annotation)), str(getattr(annotation, "__origin__", "")), str(len(arguments)))
        for argument in (*arguments, *getattr(annotation, "__metadata__", ())):
            _write_annotation(walk, argument, depth + 1)
    elif is_one_of(type(annotation), (list, tuple)) and depth < 20:
        walk.say("list", str(len(annotation)))
        for item in annotation:
            _write_annotation(walk, item, depth + 1)
    elif not walk.value(annotation):
        text = repr(annotation) if type(annotation).__module__ in ("typing", "annotated_types", "pydantic_core") else ""
        walk.say("annotated", type_path(type(annotation)), "" if " at 0x" in text else text)


def _is_generated(kind: type, value: Any, module: Any) -> bool:
    """Whether a library wrote the method, as those of dataclasses and the like."""
    bare = _bare(value)
    if type(bare) is not types.FunctionType:
        return False
    makers = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__", "_fields", "__fields__")
    made = any(name in type.__dict__["__dict__"].__get__(kind) for name in makers)
    file_name = bare.__code__.co_filename
    return made and (bare.__module__ != module or is_standard_file(file_name) or file_name.startswith(("<string>", "<attrs", "<frozen")))
