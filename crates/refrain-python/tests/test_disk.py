"""`DiskTier`: what is stored in a folder is there in the next process, and nothing that is broken ever leaves it."""

from __future__ import annotations

import errno
import io
import math
import os
import pathlib
import subprocess
import sys
import warnings

import pytest

from refrain_cache import (
    BypassWarning, Cache, CodecError, DiskError, DiskInUseError, DiskReadOnlyError, DiskTier, Key, RefrainError,
)  # fmt: skip

SOME_KEY = Key("07" * 32)


def break_disk(tier):
    """From now on nothing can be read or written."""
    files = pathlib.Path(tier.path, "v2")
    files.rename(f"{files} of before")
    files.write_text("")


def file_of(tier, key=SOME_KEY):
    return pathlib.Path(tier.path, "v2", str(key)[:2], str(key))


@pytest.fixture
def tier(tmp_path):
    with DiskTier(tmp_path / "results") as tier:
        yield tier


class Planted:
    """What it is made of on reading is a call."""

    def __reduce__(self):
        return print, ("read",)


def values():
    numpy, image = pytest.importorskip("numpy"), pytest.importorskip("PIL.Image")
    return {
        "bytes": b"\0\xff", "text": "Grüße", "json": {"a": [1, 2.5, None, True]},
        "numpy": numpy.arange(6).reshape(2, 3), "pil": image.new("RGB", (2, 2), (1, 2, 3)),
    }  # fmt: skip


def test_values_are_there_in_the_next_one_who_opens_the_folder(tmp_path):
    with DiskTier(tmp_path) as tier:
        for name, value in values().items():
            assert tier.set(name, value)
    with DiskTier(tmp_path) as tier:
        assert len(tier) == 5
        for name, value in values().items():
            back = tier.get(name)
            assert type(back) is type(value) or name == "pil"
            assert (back.tobytes() == value.tobytes()) if name in ("numpy", "pil") else back == value


def test_an_entry_says_what_the_bytes_are(tier):
    kinds = {"bytes": "application/octet-stream", "text": "text/plain; charset=utf-8", "json": "application/json",
             "numpy": "application/x-npy", "pil": "image/png"}  # fmt: skip
    for name, value in values().items():
        tier.set(name, value)
        assert (tier.entry(name).codec, tier.entry(name).media_type) == (name, kinds[name])
    tier.set("k", b"solid", media_type="model/stl", file_name="cube.stl", tags=["model:v2"], cost_seconds=90, ttl_seconds=60)
    entry = tier.entry("k")
    assert (entry.content, entry.codec, entry.media_type, entry.file_name) == (b"solid", "bytes", "model/stl", "cube.stl")
    assert (entry.tags, entry.cost_seconds) == (("model:v2",), 90)
    assert 50 < entry.expires_in_seconds <= 60 and 0 <= entry.age_seconds < 10
    assert tier.entry("absent") is None
    assert tier.entry("text").expires_in_seconds is None


def test_keys_are_those_of_a_cache(tier):
    tier.set({"prompt": "a cat", "seed": 7}, b"1")
    assert tier.get({"seed": 7, "prompt": "a cat"}) == b"1"
    assert {"seed": 7, "prompt": "a cat"} in tier and {"seed": 7.0, "prompt": "a cat"} not in tier
    tier.set(SOME_KEY, b"2")
    assert file_of(tier).exists()


def test_an_empty_tier_is_truthy_and_a_miss_is_the_default(tier):
    assert tier and len(tier) == 0
    assert tier.get("absent", 5) == 5
    assert (tier.stats()["hits"], tier.stats()["misses"]) == (0, 1)


def test_entries_go_by_key_tag_and_altogether(tier):
    for number in range(6):
        tier.set(number, b"", tags=["all", f"model:{number % 2}"])
    assert tier.invalidate(0) and not tier.invalidate(0)
    assert tier.invalidate_tag("model:1") == 3
    assert [number in tier for number in range(6)] == [False, False, True, False, True, False]
    assert tier.clear() == 2
    assert not list(pathlib.Path(tier.path).glob("v2/??/*"))


