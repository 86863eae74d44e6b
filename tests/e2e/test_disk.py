"""Results on disk: what was answered is there after the server was killed, however it ended."""

from __future__ import annotations

import concurrent.futures
import random
import resource
import subprocess

import httpx
import pictures
import pytest
from server_process import BINARY, Server, clean_environment, eventually

COUNT = 12
ON_DISK = 'refrain; fwd=miss; stored; detail="on disk"'


def small(number: int) -> bytes:
    return pictures.png(pictures.logo(48, 48, seed=number))


def on_disk(tmp_path, *arguments: str) -> Server:
    return Server(tmp_path / "server", "--disk-dir", str(tmp_path / "disk"), *arguments)


def test_after_a_restart_every_repeat_is_a_hit_and_nothing_is_generated(tmp_path):
    with on_disk(tmp_path) as server:
        first = [server.generate(small(n)) for n in range(COUNT)]
    with on_disk(tmp_path) as server:
        again = [server.generate(small(n)) for n in range(COUNT)]
        stats = server.stats()
    assert [answer.content for answer in again] == [answer.content for answer in first]
    assert all(answer.headers["Cache-Status"].startswith("refrain; hit; ttl=") for answer in again)
    assert (stats["generations"], stats["hits"], stats["misses"]) == (0, COUNT, 0)
    assert stats["disk"]["current_items"] == COUNT


def test_what_was_answered_is_there_after_kill_9_at_any_moment(tmp_path):
    seed = 20261128
    print(f"seed {seed}")
    chance = random.Random(seed)
    answered: dict[int, bytes] = {}
    number = 0
    for _ in range(6):
        server = on_disk(tmp_path)
        for n, content in answered.items():
            answer = server.generate(small(n))
            assert answer.content == content
            assert answer.headers["Cache-Status"].startswith("refrain; hit"), "it was answered before the kill"
        assert server.stats()["disk"]["damaged"] == 0
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = {pool.submit(server.generate, small(n)): n for n in range(number, number + 20)}
            number += 20
            kill_after = chance.randrange(1, 12)
            for done, asking in enumerate(concurrent.futures.as_completed(asked)):
                if asking.exception() is None and asking.result().status_code == 200:
                    answered[asked[asking]] = asking.result().content
                if done == kill_after:
                    server.process.kill()
        server.kill()
    assert len(answered) > 6
    left = list((tmp_path / "disk/v2/unfinished").iterdir())
    with on_disk(tmp_path) as server:
        assert server.stats()["disk"]["current_items"] >= len(answered)
    assert len(left) <= 1
    assert list((tmp_path / "disk/v2/unfinished").iterdir()) == []


def test_clear_empties_the_disk_for_good(tmp_path):
    with on_disk(tmp_path) as server:
        server.generate(small(1))
        assert server.http.post("/api/cache/clear").json()["cleared"] == 1
    assert [path for path in (tmp_path / "disk/v2").rglob("*") if path.is_file()] == []
    with on_disk(tmp_path) as server:
        assert server.generate(small(1)).headers["Cache-Status"] == ON_DISK


def test_the_files_take_no_more_than_allowed(tmp_path):
    with on_disk(tmp_path, "--disk-max-mb", "0.5") as server:
        for n in range(COUNT):
            assert server.generate(small(n)).status_code == 200
        stats = server.stats()["disk"]
    files = [path for path in (tmp_path / "disk/v2").rglob("*") if path.is_file()]
    assert sum(-(-path.stat().st_size // 4096) * 4096 for path in files) <= 0.5 * 1048576
    assert stats["current_items"] == len(files)
    assert stats["evictions"] + stats["declined"] > 0


def test_two_servers_share_a_folder_and_forget_together(tmp_path):
    with on_disk(tmp_path) as one, Server(tmp_path / "other", "--disk-dir", str(tmp_path / "disk")) as other:
        made = [one.generate(small(n)).content for n in range(4)]
        assert [other.generate(small(n)).content for n in range(4)] == made
        assert other.stats()["generations"] == 0
        assert httpx.post(f"{one.url}/api/cache/clear").status_code == 200
        # What the other has in memory goes within a tenth of a second.
        eventually(lambda: other.stats()["current_items"] == other.stats()["disk"]["current_items"] == 0)


def test_the_terminal_shows_what_the_disk_does(tmp_path):
    with on_disk(tmp_path) as server:
        server.generate(small(1))
        shown = subprocess.run(
            [str(BINARY), "stats"], cwd=tmp_path, env=clean_environment(tmp_path, {"REFRAIN_SERVER": server.url}),
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "1 entries" in shown.stdout and "disk faults" in shown.stdout


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_a_damaged_file_is_generated_again_and_never_served(tmp_path, damage):
    with on_disk(tmp_path) as server:
        content = server.generate(small(1)).content
    [file] = [path for path in (tmp_path / "disk/v2").rglob("*") if path.is_file()]
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-1] ^= 1
        file.write_bytes(data)
    elif damage == "cut":
        file.write_bytes(data[:-1])
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.unlink()
    with on_disk(tmp_path) as server:
        answer = server.generate(small(1))
        assert answer.content == content
        assert answer.headers["Cache-Status"] == ON_DISK


def test_a_limit_on_the_size_of_files_keeps_results_off_the_disk_and_nothing_else(tmp_path):
    with on_disk(tmp_path) as server:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (8192, 8192))
        answers = [server.generate(small(n)) for n in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert all(answer.headers["Cache-Status"] == "refrain; fwd=miss; stored" for answer in answers)
        assert server.stats()["disk"]["errors"] == 3
        assert server.generate(small(0)).headers["Cache-Status"].startswith("refrain; hit")
    assert list((tmp_path / "disk/v2/unfinished").iterdir()) == []
