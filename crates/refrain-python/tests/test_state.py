"""All state of an argument is in its key: random types with random state in every place that an object can have state in.

Two objects share a key only if a function that reads all of that state through the language itself sees the same.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refrain_cache import UnkeyableError
from refrain_cache._recipes import key_for

VALUES = st.sampled_from([0, 1, True, "a", "", b"a", 1.5, None, (1,), (1.0,), "x"])
NAMES = st.sampled_from(["a", "b", "c"])
BASES = {
    object: st.none(),
    int: st.integers(0, 2),
    str: st.sampled_from(["", "a"]),
    float: st.sampled_from([0.0, -0.0, 1.0]),
    bytes: st.sampled_from([b"", b"a"]),
    tuple: st.lists(VALUES, max_size=2).map(tuple),
    list: st.lists(VALUES, max_size=2),
    dict: st.lists(st.tuples(NAMES, VALUES), max_size=2).map(dict),
    set: st.sets(st.sampled_from([1, "a"])),
    frozenset: st.frozensets(st.sampled_from([1, "a"])),
    bytearray: st.sampled_from([b"", b"a"]).map(bytearray),
}
MAKERS = ["plain", "dataclass", "frozen", "attrs"]


@st.composite
def objects(draw):
    """An object, and all of its state."""
    base = draw(st.sampled_from(list(BASES)))
    content = draw(BASES[base])
    can_have_slots = base not in (int, bytes, tuple)
    base_slots = draw(st.lists(NAMES, unique=True, max_size=2)) if can_have_slots else []
    slots = draw(st.lists(NAMES, unique=True, max_size=1)) if can_have_slots else []
    maker = draw(st.sampled_from(MAKERS)) if base is not object else draw(st.sampled_from(MAKERS[1:]))
    behaviour = draw(st.integers(0, 1))
    attribute = draw(VALUES)
    fields = draw(st.lists(st.sampled_from(["d", "e"]), unique=True, max_size=2))

    below = type("Below", (base,), {"__slots__": tuple(base_slots), "__module__": __name__})
    methods = {**({"__slots__": (*slots, "__dict__")} if can_have_slots else {}), "__module__": __name__, "__qualname__": "Made", "__doc__": "made", "level": attribute}
    exec(f"def behave(self): return {behaviour}", methods)
    methods.pop("__builtins__")
    if maker != "plain":
        methods["__annotations__"] = {name: object for name in fields}
    made = type("Made", (below,), methods)
    if maker in ("dataclass", "frozen"):
        made = dataclasses.dataclass(eq=False, repr=False, init=False)(made)
    elif maker == "attrs":
        made = pytest.importorskip("attrs").define(eq=False, repr=False, init=False, slots=False)(made)
    item = made.__new__(made, content) if base in (int, str, float, bytes, tuple, frozenset) else made.__new__(made)
    if base is list:
        list.extend(item, content)
    elif base in (dict, set):
        base.update(item, content)
    elif base is bytearray:
        bytearray.extend(item, content)
    state = {"base": base, "content": typed(content), "bases slots": sorted(base_slots), "slots": sorted(slots), "maker": maker}
    state["behaviour"], state["level"], state["fields"] = behaviour, typed(attribute), sorted(fields)
    # Slots of both classes may have one name: each is set through its own descriptor.
    for kind, name in (*((below, name) for name in base_slots), *((made, name) for name in slots)):
        if draw(st.booleans()):
            value = draw(VALUES)
            vars(kind)[name].__set__(item, value)
            state[f"{kind.__name__}.{name}"] = typed(value)
    for name in fields + draw(st.lists(st.sampled_from(["p", "q"]), unique=True, max_size=1)):
        value = draw(VALUES)
        object.__getattribute__(item, "__dict__")[name] = value
        state[f"attribute {name}"] = typed(value)
    return item, state


def typed(value):
    """The value with its types and order: `==` alone says that 1 is True."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [typed(item) for item in value]
    if isinstance(value, dict):
        return "dict", [(name, typed(item)) for name, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, sorted(map(repr, value))
    return type(value).__name__, repr(value)


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(objects(), objects())
def test_two_that_differ_never_share_a_key(one, other):
    keys = []
    for item, _ in (one, other):
        try:
            keys.append(key_for(item))
        except UnkeyableError:
            return
    if keys[0] == keys[1]:
        assert one[1] == other[1]
    assert key_for(one[0]) == keys[0], "a key stays"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(objects())
def test_what_is_changed_anywhere_has_another_key(made):
    item, _ = made
    try:
        before = key_for(item)
    except UnkeyableError:
        return
    object.__getattribute__(item, "__dict__")["added"] = 1
    assert key_for(item) != before
    kind = type(item)
    for each in kind.__mro__[:2]:
        for name in each.__dict__.get("__slots__", ()):
            if name == "__dict__":
                continue
            before = key_for(item)
            vars(each)[name].__set__(item, "changed")
            assert key_for(item) != before


Row, Column = collections.namedtuple("Row", "w h"), collections.namedtuple("Row", "h w")


class Flags(enum.Flag):
    A = 1
    B = 2


def local(answer):
    @dataclasses.dataclass
    class Local:
        width: int = 1

        def answer(self):
            return answer

    return Local


def enumeration(value):
    return enum.Enum("Color", {"RED": value}, module=__name__)


DIFFERENT = {
    "named tuples with other fields": (Row(1, 2), Column(1, 2)),
    "factories": (collections.defaultdict(int), collections.defaultdict(list)),
    "factories that are lambdas": (collections.defaultdict(lambda: 1), collections.defaultdict(lambda: 2)),
    "order of a counter": (collections.Counter("ab"), collections.Counter("ba")),
    "attributes of an ordered dictionary": tuple(map(collections.OrderedDict, ({}, {}))),
    "local classes that behave differently": (local(1)(), local(2)()),
    "local classes": (local(1), local(2)),
    "enumerations of other values": (enumeration(1).RED, enumeration(2).RED),
    "combined flags": (Flags.A | Flags.B, Flags.A),
    "bytes": (b"a", bytearray(b"a")),
    "sets": ({1}, frozenset([1])),
    "functions": ((lambda: 1), (lambda: 2)),
    "defaults of functions": ((lambda x=1: x), (lambda x=2: x)),
    "types": (int, bool),
    "generic types": (list[int], list[str]),
    "a type and its name": (int, "builtins.int"),
    "bound methods": (local(1)(1).answer, local(1)(2).answer),
}
DIFFERENT["attributes of an ordered dictionary"][0].unit = "mm"


@pytest.mark.parametrize("one, other", DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_has_two_keys(one, other):
    assert key_for(one) != key_for(other)
    assert key_for(one) == key_for(one)
    assert key_for([one]) != key_for([other])


def test_libraries_have_all_their_state_too():
    import array
    import ipaddress
    import re
    import types

    values = [
        re.compile("a"), re.compile("a", re.IGNORECASE), re.compile("b"), array.array("i", [1]), array.array("l", [1]), array.array("i"),
        ipaddress.ip_address("127.0.0.1"), ipaddress.ip_network("127.0.0.1"), "127.0.0.1", types.SimpleNamespace(a=1),
        types.SimpleNamespace(a=2), types.MappingProxyType({"a": 1}), {"a": 1}, re, types,
    ]  # fmt: skip
    for one, other in itertools.combinations(values, 2):
        assert key_for(one) != key_for(other), (one, other)


# Objects that answer what they like.


class Liar:
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1

    def __repr__(self):
        return "same"

    def __reduce__(self):
        return str, ("same",)


class LyingMeta(type):
    __eq__ = Liar.__eq__
    __hash__ = Liar.__hash__

    def __getattribute__(cls, name):
        if name in ("__module__", "__qualname__", "__name__", "__dict__", "__mro__"):
            return "same"
        return super().__getattribute__(name)


def lying(answer):
    class Made(Liar, dict, metaclass=LyingMeta):
        def method(self):
            return answer

        def items(self):
            return []

        def __iter__(self):
            return iter(())

        def __getattribute__(self, name):
            raise RuntimeError("do not look at me")

    return Made


def test_what_an_object_answers_about_itself_makes_no_difference():
    one, other = lying(1), lying(2)
    assert key_for(one()) != key_for(other())
    full = one()
    dict.__setitem__(full, "a", 1)
    assert key_for(full) != key_for(one())
    with pytest.raises(UnkeyableError):
        key_for(Liar())


def test_what_is_endless_or_changes_meanwhile_has_no_key_or_one_of_a_moment():
    @dataclasses.dataclass
    class Node:
        next: object = None

    node = Node()
    node.next = node
    with pytest.raises(UnkeyableError, match="nested"):
        key_for(node)

    class Growing(list):
        pass

    growing = Growing([1])

    class Grows:
        def __refrain_key__(self):
            growing.append(len(growing))
            return len(growing)

    growing.append(Grows())
    assert key_for(growing) != key_for(growing)
