"""What functions are stored under: who shares results over one folder, in processes of their own, and who must not."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from identities import CASES, PRELUDE

from refrain_cache import LRUCache, cached_result_sync


def run(folder, results, program):
    """Runs the program in its own process; whether its function ran."""
    for name, text in program.items():
        if name.startswith("-"):
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_code = "cached" in text and not text.startswith("@cached") or "@cached" in text or "cached(" in text
        path.write_text(("from prelude import *\n" if is_code else "from prelude import cache, cached\n") + text if text else "")
    (folder / "prelude.py").write_text(PRELUDE.replace("sys.argv[1]", repr(str(results))))
    if "-c" in program:
        command = ["-c", "from prelude import *\n" + program["-c"]]
    elif "-m" in program:
        command = ["-m", program["-m"]]
    else:
        command = [next(name for name in program if name in ("main.py", "other.py", "a.py", "b.py") and (name != "other.py" or "main.py" not in program))]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": str(time.time_ns() % 1000)}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return "ran" in done.stdout


@pytest.mark.parametrize("one, other, shared", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_who_shares_results(tmp_path, one, other, shared):
    results = tmp_path / "results"
    (tmp_path / "project").mkdir()
    assert run(tmp_path / "project", results, one)
    assert run(tmp_path / "project", results, other) is not shared
    # Changed back: what was there is found.
    assert not run(tmp_path / "project", results, one)


# In one process.


def keys_of(text, name, **more):
    """The functions that a module of this text defines, as an import would make it; `name` is its file."""
    import types

    module = types.ModuleType("made")
    module.__file__ = str(name)
    vars(module).update(cached=cached_result_sync, **more)
    sys.modules["made"] = module
    name.write_text(text)
    exec(compile(text, str(name), "exec"), vars(module))
    return module


def test_a_file_that_was_changed_after_its_import_is_not_believed(tmp_path):
    text = "@cached()\ndef f(x):\n    return x\n"
    module = keys_of(text, tmp_path / "made.py")
    (tmp_path / "made.py").write_text(text.replace("return x", "return 2"))
    changed = module.f.cache_key(1)
    right = keys_of(text.replace("return x", "return 2"), tmp_path / "made.py").f.cache_key(1)
    original = keys_of(text, tmp_path / "made.py").f.cache_key(1)
    # The old function runs: its key is neither that of the new text, nor found by mistake.
    assert changed != right != original
    assert keys_of(text, tmp_path / "made.py").f.cache_key(1) == original


def test_a_stale_linecache_is_not_believed(tmp_path):
    import linecache

    text = "@cached()\ndef f(x):\n    return x\n"
    original = keys_of(text, tmp_path / "made.py").f.cache_key(1)
    linecache.getlines(str(tmp_path / "made.py"))
    module = keys_of(text.replace("return x", "return 2"), tmp_path / "made.py")
    assert module.f.cache_key(1) != original


def test_what_is_replaced_while_the_program_runs_is_noticed(tmp_path):
    module = keys_of("K = 1\ndef helper(x):\n    return K * x\n@cached()\ndef f(x):\n    return helper(x)\n", tmp_path / "made.py")
    first = module.f.cache_key(2)
    assert module.f(2) == 2
    module.K = 3
    assert (module.f(2), module.f.cache_key(2) == first) == (6, False)
    helper, module.helper = module.helper, lambda x: -x
    assert module.f(2) == -2
    module.helper, module.K = helper, 1
    assert (module.f(2), module.f.cache_key(2)) == (2, first)
    assert module.f.info()["hits"] == 1


def test_a_variable_around_a_function_is_noticed_when_it_changes():
    functions = []
    for factor in (2, 3):

        @cached_result_sync()
        def scaled(x):
            return x * factor

        functions.append(scaled)
        assert scaled(1) == factor
    assert [each(1) for each in functions] == [3, 3]
    factor = "a"
    assert [each(2) for each in functions] == ["aa", "aa"]


def test_a_counter_that_a_function_keeps_is_not_what_it_is(tmp_path):
    text = "n = 0\n@cached()\ndef f(x):\n    global n\n    n += 1\n    return x\n"
    module = keys_of(text, tmp_path / "made.py")
    assert (module.f(1), module.f(1), module.n) == (1, 1, 1)
    count = 0

    @cached_result_sync()
    def counted(x):
        nonlocal count
        count += 1
        return x

    assert (counted(1), counted(1), count) == (1, 1, 1)


def cell(text, number, **more):
    """A notebook's cell: its text is in `linecache` under a name that is no file, and its module is `__main__`."""
    import linecache

    name = f"/tmp/ipykernel_none/{number}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace = {"__name__": "__main__", "cached": cached_result_sync, **more}
    exec(compile(text, name, "exec"), namespace)
    return namespace["f"]


def test_cells_of_notebooks_are_told_by_their_text():
    text = "@cached()\ndef f(x):\n    return x\n"
    one = cell(text, 1).cache_key(1)
    # The number of a cell, or of a kernel, is no part of it.
    assert cell(text, 2).cache_key(1) == cell(text + "# more\n", 3).cache_key(1) == one
    assert cell(text.replace("return x", "return 2"), 4).cache_key(1) != one
    assert cell("model = 'v2'\n" + text, 5).cache_key(1) != one


def test_equal_code_in_two_namespaces_is_two_functions():
    source = "def f(x):\n    return x * FACTORS[0]\n"
    made = []
    for factor in (5, 5000):
        namespace = {"__name__": "plugin", "FACTORS": [factor]}
        exec(source, namespace)
        made.append(cached_result_sync()(namespace["f"]))
    assert [each(1) for each in made] == [5, 5000]


