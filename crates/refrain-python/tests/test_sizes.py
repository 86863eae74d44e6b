"""What entries are charged with: all that a value keeps alive."""

from __future__ import annotations

import collections
import dataclasses
import functools
import types

import pytest

from refrain_cache import Cache, estimate_bytes

MB = 1 << 20


def test_a_view_counts_as_what_it_keeps_alive():
    numpy = pytest.importorskip("numpy")
    array = numpy.ones((64, MB // 8))
    views = [array[0], array[:, 0], array[::2], array[0][:1], array.T, array.reshape(-1)[:3], numpy.frombuffer(bytes(64 * MB))[:1], memoryview(bytes(64 * MB))[:10]]
    for view in [*views, {"a": [views[0]]}, (1, views[1])]:
        assert 64 * MB <= estimate_bytes(view) < 66 * MB
    # Shared parts count once.
    assert estimate_bytes([array[0], array[1], array]) < 66 * MB
    assert estimate_bytes(array[0].copy()) < 2 * MB


def test_what_is_written_beside_a_picture_counts():
    Image = pytest.importorskip("PIL.Image")
    picture = Image.new("RGB", (64, 64))
    assert 64 * 64 * 4 <= estimate_bytes(picture) < 32_000
    picture.info["icc_profile"] = bytes(10 * MB)
    assert estimate_bytes(picture) > 10 * MB


def test_a_tensor_counts_as_its_storage():
    class Storage:
        def nbytes(self):
            return 64 * MB

    class Tensor:
        nbytes = 8

        def untyped_storage(self):
            return Storage()

    assert estimate_bytes(Tensor()) >= 64 * MB


@dataclasses.dataclass
class Holder:
    content: object


class Slotted:
    __slots__ = ("content",)


class Below(list):
    pass


def slotted(content):
    held = Slotted()
    held.content = content
    return held


def attributed(content):
    below = Below()
    below.content = content
    return below


@pytest.mark.parametrize(
    "hold",
    [
        lambda c: [c], lambda c: (c,), lambda c: {1: c}, lambda c: {c: 1}, lambda c: {c}, lambda c: frozenset([c]), lambda c: collections.deque([c]),
        lambda c: collections.OrderedDict(a=c), lambda c: collections.defaultdict(list, a=c), Holder, slotted, attributed, lambda c: Below([c]),
        lambda c: functools.partial(print, c), lambda c: types.MappingProxyType({1: c}), lambda c: [[[[(c,)]]]], lambda c: types.SimpleNamespace(a=c),
    ],
)  # fmt: skip
def test_what_is_held_counts(hold):
    assert estimate_bytes(hold(bytes(MB))) > MB


def test_a_cache_of_views_stays_within_its_limit():
    numpy = pytest.importorskip("numpy")
    cache = Cache(max_bytes=64 * MB)
    for number in range(40):
        cache.set(number, numpy.ones((8, MB // 8))[0])
    # Each keeps 8 MB alive.
    assert 0 < len(cache) <= 8
