"""Bytes and back: what comes out is what went in, or an error; and reading runs nothing."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refrain_cache import CodecError
from refrain_cache.codecs import decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé"), inner),
    max_leaves=10,
)  # fmt: skip


@given(JSON | st.binary())
def test_values_come_back_as_they_were(value):
    codec, data = encode(value)
    assert codec == {bytes: "bytes", str: "text"}.get(type(value), "json")
    back = decode(codec, data)
    assert (back, repr(back)) == (value, repr(value))


@pytest.mark.parametrize(
    "value",
    [(1, 2), {1: 2}, {"a": (1,)}, {1, 2}, float("nan"), float("inf"), object(), bytearray(b"a"), [b"a"], type("Text", (str,), {})("a"), "\ud800"],
    ids=repr,
)
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
    for mode in ("CMYK", "F", "YCbCr"):
        with pytest.raises(CodecError, match="mode"):
            encode(Image.new(mode, (2, 2)))


class Planted:
    ran = False

    def __reduce__(self):
        return setattr, (Planted, "ran", True)


def test_a_planted_pickle_is_never_run_unless_pickle_is_named():
    planted = pickle.dumps(Planted())
    numpy = pytest.importorskip("numpy")
    import io

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