def test_entries_expire(tmp_path, clock):
    with DiskTier(tmp_path, clock=clock) as tier:
        tier.set("short", b"", ttl_seconds=1)
        tier.set("long", b"", ttl_seconds=100)
        tier.set("for ever", b"", ttl_seconds=math.inf)
        assert not tier.set("not at all", b"", ttl_seconds=0)
        clock.advance(1)
        assert ("short" in tier, tier.get("short"), tier.get("long")) == (False, None, b"")
    clock.advance(98)
    with DiskTier(tmp_path, clock=clock) as tier:
        assert tier.entry("long").expires_in_seconds == 1
        clock.advance(1)
        assert (tier.get("long"), tier.get("for ever")) == (None, b"")


def test_limits_hold_and_smaller_ones_evict_at_once(tmp_path):
    with DiskTier(tmp_path, max_bytes=3 * 4096, policy="lru") as tier:
        for number in range(5):
            tier.set(number, bytes(1000))
        assert [number in tier for number in range(5)] == [False, False, True, True, True]
        assert not tier.set("large", bytes(4 * 4096))
        assert tier.limits() == {"max_entries": None, "max_bytes": 3 * 4096}
        tier.set_limits(max_entries=1)
        assert [key_and_info[1]["bytes"] for key_and_info in tier.entries()] == [4096]
        stats = tier.stats()
        assert (stats["entries"], stats["bytes"], stats["max_bytes"]) == (1, 4096, 3 * 4096)
        assert (stats["stores"], stats["overweight"], stats["evictions"]) == (5, 1, 4)


def test_what_has_been_invalidated_or_set_since_a_ticket_was_taken_is_not_stored(tier):
    for change in (lambda: tier.invalidate("k"), lambda: tier.invalidate_tag("t"), tier.clear):
        ticket = tier.begin()
        change()
        assert not tier.set("k", b"old", tags=["t"], ticket=ticket)
        assert tier.set("other", b"old", ticket=ticket) is (change != tier.clear)
        assert "k" not in tier
    ticket = tier.begin()
    tier.set("k", b"newer")
    assert not tier.set("k", b"older", ticket=ticket)
    assert tier.get("k") == b"newer"


def test_a_ticket_is_for_the_tier_that_gave_it(tier, tmp_path):
    with DiskTier(tmp_path / "other") as other, pytest.raises(ValueError, match="ticket"):
        tier.set("k", b"", ticket=other.begin())


@pytest.mark.parametrize("at", [0, 30, 60, 100, 130, -1])
def test_a_changed_byte_makes_it_a_miss(tier, at):
    tier.set(SOME_KEY, b"some bytes")
    content = bytearray(file_of(tier).read_bytes())
    content[at] ^= 1
    file_of(tier).write_bytes(content)
    assert tier.get(SOME_KEY) is None
    assert tier.stats()["damaged"] == 1 and not file_of(tier).exists()


def test_a_pickle_is_not_read_unless_the_tier_is_for_them(tmp_path, capsys):
    with DiskTier(tmp_path, codec="pickle") as tier:
        tier.set("k", (1, {2}))
        tier.set("planted", Planted())
        assert tier.get("k") == (1, {2})
    for settings in ({}, {"read_only": True}, {"codec": "json"}):
        with DiskTier(tmp_path, **settings) as tier:
            with pytest.warns(BypassWarning, match='codec="pickle"') as warned:
                assert tier.get("planted", "default") == tier.get("k", "default") == "default"
            assert len(warned) == 1
            assert tier.entry("k").codec == "pickle"
            stats = tier.stats()
            assert (stats["hits"], stats["misses"], stats["undecoded"]) == (1, 2, 2)
    with DiskTier(tmp_path) as tier, pytest.raises(ValueError, match="pickle"):
        tier.set("k", 1, codec="pickle")
    assert capsys.readouterr().out == ""
    with DiskTier(tmp_path, codec="pickle") as tier:
        tier.get("planted")
    assert capsys.readouterr().out == "read\n"


