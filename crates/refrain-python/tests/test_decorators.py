"""The two decorators: hits, keys, and that the function is called whatever happens."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import datetime
import inspect
import pickle
import threading
import warnings

import pytest

import refrain_cache
from refrain_cache import BypassWarning, Cache, LRUCache, cached_result, cached_result_sync


def counting(function):
    """The function, with a list of the calls that reached it."""
    calls = []
    if inspect.iscoroutinefunction(function):

        async def counted(*args, **kwargs):
            calls.append((args, kwargs))
            return await function(*args, **kwargs)
    else:

        def counted(*args, **kwargs):
            calls.append((args, kwargs))
            return function(*args, **kwargs)

    counted.__signature__ = inspect.signature(function)
    counted.__name__ = counted.__qualname__ = f"{function.__qualname__}_{id(calls)}"
    return counted, calls


@pytest.fixture(params=["sync", "async"])
def decorated(request):
    """Decorates a plain function by either decorator; gives the decorated one, called synchronously, and its calls."""

    def decorate(function, **settings):
        if request.param == "sync":
            counted, calls = counting(function)
            return cached_result_sync(**settings)(counted), calls

        async def as_coroutine(*args, **kwargs):
            return function(*args, **kwargs)

        as_coroutine.__signature__ = inspect.signature(function)
        counted, calls = counting(as_coroutine)
        cached = cached_result(**settings)(counted)
        return lambda *args, **kwargs: asyncio.run(cached(*args, **kwargs)), calls

    return decorate


def test_the_second_call_is_a_hit(decorated):
    cached, calls = decorated(lambda prompt, seed=0: [prompt, seed])
    first = cached("a cat")
    assert cached("a cat") is first
    assert len(calls) == 1
    stats = refrain_cache.get_cache().stats
    assert (stats["hits"], stats["misses"], stats["current_items"]) == (1, 1, 1)


def test_a_stored_none_is_a_hit(decorated):
    cached, calls = decorated(lambda: None)
    assert cached() is None
    assert cached() is None
    assert len(calls) == 1


def test_keyword_order_and_defaults_make_no_difference(decorated):
    cached, calls = decorated(lambda a, b=2, *, c=3: (a, b, c))
    cached(1)
    cached(1, 2)
    cached(a=1, c=3, b=2)
    cached(b=2, a=1)
    assert len(calls) == 1
    cached(1, c=4)
    assert len(calls) == 2


def test_types_make_a_difference(decorated):
    cached, calls = decorated(lambda value: repr(value))
    values = [1, 1.0, True, "1", b"1", [1], (1,), {1}, frozenset({2}), {"1": 1}, {1: 1}, None, "", 0, 0.0, -0.0, False]
    assert [cached(value) for value in values] == [repr(value) for value in values]
    assert len(calls) == len(values)


def test_results_of_many_calls_are_told_apart(decorated):
    cached, calls = decorated(lambda value, more="": (value, more))
    arguments = [(number, "x" * length) for number in range(40) for length in (0, 400, 900, 2000)]
    for _ in range(3):
        assert [cached(*each) for each in arguments] == arguments
    assert len(calls) == len(arguments)


def test_star_arguments_are_part_of_the_key(decorated):
    cached, calls = decorated(lambda *args, **kwargs: (args, kwargs))
    results = [cached(), cached(1), cached(1, 2), cached(a=1), cached(a=1, b=2), cached(b=2, a=1)]
    assert results[-1] == results[-2]
    assert len(calls) == 5


def test_a_key_function_gives_the_key_itself(decorated):
    cached, calls = decorated(lambda prompt, trace: prompt, cache_key_fn=lambda prompt, trace: f"relief:{prompt}")
    cached("cat", trace=1)
    cached("cat", trace=2)
    assert len(calls) == 1
    assert refrain_cache.get_cache().get("relief:cat") == "cat"


@pytest.mark.parametrize(
    "key_function",
    [lambda value: 1 / 0, lambda value: [value], lambda value: {}, lambda value: None, lambda value: asyncio.sleep(0), lambda: "too few arguments"],
    ids=["raises", "list", "dict", "none", "coroutine", "arguments"],
)
def test_a_key_function_that_fails_means_the_function_is_called(decorated, key_function):
    cached, calls = decorated(lambda value: value + 1, cache_key_fn=key_function)
    with pytest.warns(BypassWarning, match="without the cache"):
        assert cached(1) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cached(1) == 2  # told once
    assert len(calls) == 2


def test_a_warning_is_given_where_the_function_is_called():
    @cached_result()
    async def awaited(value):
        return value

    plain = cached_result_sync()(lambda value: value)
    kept = Cache().cached()(lambda value: value)
    call = lambda: plain(object())  # noqa: E731
    call_kept = lambda: kept(object())  # noqa: E731

    async def call_awaited():
        return await awaited(object())

    for use, line in ((call, 0), (call_kept, 1), (lambda: asyncio.run(call_awaited()), 4)):
        with pytest.warns(BypassWarning) as told:
            use()
        lines = [(warning.filename, warning.lineno - call.__code__.co_firstlineno) for warning in told]
        assert lines == [(__file__, line)]


def test_warnings_as_errors_do_not_lose_the_result(decorated):
    cached, calls = decorated(lambda value: value, cache_key_fn=lambda value: [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cached(1) == 1


def test_an_unkeyable_argument_is_named_once(decorated):
    cached, calls = decorated(lambda prompt, options: prompt)
    with pytest.warns(BypassWarning, match=r"options\.model") as told:
        assert cached("a", {"model": object()}) == "a"
        assert cached("a", {"model": object()}) == "a"
    assert len(told) == 1
    with pytest.warns(BypassWarning, match="`prompt`"):
        cached(object(), {})


def test_arguments_that_do_not_fit_are_the_functions_own_error(decorated):
    cached, calls = decorated(lambda a, b=1: a)
    with pytest.warns(BypassWarning), pytest.raises(TypeError, match="argument"):
        cached(1, 2, 3)
    with pytest.raises(TypeError, match="argument"):
        cached(1, a=2)
    with pytest.raises(TypeError, match="argument"):
        cached()


def test_a_generator_argument_is_not_consumed(decorated):
    cached, calls = decorated(lambda items: list(items))
    with pytest.warns(BypassWarning, match="read only once"):
        assert cached(iter([1, 2])) == [1, 2]


def test_a_result_that_can_be_read_once_is_not_kept(decorated):
    cached, calls = decorated(lambda: iter([1, 2]))
    with pytest.warns(BypassWarning, match="read only once") as told:
        assert list(cached()) == list(cached()) == [1, 2]
    assert len(refrain_cache.get_cache()) == 0 and len(told) == 1


@pytest.mark.parametrize(
    "hold", [lambda stream: (200, stream), lambda stream: [stream], lambda stream: {"a": {"b": stream}}, lambda stream: Held(stream)], ids=["tuple", "list", "dict", "dataclass"]
)
def test_a_stream_inside_of_a_result_is_noticed(decorated, hold):
    cached, calls = decorated(lambda: hold(iter([1, 2])))
    with pytest.warns(BypassWarning, match="read only once"):
        cached(), cached()
    assert len(calls) == 2 and len(refrain_cache.get_cache()) == 0


@dataclasses.dataclass
class Held:
    stream: object


def test_callers_get_values_of_their_own_on_request(decorated):
    cached, calls = decorated(lambda: [[1]], copy="deep")
    first = cached()
    first[0].append(2)
    second = cached()
    second[0].append(3)
    assert (first, second, cached(), len(calls)) == ([[1, 2]], [[1, 3]], [[1]], 1)
    for cache in (Cache(), None):
        settings = {"copy": "deep"}
        kept = (cached_result_sync(**settings) if cache is None else cache.cached(**settings))(lambda x: [x])
        for ask in (kept, kept, kept.peek, kept.refresh, kept.peek):
            value = ask(1)
            assert value == [1]
            value.append(2)
    shallow, calls = decorated(lambda: [[1]], copy=list)
    assert shallow() is not shallow() and shallow()[0] is shallow()[0]
    with pytest.raises(ValueError, match="deep"):
        decorated(lambda: 1, copy="shallow")
    broken, calls = decorated(lambda: [1], copy=lambda value: 1 / 0)
    with pytest.warns(BypassWarning):
        assert broken() == broken() == [1]


def test_a_condition_decides_what_is_kept(decorated):
    answers = iter(["", "", "answer", "never"])
    cached, calls = decorated(lambda: next(answers), condition=bool)
    assert [cached() for _ in range(5)] == ["", "", "answer", "answer", "answer"]
    broken, calls = decorated(lambda: 1, condition=lambda value: 1 / 0)
    with pytest.warns(BypassWarning, match="not kept"):
        assert broken() == broken() == 1


def test_tags_may_depend_on_the_arguments():
    cache = Cache()
    render = cache.cached(tags=lambda prompt, model: [f"model:{model}"])(lambda prompt, model: prompt)
    render("a", "v1"), render("a", "v2"), render("b", model="v2")
    assert cache.invalidate_tag("model:v2") == 2
    broken = cache.cached(tags=lambda prompt: 1 / 0)(lambda prompt: prompt)
    with pytest.warns(BypassWarning, match="without the cache"):
        assert broken("a") == "a"


def test_a_time_to_live_may_be_a_duration(decorated, clock):
    cached, calls = decorated(lambda: 1, ttl_seconds=datetime.timedelta(minutes=1), cache=LRUCache(clock=clock))
    cached(), cached()
    clock.advance(60)
    cached()
    assert len(calls) == 2
    with pytest.raises(TypeError, match="ttl_seconds"):
        Cache().cached(ttl_seconds="60")


def test_the_environment_is_obeyed(monkeypatch):
    monkeypatch.setenv("DISABLE_RESULT_CACHE", "1")
    assert cached_result_sync()(len) is len
    monkeypatch.setenv("DISABLE_RESULT_CACHE", "perhaps")
    with pytest.raises(ValueError, match="DISABLE_RESULT_CACHE"):
        cached_result_sync()(len)
    monkeypatch.setattr("refrain_cache._lru._process_wide", None)
    monkeypatch.setenv("CACHE_MAX_SIZE", "many")
    with pytest.raises(ValueError, match="CACHE_MAX_SIZE.*'many'"):
        refrain_cache.get_cache()
    monkeypatch.setenv("CACHE_MAX_SIZE", "7")
    monkeypatch.setenv("CACHE_TTL_SECONDS", "60")
    cache = refrain_cache.get_cache(max_memory_mb=3)
    assert (cache.max_size, cache.max_memory_mb, cache.default_ttl_seconds) == (7, 3, 60)


def test_an_error_is_not_stored(decorated):
    answers = [ValueError("no GPU"), "picture"]

    def generate():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cached, calls = decorated(generate)
    with pytest.raises(ValueError, match="no GPU"):
        cached()
    assert cached() == "picture"


def test_enabled_false_is_the_function_alone(decorated):
    cached, calls = decorated(lambda: 1, enabled=False)
    cached(), cached()
    assert len(calls) == 2
    assert refrain_cache.get_cache().stats["misses"] == 0


def test_the_ttl_is_the_entrys(decorated, clock):
    cache = LRUCache(clock=clock)
    cached, calls = decorated(lambda: 1, ttl_seconds=5, cache=cache)
    cached()
    clock.advance(4)
    cached()
    assert len(calls) == 1
    clock.advance(1)
    cached()
    assert len(calls) == 2


@pytest.mark.parametrize("ttl", [0, -1, -1e300])
def test_a_ttl_of_nothing_keeps_nothing(decorated, ttl):
    cached, calls = decorated(lambda: 1, ttl_seconds=ttl)
    assert (cached(), cached()) == (1, 1)
    assert len(calls) == 2


def test_an_enormous_ttl_is_for_ever(decorated, clock):
    cache = LRUCache(clock=clock)
    cached, calls = decorated(lambda: 1, ttl_seconds=1e300, cache=cache)
    cached()
    clock.advance(1e18)
    cached()
    assert len(calls) == 1


def test_a_value_larger_than_the_cache_is_returned_and_not_kept(decorated):
    cache = LRUCache(max_memory_mb=1.0)
    cached, calls = decorated(lambda: bytes(2 << 20), cache=cache)
    assert len(cached()) == len(cached()) == 2 << 20
    assert (len(calls), len(cache), cache.stats["evictions"]) == (2, 0, 0)


def test_results_are_charged_with_their_estimated_size(decorated):
    cache = LRUCache()
    cached, calls = decorated(lambda: [bytes(1 << 20), bytes(1 << 20)], cache=cache)
    cached()
    assert cache.stats["current_memory_mb"] == pytest.approx(2.0, rel=0.01)


def test_a_result_whose_size_cannot_be_told_is_kept_all_the_same(decorated):
    class Shy:
        def __getattribute__(self, name):
            raise RuntimeError("do not look at me")

        def __sizeof__(self):
            raise RuntimeError("nor measure me")

    shy = Shy()
    cached, calls = decorated(lambda: shy)
    assert cached() is cached() is shy
    assert len(calls) == 1


class BrokenCache(LRUCache):
    def finish(self, *_):
        raise OSError("out of order")


def test_a_cache_that_fails_does_not_lose_the_result(decorated):
    cached, calls = decorated(lambda: "picture", cache=BrokenCache())
    with pytest.warns(BypassWarning, match="out of order"):
        assert cached() == "picture"
    assert cached() == "picture"


def test_a_value_computed_before_a_clear_is_not_stored_after_it(decorated):
    cache = refrain_cache.get_cache()
    during = [cache.clear, lambda: cache.delete("k"), lambda: cache.set("k", "newer")]
    cached, calls = decorated(lambda: during[len(calls) - 1](), cache_key_fn=lambda: "k")
    for left in (0, 0, 1):
        cached()
        assert len(cache) == left
    assert cache.get("k") == "newer"


# Of the synchronous decorator alone.


def test_a_decorated_function_looks_like_the_function():
    @cached_result_sync()
    def render(prompt: str) -> bytes:
        """Renders."""

    assert (render.__name__, render.__doc__) == ("render", "Renders.")
    assert list(inspect.signature(render).parameters) == ["prompt"]
    assert render.__wrapped__.__name__ == "render"
    assert "render" in repr(render)
    assert copy.copy(render) is copy.deepcopy(render) is render


@cached_result_sync()
def module_level(value):
    return value


def test_a_decorated_function_is_pickled_by_name():
    assert pickle.loads(pickle.dumps(module_level)) is module_level


def test_methods_are_keyed_by_their_object():
    from dataclasses import dataclass

    @dataclass
    class Model:
        weights: str
        calls: int = 0

        @cached_result_sync(ignore=["self"])
        def of_any(self, prompt):
            return self.weights + prompt

        @cached_result_sync()
        def of_this(self, prompt):
            return self.weights + prompt

    assert Model("a").of_any("x") == Model("b").of_any("x") == "ax"
    assert (Model("a").of_this("x"), Model("b").of_this("x")) == ("ax", "bx")
    assert Model.of_this(Model("a"), "x") == "ax"


def test_functions_of_one_name_do_not_share_results():
    def make(factor):
        @cached_result_sync()
        def scale(value):
            return value * factor

        return scale

    double, triple = make(2), make(3)
    assert (double(1), triple(1)) == (2, 3)
    add, multiply = (cached_result_sync()(f) for f in (lambda x: x + 10, lambda x: x * 10))
    assert (add(2), multiply(2)) == (12, 20)


def test_a_given_name_and_version_are_the_identity():
    calls = []
    make = lambda **settings: cached_result_sync(**settings)(lambda x: calls.append(x))  # noqa: E731
    make(name="render")(1)
    make(name="render")(1)
    assert len(calls) == 1
    make(name="render", version="2")(1)
    assert len(calls) == 2


def test_the_key_of_a_call_can_be_asked_for_before_it():
    render = cached_result_sync()(lambda prompt: prompt)
    key = render.cache_key("a cat")
    assert refrain_cache.get_cache().get(key) is None
    assert render("a cat") == render("a cat") == refrain_cache.get_cache().get(key)
    assert render.cache_key("a cat") == key


def test_the_key_of_a_call_can_be_asked_for():
    @cached_result_sync()
    def render(prompt, seed=0):
        return prompt

    render("a cat")
    key = render.cache_key("a cat", seed=0)
    assert len(key) == 64
    assert refrain_cache.get_cache().delete(key)


def test_files_count_by_their_content_on_request(tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"first")

    @cached_result_sync(by_content=["path"])
    def size(path):
        return path.read_bytes()

    assert size(picture) == b"first"
    copied = tmp_path / "copy.png"
    copied.write_bytes(b"first")
    size(copied)
    assert refrain_cache.get_cache().stats["hits"] == 1
    picture.write_bytes(b"second")
    assert size(picture) == b"second"
    with pytest.warns(BypassWarning, match="No such file"), pytest.raises(FileNotFoundError):
        size(tmp_path / "absent.png")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"cache_key_fn": "key"}, "must be a function"),
        ({"ttl_seconds": float("nan")}, "nan"),
        ({"ttl_seconds": "60"}, "`ttl_seconds` is '60'"),
        ({"cache": {}}, "must be an LRUCache"),
        ({"ignore": "self"}, "list of names"),
        ({"ignore": ["absent"]}, "not a parameter"),
    ],
)
def test_settings_that_make_no_sense_are_refused_when_decorating(settings, message):
    async def coroutine(a):
        return a

    for decorator, function in ((cached_result, coroutine), (cached_result_sync, lambda a: a)):
        with pytest.raises((TypeError, ValueError), match=message):
            decorator(**settings)(function)


def test_the_wrong_decorator_is_refused():
    async def coroutine():
        pass

    async def stream():
        yield

    with pytest.raises(TypeError, match="decorate it with `cached_result`"):
        cached_result_sync()(coroutine)
    with pytest.raises(TypeError, match="decorate it with `cached_result_sync`"):
        cached_result()(lambda: 1)
    with pytest.raises(TypeError, match="belongs below it"):
        cached_result_sync()(staticmethod(len))
    for decorator in (cached_result_sync, cached_result):
        with pytest.raises(TypeError):
            decorator()(stream)
        with pytest.raises(TypeError, match="without parentheses"):
            decorator(test_the_wrong_decorator_is_refused)("argument")


def test_an_asynchronous_function_stays_one():
    @cached_result()
    async def render():
        return 1

    assert inspect.iscoroutinefunction(render)


def test_a_signature_that_cannot_be_read_is_keyed_by_position():
    cached = cached_result_sync()(max)
    assert (cached(1, 2), cached(3, 2), cached(1, 2)) == (2, 3, 2)
    assert refrain_cache.get_cache().stats["hits"] == 1


def test_threads_share_the_cache_of_the_process():
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(refrain_cache.get_cache())) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len({id(cache) for cache in seen}) == 1
