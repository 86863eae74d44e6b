"""Calls of decorated functions, for type checkers: a line that ends with `# wrong` is a mistake, every other one is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from refrain_cache import Cache, Key, LRUCache, cached_result, cached_result_sync

cache = Cache()


@cached_result_sync()
def thumb(picture: bytes, width: int = 64) -> bytes:
    return picture[:width]


@cached_result_sync(ttl_seconds=60, ignore=["progress"])
def render(prompt: str, *, seed: int = 0, progress: Callable[[int], None] | None = None) -> list[str]:
    return [prompt]


@cached_result()
async def answer(prompt: str, model: str = "small") -> str:
    return prompt


@cache.cached(tags=["t"])
def scale(value: float, /, factor: float) -> float:
    return value * factor


@cache.cached(key=lambda prompt: prompt)
async def speak(prompt: str) -> bytes:
    return b""


@cache.cached()
def several(*names: str, **options: int) -> int:
    return len(names)


class Model:
    @cached_result_sync()
    def run(self, prompt: str, steps: int = 1) -> bytes:
        return b""

    @cache.cached()
    def measure(self, prompt: str) -> float:
        return 0.0

    @cached_result()
    async def ask(self, prompt: str) -> str:
        return ""


model = Model()


def right() -> None:
    a: bytes = thumb(b"")
    b: bytes = thumb(b"", 3)
    c: bytes = thumb(b"", width=3)
    d: bytes = thumb(picture=b"", width=3)
    e: list[str] = render("a")
    f: list[str] = render("a", seed=1)
    g: list[str] = render(prompt="a", progress=None)
    h: list[str] = render("a", progress=lambda step: None)
    i: float = scale(1.0, 2.0)
    j: float = scale(1.0, factor=2)
    k: int = several()
    l: int = several("a", "b", steps=1)
    m: bytes = model.run("a")
    n: bytes = model.run("a", steps=2)
    o: bytes = Model.run(model, "a")
    p: float = model.measure("a")
    q: Key = scale.cache_key(1.0, 2.0)
    r: Key = model.measure.cache_key("a")
    s: bool = thumb.invalidate(b"", 3)
    t: bool = model.run.invalidate("a")
    u: bytes | None = thumb.peek(b"")
    v: bytes = thumb.refresh(b"", width=1)
    w: int = thumb.clear()
    x: dict[str, object] = dict(thumb.info())
    y: str = str(thumb.explain(b"").key)
    z: bool = thumb.explain(b"", 1).stored
    aa: tuple[str, ...] = model.run.explain("a").differs
    bb: int = cache.get_or_compute("k", lambda: 1)
    cc: str = cache.get_or_compute("k", lambda: "a", tags=["t"])
    dd: Callable[[bytes, int], bytes] = thumb
    ee: str = thumb.__name__
    ff: bytes | None = model.run.peek("a", 1)
    gg: int = cached_result_sync()(len)("abc")
    hh: int = cached_result_sync(cache=LRUCache(), name="n", version="1")(len)(b"")
    ii: bool = cache.invalidate(scale.cache_key(1.0, factor=1))


async def right_async() -> None:
    a: str = await answer("a")
    b: str = await answer("a", model="large")
    c: bytes = await speak("a")
    d: str = await model.ask("a")
    e: tuple[str, str] = await asyncio.gather(answer("a"), answer("b"))
    f: str = await answer.refresh("a")
    g: str | None = answer.peek("a")
    h: int = await cache.get_or_compute_async("k", one)
    i: Key = speak.cache_key("a")


async def one() -> int:
    return 1


def wrong() -> None:
    thumb("text")  # wrong
    thumb(b"", "3")  # wrong
    thumb(b"", height=3)  # wrong
    thumb()  # wrong
    thumb(b"", 3, 4)  # wrong
    a: str = thumb(b"")  # wrong
    render(1)  # wrong
    render("a", 1)  # wrong
    render("a", seed="1")  # wrong
    render("a", progress=1)  # wrong
    render("a", nonsense=1)  # wrong
    b: list[int] = render("a")  # wrong
    scale("a", 1.0)  # wrong
    scale(1.0)  # wrong
    scale(value=1.0, factor=1.0)  # wrong
    c: str = scale(1.0, 2.0)  # wrong
    several(1)  # wrong
    several("a", steps="many")  # wrong
    model.run(1)  # wrong
    model.run("a", "b")  # wrong
    model.run()  # wrong
    Model.run("a")  # wrong
    d: int = model.run("a")  # wrong
    model.measure(1)  # wrong
    thumb.cache_key("text")  # wrong
    thumb.invalidate()  # wrong
    thumb.peek(b"", "3")  # wrong
    thumb.refresh(1)  # wrong
    thumb.clear(1)  # wrong
    thumb.nonsense(b"")  # wrong
    thumb.explain(b"", height=1)  # wrong
    model.run.invalidate(1)  # wrong
    e: bytes = thumb.peek(b"")  # wrong
    f: str = cache.get_or_compute("k", lambda: 1)  # wrong
    g: Callable[[str], bytes] = thumb  # wrong
    cached_result_sync(ttl_seconds="60")  # wrong
    cached_result_sync(cache=cache)  # wrong
    cache.cached(nonsense=True)  # wrong
    cached_result()(len)  # wrong
    h: str = answer("a")  # wrong


async def wrong_async() -> None:
    await answer(1)  # wrong
    a: bytes = await answer("a")  # wrong
    await thumb(b"")  # wrong
    await speak(b"")  # wrong
    await model.ask(1)  # wrong
    b: int = await answer.refresh("a")  # wrong