def test_bytes_that_their_codec_did_not_write_are_a_miss(tier):
    tier._native.store(None, SOME_KEY, b"{", "json", "application/json", "", None, None, [])
    with pytest.warns(BypassWarning, match="json"):
        assert tier.get(SOME_KEY) is None
    tier._native.store(None, SOME_KEY, b"{", "of tomorrow", "application/json", "", None, None, [])
    with pytest.warns(BypassWarning, match="of tomorrow"):
        assert tier.get(SOME_KEY) is None
    assert tier.entry(SOME_KEY).content == b"{"


def test_what_a_codec_does_not_take_is_an_error(tier):
    with pytest.raises(CodecError, match="object"):
        tier.set("k", (1, object()))
    with pytest.raises(CodecError):
        tier.set("k", "text", codec="bytes")
    assert len(tier) == 0


def test_tiers_of_one_folder_share_it(tier):
    with DiskTier(tier.path, max_bytes=1) as beside:
        assert beside.limits() == tier.limits()
        assert tier.set("k", "stored") and beside.get("k") == "stored"
        assert beside.invalidate("k") and tier.get("k") is None


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
def test_a_folder_that_an_older_build_has_for_itself_is_refused(tmp_path):
    import fcntl

    DiskTier(tmp_path).close()
    with open(tmp_path / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DiskInUseError, match="an older build") as error:
            DiskTier(tmp_path)
    assert isinstance(error.value, (RefrainError, OSError))
    DiskTier(tmp_path).close()


def test_a_folder_that_cannot_be_used_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot open disk tier") as error:
        DiskTier(tmp_path / "file" / "folder")
    assert isinstance(error.value.__cause__, OSError) and error.value.errno == errno.ENOTDIR
    (tmp_path / "later" / "v9").mkdir(parents=True)
    with pytest.raises(DiskError, match="format version 9"):
        DiskTier(tmp_path / "later")


def test_one_that_is_read_only_changes_nothing(tier):
    tier.set("k", "value", tags=["t"])
    before = sorted((file, file.stat().st_mtime_ns) for file in pathlib.Path(tier.path).rglob("*"))
    reader = DiskTier(tier.path, read_only=True)
    assert (reader.get("k"), "k" in reader, "other" in reader, reader.read_only) == ("value", True, False, True)
    writing = [
        lambda: reader.set("k", 1), lambda: reader.invalidate("k"), lambda: reader.invalidate_tag("t"), reader.clear,
        reader.begin, lambda: reader.set_limits(max_bytes=1),
    ]  # fmt: skip
    for call in writing:
        with pytest.raises(io.UnsupportedOperation, match="only read here"):
            call()
    assert issubclass(DiskReadOnlyError, DiskError)
    # What changes nothing is told.
    assert (len(reader), reader.entries(), reader.limits()) == (1, tier.entries(), tier.limits())
    nowhere = DiskTier(tier.path + "/nowhere", read_only=True)
    assert (len(nowhere), nowhere.entries(), nowhere.limits()) == (0, [], {"max_entries": None, "max_bytes": None})
    assert reader.stats() == {"hits": 1, "misses": 0, "undecoded": 0, "errors": 0}
    assert sorted((file, file.stat().st_mtime_ns) for file in pathlib.Path(tier.path).rglob("*")) == before
    assert DiskTier(tier.path + "/nowhere", read_only=True).get("k") is None
    assert not pathlib.Path(tier.path + "/nowhere").exists()


def test_a_closed_tier_goes_on_reading(tmp_path):
    tier = DiskTier(tmp_path)
    tier.set("k", "value")
    ticket = tier.begin()
    tier.close()
    tier.close()
    assert (tier.get("k"), tier.read_only) == ("value", True)
    with pytest.raises(DiskReadOnlyError):
        tier.set("k", "newer", ticket=ticket)
    del ticket