def test_decorating_in_a_loop_is_linear_and_leaves_nothing():
    import gc
    import tracemalloc

    def decorate(count):
        began = time.process_time()
        for number in range(count):
            decorated = cached_result_sync(cache=few_results)(lambda x: (number, x))
            if number % 10 == 0:
                decorated(number)
        return time.process_time() - began

    few_results = LRUCache(10)
    decorate(100)
    few = min(decorate(1000) for _ in range(3))
    assert decorate(10_000) < 10 * few * 3 + 0.5
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    decorate(2000)
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert left < 100_000


def test_functions_that_call_each_other_to_any_depth_have_an_identity(tmp_path):
    lines = [f"def f{n}(x):\n    return f{n + 1}(x)\n" for n in range(2000)] + ["def f2000(x):\n    return x\n"]
    module = keys_of("".join(lines) + "@cached()\ndef f(x):\n    return f0\n", tmp_path / "made.py")
    assert module.f.cache_key(1) == module.f.cache_key(1)


def test_a_function_of_several_threads_is_identified_once_for_all(tmp_path):
    from callers import in_threads

    module = keys_of("def helper(x):\n    return x\n@cached()\ndef f(x):\n    return helper(x)\n", tmp_path / "made.py")
    assert len(set(in_threads(16, lambda _: module.f.cache_key(1)))) == 1


# What hangs on functions.


class Shape:
    def __init__(self, side):
        self.side = side

    def __refrain_key__(self):
        return self.side

    @cached_result_sync()
    def area(self, scale, unit="mm"):
        """The area."""
        return self.side * scale


def test_what_hangs_on_a_function_hangs_on_its_methods():
    import copy
    import inspect
    import pickle
    import weakref

    shape = Shape(3)
    assert shape.area(2) == 6
    assert shape.area.cache_key(2) == Shape.area.cache_key(shape, 2) == shape.area.cache_key(2, unit="mm")
    assert shape.area.peek(2) == 6 and shape.area.peek(3) is None
    assert shape.area.explain(2).stored and list(shape.area.explain(2).parts) == ["self", "scale", "unit"]
    assert shape.area.invalidate(2) and not shape.area.invalidate(2)
    assert shape.area == shape.area != Shape(3).area and hash(shape.area) == hash(shape.area)
    assert list(inspect.signature(shape.area).parameters) == ["scale", "unit"]
    assert shape.area.__self__ is shape and shape.area.__name__ == "area" and "area" in repr(shape.area)
    assert pickle.loads(pickle.dumps(shape.area))(2) == 6
    assert copy.copy(shape.area) == shape.area
    assert weakref.WeakMethod(shape.area)() == shape.area


@pytest.mark.parametrize("kind", ["lru", "memory", "disk"])
def test_a_function_answers_for_its_own_results(kind, tmp_path):
    from refrain_cache import Cache, DiskTier, LRUCache

    cache = LRUCache() if kind == "lru" else Cache(disk=DiskTier(tmp_path) if kind == "disk" else None)
    cached = (lambda: cached_result_sync(cache=cache)) if kind == "lru" else lambda: cache.cached(name=f"f{len(names)}")
    names, calls = [], []

    def twice(x):
        calls.append(x)
        return x * 2

    f = cached()(twice)
    names.append(f)
    g = cached()(lambda x: x)
    assert (f(1), f(1), f(2), g(1)) == (2, 2, 4, 1)
    assert f.info() == {"hits": 1, "misses": 2, "bypasses": {}}
    assert f.refresh(1) == 2 and calls == [1, 2, 1]
    assert f.peek(1) == 2
    with pytest.warns(UserWarning):
        f([object()])
    assert f.info()["bypasses"] == {"x": 1}
    assert f.clear() == 2
    assert (f.peek(1), g.peek(1)) == (None, 1)


def test_an_explanation_names_what_differed():
    @cached_result_sync()
    def render(prompt, seed=0, steps=[1]):
        return prompt

    assert render.explain("a").differs == ()
    render("a", seed=1)
    render("b", seed=2)
    told = render.explain("a", seed=2)
    assert not told.stored and told.differs in (("seed",), ("prompt",))
    assert render.explain("a", seed=1).stored and render.explain("a", seed=1).differs == ()
    assert "seed" in str(told) and "render" in str(told)
    assert "none" in render.explain(object()).key


def test_two_functions_that_meet_on_one_key_are_told_of_once():
    from refrain_cache import BypassWarning

    @cached_result_sync(cache_key_fn=lambda prompt: prompt)
    def caption(prompt):
        return "caption"

    @cached_result_sync(cache_key_fn=lambda prompt: prompt)
    def render(prompt):
        return "picture"

    caption("a cat")
    with pytest.warns(BypassWarning, match="another function") as told:
        # The contract: what the key function gives is the key.
        assert render("a cat") == render("a cat") == "caption"
    assert len(told) == 1
    assert caption("a cat") == "caption"


def test_functions_that_share_a_name_are_not_told_of():
    import warnings

    one = cached_result_sync(name="shared", version="1")(lambda prompt: "one")
    other = cached_result_sync(name="shared", version="1")(lambda prompt: "other")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (one("a"), other("a")) == ("one", "one")
    assert other.info()["hits"] == 1


def test_hits_misses_and_bypasses_are_in_the_log(caplog):
    import logging
    import warnings

    caplog.set_level(logging.DEBUG, "refrain_cache")

    @cached_result_sync()
    def render(prompt):
        return prompt

    render("a"), render("a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        render(object())
    words = [message.partition(" of ")[0] for message in caplog.messages]
    assert words == ["miss", "hit", "bypass"]
    assert all("render" in message for message in caplog.messages)
