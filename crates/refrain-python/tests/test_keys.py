"""What makes two values the same in a key, and what cannot be in one."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import itertools
import json
import os
import pathlib
import pickle
import struct
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refrain_cache import Json, Key, Media, UnkeyableError
from refrain_cache._describe import describe
from refrain_cache._native import key_of
from refrain_cache._recipes import key_for

REPOSITORY = pathlib.Path(os.environ.get("REFRAIN_REPOSITORY", pathlib.Path(__file__).parents[3]))


class Described:
    """A value of the vectors that Python has no type for."""

    def __init__(self, *description):
        self.description = description


def of_vector(value):
    ((kind, content),) = value.items()
    if kind in ("null", "bool"):
        return content
    if kind == "integer":
        return int(content) if content != "-0" else pytest.skip("JSON alone has a negative zero")
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(content))[0]
    if kind == "decimal":
        return Json(content.encode())
    if kind == "text":
        return content
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "list":
        return [of_vector(item) for item in content]
    if kind == "tuple":
        return tuple(of_vector(item) for item in content)
    if kind == "set":
        return Described("value", set(map(of_vector, content)))
    if kind == "map":
        return {name: of_vector(item) for name, item in content}
    if kind == "table":
        table = {of_vector(key): of_vector(item) for key, item in content}
        return table if len(table) == len(content) else pytest.skip("1 and True are one key of a dict")
    if kind == "tagged":
        return Described("tagged", content["type"], of_vector(content["content"]))
    if kind == "variant":
        return Described("variant", content["type"], content["variant"], of_vector(content["content"]))
    if kind == "json":
        return Json(content.encode())
    return pytest.skip(f"a digest alone is no {kind} here")


def describe_vector(item):
    return item.description if isinstance(item, Described) else describe(item)


VECTORS = json.loads((REPOSITORY / "docs" / "key-vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda vector: vector["name"])
def test_keys_are_those_of_the_other_doors(vector):
    try:
        value = of_vector(vector["value"])
    except TypeError:
        pytest.skip("not hashable in Python")
    parts = {"value": value}
    # The second time it is found among the keys made lately.
    for _ in range(2):
        assert str(key_of("vectors", "1", parts, describe_vector)) == vector["key"]


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["name"])
def test_requests_have_the_keys_of_the_other_doors(vector):
    if vector["ignored"]:
        pytest.skip("what is ignored is left out by the caller")
    parts = {name: of_vector(value) for name, value in vector["parts"].items()}
    key = key_of(vector["generator"], vector["fingerprint"], parts, describe_vector, vector["namespace"])
    assert str(key) == vector["key"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["name"])
def test_json_that_is_refused_elsewhere_is_refused_here(vector):
    text = vector.get("json")
    data = text.encode("utf-8", "surrogatepass") if text is not None else bytes.fromhex(vector["bytes"])
    with pytest.raises(ValueError):
        Json(data)


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Level(enum.IntEnum):
    LOW = 1


class Text(str):
    pass


@dataclasses.dataclass
class Size:
    width: int
    height: int = 2


@dataclasses.dataclass(frozen=True)
class Extent:
    width: int
    height: int = 2


Point = collections.namedtuple("Point", "x y")
Pair = collections.namedtuple("Pair", "x y")

#: No two are the same.
DIFFERENT = [
    None, True, False, 0, 1, 2**63, 2**64, -(2**100), 0.0, -0.0, 1.0, float("inf"), "", "1", "a", "\u00e1", "a\u0301", b"", b"1", b"a",
    [], [1], [1, 2], [2, 1], [[1]], (), (1,), (1, 2), set(), {1}, {1, 2}, {}, {"a": 1}, {"a": 2}, {1: "a"}, {"1": "a"}, {"a": None},
    Color.RED, Color.GREEN, Level.LOW, Text("a"), Size(1), Size(2), Extent(1), Point(1, 2), Pair(1, 2), 1j, 1 + 0j, range(3), range(0, 3, 2),
    slice(3), slice(0, 3), ..., decimal.Decimal("1"), decimal.Decimal("1.0"), fractions.Fraction(1), uuid.UUID(int=1),
    datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    datetime.timedelta(1), datetime.time(1), pathlib.Path("a"), pathlib.Path("b"), memoryview(b"a"), Media(b"a"), Media(b""), Json(b"[1.5]"),
    collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1), collections.defaultdict(int, a=1), collections.Counter("a"),
    collections.deque([1]), collections.deque([1], maxlen=1), Key("0" * 64), Key("1" * 64),
]  # fmt: skip


def test_different_values_have_different_keys():
    for one, other in itertools.combinations(DIFFERENT, 2):
        assert key_for(one) != key_for(other), (one, other)


def test_a_value_has_one_key():
    again = pickle.loads(pickle.dumps([item for item in DIFFERENT if not isinstance(item, (memoryview, Media, Json))]))
    for item in again:
        assert key_for(item) in {key_for(other) for other in DIFFERENT}, item


def test_a_key_is_the_same_whether_or_not_it_was_made_lately():
    # Longer and shorter than what is remembered, and than what is digested in one go.
    texts = ["x" * length for length in range(1200)]
    made = [key_for(text) for text in texts]
    assert len(set(made)) == len(texts)
    assert [key_for(text) for text in texts] == made
    # More than are remembered.
    numbers = [key_for(number) for number in range(50_000)]
    assert len(set(numbers)) == 50_000
    assert [key_for(number) for number in range(50_000)] == numbers
    assert [key_for(text) for text in texts] == made


def test_an_order_that_means_nothing_makes_no_difference():
    assert key_for({"a": 1, "b": 2}) == key_for({"b": 2, "a": 1})
    assert key_for({1: 1, "b": 2}) == key_for({"b": 2, 1: 1})
    assert key_for({3, 1, 2}) == key_for({2, 3, 1}) != key_for(frozenset([2, 3, 1]))
    assert key_for(b"a") != key_for(bytearray(b"a"))
    assert key_for(float("nan")) == key_for(float("nan"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])) | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(max_size=3, alphabet="abc"), inner),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(VALUES, VALUES)
def test_keys_are_equal_exactly_when_values_and_types_are(one, other):
    assert (key_for(one) == key_for(other)) == (typed(one) == typed(other))


def typed(value):
    """The value with its types: `==` alone says that 1 is True."""
    if isinstance(value, (list, tuple)):
        return type(value), [typed(item) for item in value]
    if isinstance(value, dict):
        return dict, {name: typed(item) for name, item in value.items()}
    return type(value), repr(value)


class Opaque:
    pass


class OwnKey:
    def __init__(self, name):
        self.name = name

    def __refrain_key__(self):
        return {"name": self.name}


def test_a_type_may_say_what_its_key_is():
    assert key_for(OwnKey("a")) == key_for(OwnKey("a")) != key_for(OwnKey("b"))


def endless():
    holder = []
    holder.append(holder)
    return holder


def spiced(spice):
    text = Text("a")
    text.spice = spice
    return text


def changed(depth):
    size = Size(1)
    size.depth = depth
    return size


def callback_of(steps):
    return lambda: len(steps)


@pytest.mark.parametrize(
    "value, message",
    [
        (Opaque(), "no stable form"),
        ([1, {"a": Opaque()}], r"`key\[1\]\.a`"),
        (iter([]), "read only once"),
        ((n for n in ()), "read only once"),
        (io.BytesIO(b"a"), "read only once"),
        (endless(), "nested deeper"),
        ("\ud800", "surrogate"),
        (callback_of([1]), "`steps` around it"),
        (spiced(Opaque()), r"\.spice"),
        (changed(Opaque()), r"\.depth"),
        (10**5000, "digits"),
        ({1: 1, Opaque(): 2}, "no stable form"),
    ],
    ids=["object", "inside", "iterator", "generator", "file", "endless", "surrogate", "function", "text", "record", "digits", "key"],
)
def test_what_cannot_be_keyed_is_named_with_the_reason(value, message):
    with pytest.raises(UnkeyableError, match=message) as error:
        key_for(value)
    assert isinstance(error.value, TypeError)
    assert error.value.part.startswith("key")
    again = pickle.loads(pickle.dumps(error.value))
    assert (str(again), again.part) == (str(error.value), error.value.part)


def test_an_interrupt_while_keying_is_not_swallowed():
    class Interrupting:
        def __refrain_key__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        key_for([Interrupting()])


def test_keys_are_values():
    key = key_for("a")
    assert Key(str(key)) == key and hash(Key(str(key))) == hash(key)
    assert pickle.loads(pickle.dumps(key)) == key
    assert len(str(key)) == 64 and bytes.fromhex(str(key)) == bytes(key)
    assert sorted([Key("f" * 64), Key("0" * 64)])[0] == Key("0" * 64)
    for wrong in ("", "f" * 63, "F" * 64):
        with pytest.raises(ValueError, match="hexadecimal"):
            Key(wrong)


# Libraries.


def test_arrays_count_by_type_shape_and_content():
    numpy = pytest.importorskip("numpy")
    base = numpy.arange(6, dtype="<i4")
    different = [
        base, base.astype("<i8"), base.astype(">i4"), base.reshape(2, 3), base.reshape(3, 2), base[::-1], base[:0], numpy.array(5),
        base.tolist(), numpy.int32(5), numpy.int64(5), 5, numpy.float64(5), 5.0, numpy.bool_(True), numpy.array(["a"]), base.dtype,
        numpy.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), numpy.array([(1, 2.0)], dtype=[("x", "i4"), ("b", "f8")]),
        numpy.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0], numpy.array([(1, 2.0)], dtype=[("x", "i4"), ("b", "f8")])[0],
        numpy.dtype([("a", "i4")]), numpy.dtype([("b", "i4")]), numpy.dtype("O"), numpy.datetime64("2026-01-01"), numpy.timedelta64(1, "D"), numpy.timedelta64(1, "s"),
    ]  # fmt: skip
    for one, other in itertools.combinations(different, 2):
        assert key_for(one) != key_for(other), (one, other)
    # How the same content lies in memory makes no difference.
    assert key_for(base.reshape(2, 3)) == key_for(numpy.asfortranarray(base.reshape(2, 3)))
    assert key_for(base[::2]) == key_for(numpy.array([0, 2, 4], dtype="<i4"))
    with_objects = numpy.array([(1, Opaque())], dtype=[("a", "i4"), ("b", "O")])
    for refused in (numpy.array([Opaque()]), with_objects, with_objects[0], numpy.zeros(1, numpy.dtype("i4", metadata={"unit": "mm"})), numpy.ma.masked_array([1, 2], [True, False])):
        with pytest.raises(UnkeyableError):
            key_for(refused)


def test_pictures_count_by_what_functions_see_of_them(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    red = Image.new("RGB", (4, 4), "red")
    different = [
        red, Image.new("RGB", (4, 4), "blue"), Image.new("RGB", (2, 8), "red"), Image.new("RGBA", (4, 4), "red"),
        red.convert("P"), Image.new("L", (4, 4)), red.tobytes(),
    ]  # fmt: skip
    turned = red.copy()
    turned.getexif()[0x0112] = 6
    different.append(turned)
    for one, other in itertools.combinations(different, 2):
        assert key_for(one) != key_for(other), (one, other)
    red.save(tmp_path / "red.png")
    # Lazily read: nothing of the file has been decoded yet.
    assert key_for(Image.open(tmp_path / "red.png")) == key_for(red)
    red.save(tmp_path / "red.gif", save_all=True, append_images=[different[1]])
    with pytest.raises(UnkeyableError, match="several frames"):
        key_for(Image.open(tmp_path / "red.gif"))


def test_pydantic_models_count_by_their_fields():
    pydantic = pytest.importorskip("pydantic")

    class Request(pydantic.BaseModel):
        model_config = {"extra": "allow"}
        prompt: str
        seed: int = 0
        inner: list[int] = []

    class Other(Request):
        pass

    assert key_for(Request(prompt="a", seed=0)) == key_for(Request(seed=0, prompt="a"))
    # A function may ask which fields were given.
    different = [Request(prompt="a", seed=0), Request(prompt="a"), Request(prompt="b"), Request(prompt="a", seed=1), Request(prompt="a", more=1), Other(prompt="a")]
    different.append({"prompt": "a", "seed": 0, "inner": []})
    for one, other in itertools.combinations(different, 2):
        assert key_for(one) != key_for(other), (one, other)
    with pytest.raises(UnkeyableError, match=r"\.more`"):
        key_for(Request(prompt="a", more=object()))