def test_a_disk_that_refuses_is_a_miss_and_is_told_once(tier):
    tier.set(SOME_KEY, b"")
    file_of(tier).unlink()
    (file_of(tier) / "something").mkdir(parents=True)
    with pytest.warns(BypassWarning, match="was not read: .*: .*directory") as warned:
        assert tier.get(SOME_KEY, "default") == tier.get(SOME_KEY, "default") == "default"
    assert [warning.filename for warning in warned] == [__file__]
    assert tier.stats()["errors"] == 2
    with pytest.raises(DiskError) as error:
        tier.invalidate(SOME_KEY)
    assert isinstance(error.value.__cause__, OSError)
    for promise in (lambda: tier.invalidate_tag("t"), tier.clear):
        with pytest.raises(DiskError):
            promise()


def test_what_cannot_be_written_is_not_stored_and_leaves_no_older_value(tier):
    tier.set("k", "older")
    break_disk(tier)
    with pytest.warns(BypassWarning, match="was not (written|removed)"):
        assert tier.set("k", "newer") is False
    assert tier.get("k") is None
    with pytest.warns(BypassWarning):
        assert DiskTier(tier.path + "2").set("k", "", tags=["t" * 300_000]) is False


def test_warnings_that_are_errors_do_not_make_a_call_fail(tier):
    tier._native.store(None, SOME_KEY, b"{", "json", "application/json", "", None, None, [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tier.get(SOME_KEY) is None


@pytest.mark.parametrize(
    "settings",
    [{"max_entries": 0}, {"max_bytes": 0}, {"policy": "best"}, {"codec": "yaml"}],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(tmp_path, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        DiskTier(tmp_path, **settings)
    with DiskTier(tmp_path) as tier, pytest.raises((TypeError, ValueError)):
        tier.set_limits(**settings)


@pytest.mark.parametrize(
    "options", [{"ttl_seconds": math.nan}, {"cost_seconds": math.nan}, {"tags": "t"}, {"tags": [1]}], ids=str
)
def test_options_that_make_no_sense_are_refused_and_change_nothing(tier, options):
    tier.set("k", "value")
    with pytest.raises((TypeError, ValueError)):
        tier.set("k", "other", **options)
    assert tier.get("k") == "value"


def test_another_process_reads_and_writes_beside_this_one(tmp_path):
    script = """
import sys
from refrain_cache import DiskTier
reader = DiskTier(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(reader.get(line.strip()), flush=True)
DiskTier(sys.argv[1]).set("b", "stored there")
"""
    with DiskTier(tmp_path) as tier:
        command = [sys.executable, "-c", script, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

            def ask(key):
                process.stdin.write(f"{key}\n")
                process.stdin.flush()
                return process.stdout.readline().strip()

            assert ask("a") == "None"
            tier.set("a", "stored meanwhile")
            assert ask("a") == "stored meanwhile"
            tier.invalidate("a")
            assert ask("a") == "None"
            process.stdin.close()
            process.wait(50)
            assert tier.get("b") == "stored there"


def test_what_is_stored_outlives_a_process_that_is_killed(tmp_path):
    script = """
import os, signal, sys
from refrain_cache import DiskTier
DiskTier(sys.argv[1]).set("k", [1, "two"])
os.kill(os.getpid(), signal.SIGKILL)
"""
    if sys.platform == "win32":
        pytest.skip("no SIGKILL")
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], timeout=50)
    with DiskTier(tmp_path) as tier:
        assert tier.get("k") == [1, "two"]


def test_a_cache_takes_a_tier_and_nothing_else():
    with pytest.raises(TypeError, match="DiskTier"):
        Cache(disk="results")
    assert "disk" not in Cache().stats()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_folder_that_was_closed_is_free_though_a_child_process_lives(tmp_path):
    tier = DiskTier(tmp_path)
    stays, ends = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        os.read(stays, 1)
        os._exit(0)
    try:
        tier.close()
        with DiskTier(tmp_path) as other:
            assert other.set("k", "value")
    finally:
        os.close(ends)
        os.waitpid(child, 0)
        os.close(stays)
