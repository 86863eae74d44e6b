"""Bytes and back: what comes out is what went in, or an error; and reading runs nothing."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import io
import pathlib
import pickle
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refrain_cache import CodecError, codecs
from refrain_cache.codecs import decode, encode


def local():
    @dataclasses.dataclass
    class Local:
        width: int = 1

    return Local()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé"), inner),
    max_leaves=10,
)  # fmt: skip


@settings(deadline=None)
@given(JSON | st.binary())
def test_values_come_back_as_they_were(value):
    codec, data = encode(value)
    assert codec == {bytes: "bytes", str: "text"}.get(type(value), "json")
    back = decode(codec, data)
    assert (back, repr(back)) == (value, repr(value))


@pytest.mark.parametrize("value", [object(), type("Text", (str,), {})("a"), [object()], lambda: 1, io.BytesIO(b"a"), local(), int], ids=lambda value: type(value).__name__)
def test_what_would_come_back_as_something_else_is_refused(value):
    with pytest.raises(CodecError):
        encode(value)


def test_endless_values_are_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(CodecError, match="nested"):
        encode(endless)


def test_arrays_come_back_as_they_were():
    numpy = pytest.importorskip("numpy")
    arrays = [
        numpy.arange(6, dtype="<i4").reshape(2, 3), numpy.array(5.0), numpy.zeros((0, 3)), numpy.array(["a", "bc"]),
        numpy.arange(10)[::-2], numpy.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), numpy.array(["2026-01-01"], dtype="M8[D]"),
    ]  # fmt: skip
    for array in arrays:
        codec, data = encode(array)
        back = decode(codec, data)
        assert codec == "numpy" and back.dtype == array.dtype and back.shape == array.shape
        assert back.tobytes() == array.tobytes()
    with pytest.raises(CodecError, match="Object arrays"):
        encode(numpy.array([object()]))
    with pytest.raises(CodecError):
        decode("numpy", encode(arrays[0])[1] + b"more")


def test_pictures_come_back_as_they_were():
    Image = pytest.importorskip("PIL.Image")
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        picture = Image.effect_noise((8, 5), 60).convert("L")
        picture = Image.frombytes("I;16", (8, 5), bytes(range(80))) if mode == "I;16" else picture.convert(mode)
        codec, data = encode(picture)
        back = decode(codec, data)
        assert (codec, back.mode, back.size, back.tobytes()) == ("pil", mode, picture.size, picture.tobytes())


def told_of(picture):
    palette = picture.palette and (picture.palette.mode, bytes(picture.palette.palette), picture.getpalette("RGB"))
    return type(picture), picture.mode, picture.size, picture.tobytes(), palette, picture.info, picture.getexif().tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "La", "RGBa", "RGBX", "I;16"])
def test_pictures_of_every_mode_keep_all_that_is_written_in_them(mode):
    Image = pytest.importorskip("PIL.Image")
    plain = Image.effect_noise((8, 5), 60)
    plain = plain.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE) if mode == "P" else Image.new(mode, (8, 5), None if mode in ("PA", "I;16") else 1 if len(Image.getmodebands(mode) * "x") == 1 else (1,) * Image.getmodebands(mode))
    written = plain.copy()
    written.info.update(parameters="a cat, seed 7", dpi=(300, 300), icc_profile=b"profile", transparency=1)
    written.getexif()[0x0112] = 6
    for picture in (plain, written):
        back = decode(*encode(picture))
        assert told_of(back) == told_of(picture) and back == picture
    assert list(back.getexif().items()) == [(0x0112, 6)]


def test_a_picture_that_belongs_to_a_file_is_refused_and_its_copy_is_kept(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    Image.new("RGB", (4, 4), "red").save(tmp_path / "a.png", dpi=(72, 72))
    with pytest.raises(CodecError, match="copy"):
        encode(Image.open(tmp_path / "a.png"))
    copied = Image.open(tmp_path / "a.png").copy()
    assert told_of(decode(*encode(copied))) == told_of(copied)


class Color(enum.Enum):
    RED = 1
    WINE = 1
    ANY = object()


class Level(enum.IntEnum):
    LOW = 1


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Size:
    width: int
    unit: object = "mm"


@dataclasses.dataclass(frozen=True)
class Frozen:
    inner: object


class Plain:
    pass


UTC = datetime.timezone.utc
ZONES = st.sampled_from([None, UTC, datetime.timezone(datetime.timedelta(hours=5, seconds=7)), datetime.timezone(datetime.timedelta(0), "named")])
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats() | st.complex_numbers() | st.text() | st.text(st.characters(categories=["Cs"]))
    | st.binary() | st.binary().map(bytearray) | st.decimals() | st.fractions() | st.uuids() | st.dates() | st.times(timezones=ZONES)
    | st.datetimes(timezones=ZONES) | st.timedeltas() | st.builds(range, st.integers(0, 5), st.integers(0, 5), st.integers(1, 3))
    | st.sampled_from([Color.RED, Color.ANY, Level.LOW, ..., pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("a"), pathlib.Path("a"), UTC])
)  # fmt: skip
HASHABLE = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.integers(), st.text()) | st.sampled_from([Color.RED, Level.LOW])
TREES = st.recursive(
    LEAVES | st.sets(HASHABLE) | st.frozensets(HASHABLE),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(HASHABLE, inner) | st.builds(Point, inner, inner)
    | st.builds(Size, st.integers(), inner) | st.builds(Frozen, inner) | st.lists(inner).map(lambda items: collections.deque(items, maxlen=9)),
    max_leaves=12,
)  # fmt: skip


def exactly(value):
    """The value with types, signs, bits and order."""
    kind = type(value)
    if kind is float:
        return struct.pack(">d", value)
    if kind is complex:
        return kind, struct.pack(">dd", value.real, value.imag)
    if kind in (list, tuple, collections.deque, Point):
        return kind, getattr(value, "maxlen", None), [exactly(item) for item in value]
    if kind is dict:
        return kind, [(exactly(name), exactly(item)) for name, item in value.items()]
    if kind in (set, frozenset):
        return kind, sorted(map(repr, value))
    if kind in (Size, Frozen):
        return kind, exactly(vars(value))
    return kind, repr(value), getattr(value, "fold", None)


@settings(deadline=None)
@given(TREES)
def test_values_made_of_values_come_back_as_they_were(value):
    assert exactly(decode(*encode(value))) == exactly(value)


@settings(deadline=None)
@given(st.data())
def test_what_libraries_make_comes_back_inside_of_others(data):
    numpy = pytest.importorskip("numpy")
    Image = pytest.importorskip("PIL.Image")
    pydantic = pytest.importorskip("pydantic")
    globals()["Model"] = Model = pydantic.create_model("Model", __module__=__name__, prompt=(str, ...), seed=(int, 0), more=(object, None))
    dtype = data.draw(st.sampled_from(["<i4", ">i4", "f8", "f2", "?", "c16", "M8[ns]", "m8[D]", "U3", "S2", "i4,f8"]))
    array = numpy.zeros(data.draw(st.lists(st.integers(0, 3), max_size=3)), dtype)
    values = (array, [Image.new("RGB", (2, 2), "red")], {"a": array, 1: Model(prompt="a")}, Size(1, array), Model(prompt="b", seed=1, more=[array]))
    back = decode(*encode(values))
    assert back[0].dtype == array.dtype and back[0].shape == array.shape and back[0].tobytes() == array.tobytes()
    assert back[1] == values[1] and back[2][1] == values[2][1] and back[2][1].model_fields_set == {"prompt"}
    assert back[3].unit.tobytes() == array.tobytes() and back[4].more[0].tobytes() == array.tobytes()
    if array.dtype.names is None:
        for scalar in array.reshape(-1)[:1]:
            again = decode(*encode([scalar]))[0]
            assert type(again) is type(scalar) and again.dtype == scalar.dtype and again.tobytes() == scalar.tobytes()


def test_a_class_that_has_changed_is_no_longer_what_was_written():
    name, data = encode([Size(1)])
    changed = dataclasses.make_dataclass("Size", [("width", int), ("unit", object), ("height", int)], namespace={"__module__": __name__})
    original = globals()["Size"]
    globals()["Size"] = changed
    try:
        with pytest.raises(CodecError, match="that is what it was"):
            decode(name, data)
    finally:
        globals()["Size"] = original
    assert decode(name, data) == [Size(1)]


def test_types_of_ones_own_are_registered():
    codecs.register(Plain, "plain", lambda value: b"plain", lambda data: Plain())
    assert type(decode(*encode((1, Plain())))[1]) is Plain
    for write, read in ((lambda value: "text", None), (lambda value: 1 / 0, None), (lambda value: b"", lambda data: 1), (lambda value: b"", lambda data: 1 / 0)):
        codecs.register(Plain, "plain", write, read or (lambda data: Plain()))
        with pytest.raises(CodecError):
            decode(*encode([Plain()]))
    with pytest.raises(ValueError, match="plain"):
        codecs.register(Size, "plain", bytes, bytes)
    with pytest.raises(TypeError):
        codecs.register("Plain", "plain", bytes, bytes)


@settings(deadline=None)
@given(st.binary(max_size=60), TREES, st.integers(0, 10**6))
def test_damaged_values_are_an_error_or_another_value(noise, value, place):
    data = bytearray(encode([value], "values")[1])
    data[place % len(data)] ^= 0x41
    for wrong in (bytes(data), bytes(data[: place % len(data)]), data[:17] + noise):
        try:
            decode("values", wrong)
        except CodecError:
            pass


class Planted:
    ran = False

    def __reduce__(self):
        return setattr, (Planted, "ran", True)


def test_a_planted_pickle_is_never_run_unless_pickle_is_named():
    planted = pickle.dumps(Planted())
    numpy = pytest.importorskip("numpy")
    file = io.BytesIO()
    numpy.save(file, numpy.array([Planted()]), allow_pickle=True)
    for codec in ("bytes", "text", "json", "numpy", "pil"):
        for data in (planted, file.getvalue()):
            try:
                decode(codec, data)
            except CodecError:
                pass
    with pytest.raises(CodecError):
        encode(Planted())
    assert Planted.ran is False
    decode("pickle", planted)
    assert Planted.ran is True


@pytest.mark.parametrize("codec", ["text", "json", "numpy", "pil", "pickle", "absent"])
def test_bytes_that_are_none_of_the_codecs_are_an_error(codec):
    pytest.importorskip({"numpy": "numpy", "pil": "PIL"}.get(codec, "sys"))
    with pytest.raises(CodecError):
        decode(codec, b"\xff\xfenonsense")


def test_a_named_codec_takes_its_own_type_only():
    for codec, value in [("bytes", "text"), ("text", b"bytes"), ("numpy", [1]), ("pil", 1)]:
        with pytest.raises(CodecError):
            encode(value, codec)
