"""The fixture for pytest, in a run of pytest of its own."""

from __future__ import annotations

import subprocess
import sys

CONFTEST = 'pytest_plugins = ["refrain_cache.testing"]\n'

TESTS = """
import pytest
from refrain_cache import Cache, DiskTier, cached_result_sync

calls = []
limited = Cache(max_entries=7)

@cached_result_sync()
def remembered(number):
    calls.append(number)
    return number

@limited.cached()
def cached(number):
    calls.append(number)
    return number

@pytest.fixture(autouse=True)
def forgetful(empty_caches):
    calls.clear()

@pytest.mark.parametrize("round", range(3))
def test_each_test_computes(round):
    assert [remembered(1), remembered(1), cached(2), cached(2)] == [1, 1, 2, 2]
    assert calls == [1, 2]
    assert limited.stats()["hits"] == 1 and limited.limits()["max_entries"] == 7

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with DiskTier(tmp_path_factory.mktemp("folder")) as tier:
        yield Cache(disk=tier)

@pytest.mark.parametrize("round", range(2))
def test_what_is_in_a_folder_stays(folder, round):
    assert folder.get_or_compute("k", lambda: round) == 0 and len(folder) == 1
    assert folder.stats()["loads"] == round
"""


def test_the_fixture_empties_every_cache_and_no_folder(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_program.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert "5 passed" in done.stdout, done.stdout + done.stderr
