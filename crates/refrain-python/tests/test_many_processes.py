"""Several processes with one folder: each way in which programs have them."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from refrain_cache import Cache, DiskTier

fcntl = pytest.importorskip("fcntl", reason="no flock on this system")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

#: What every program has: a function that takes its time and notes each call in a file.
FUNCTION = '''
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from refrain_cache import Cache, DiskTier

folder = sys.argv[1]
cache = Cache(disk=DiskTier(os.path.join(folder, "cache")))

def note(word):
    with open(os.path.join(folder, "notes"), "a") as notes:
        notes.write(word + "\\n")

@cache.cached()
def render(prompt):
    note("computed")
    time.sleep(0.4)
    return prompt.upper()

def ask(prompt):
    assert render(prompt) == prompt.upper()
    return os.getpid()
'''

PROGRAMS = {
    "fork": '''
        import multiprocessing
        with multiprocessing.get_context("fork").Pool(3) as pool:
            pool.map(ask, ["cat", "dog"] * 6, chunksize=1)
    ''',
    "spawn": '''
        import multiprocessing
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(ask, ["cat", "dog"] * 6, chunksize=1)
    ''',
    "forkserver": '''
        import multiprocessing
        with multiprocessing.get_context("forkserver").Pool(2) as pool:
            pool.map(ask, ["cat", "dog"] * 6, chunksize=1)
    ''',
    "executor": '''
        from concurrent.futures import ProcessPoolExecutor
        with ProcessPoolExecutor(3) as pool:
            list(pool.map(ask, ["cat", "dog"] * 6))
    ''',
    "prefork": '''
        # A master that has used the cache before it forks, and workers of four threads each.
        assert cache.get_or_compute("warm", lambda: "up") == "up"
        workers = []
        for _ in range(3):
            worker = os.fork()
            if worker == 0:
                threads = [threading.Thread(target=ask, args=(prompt,)) for prompt in ("cat", "dog") * 2]
                [thread.start() for thread in threads]
                [thread.join() for thread in threads]
                assert cache.get("warm") == "up"
                os._exit(0)
            workers.append(worker)
        assert all(os.waitpid(worker, 0)[1] == 0 for worker in workers)
        ask("cat")
    ''',
}  # fmt: skip


def written(tmp_path: pathlib.Path, body: str) -> pathlib.Path:
    program = tmp_path / "program.py"
    program.write_text(f"{FUNCTION}\nif __name__ == '__main__':\n{textwrap.indent(textwrap.dedent(body), '    ')}")
    return program


def notes(tmp_path: pathlib.Path) -> list[str]:
    file = tmp_path / "notes"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("way", PROGRAMS)
def test_each_key_is_computed_once_however_processes_come_about(tmp_path, way):
    program = written(tmp_path, PROGRAMS[way])
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert notes(tmp_path) == ["computed"] * 2
    with DiskTier(tmp_path / "cache") as tier:
        assert len(tier) == (3 if way == "prefork" else 2)


def test_programs_that_start_apart_compute_once_and_see_what_the_other_invalidates(tmp_path):
    program = written(
        tmp_path,
        """
        for line in sys.stdin:
            word = line.strip()
            if word == "ask":
                ask("cat")
            elif word == "clear":
                cache.clear()
            print("done", flush=True)
        """,
    )
    command = [sys.executable, str(program), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as other:

        def say(process, word):
            process.stdin.write(word + "\n")
            process.stdin.flush()

        def hear(process):
            assert process.stdout.readline() == "done\n"

        for process in (one, other):
            say(process, "ask")
        for process in (one, other):
            hear(process)
        assert notes(tmp_path) == ["computed"]
        say(one, "clear")
        hear(one)
        deadline = time.monotonic() + 50
        while notes(tmp_path) == ["computed"]:
            # Its memory is told within a tenth of a second.
            assert time.monotonic() < deadline
            say(other, "ask")
            hear(other)
        for process in (one, other):
            process.stdin.close()


def test_the_death_of_the_process_that_computes_is_noticed(tmp_path):
    program = written(
        tmp_path,
        """
        note("begun")
        cache.get_or_compute("k", lambda: note("computing") or time.sleep(1000))
        """,
    )
    with subprocess.Popen([sys.executable, str(program), str(tmp_path)]) as process:
        while "computing" not in notes(tmp_path):
            time.sleep(0.01)
        with DiskTier(tmp_path / "cache") as tier:
            cache = Cache(disk=tier)
            os.kill(process.pid, signal.SIGSTOP)
            # What only looks does not wait, and neither does a computation within another one.
            assert cache.get("k") is None
            inner = cache.get_or_compute("outer", lambda: cache.get_or_compute("k", lambda: "inner"))
            assert inner == "inner" and cache.invalidate("k")
            process.kill()
            assert cache.get_or_compute("k", lambda: "here") == "here"


def test_waiting_for_another_process_ends_with_a_signal(tmp_path):
    program = written(
        tmp_path,
        """
        import signal
        if sys.argv[2] == "waits":
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            def stop(*_):
                raise TimeoutError("as the test wants it")
            signal.signal(signal.SIGALRM, stop)
        try:
            cache.get_or_compute("k", lambda: note("computing") or time.sleep(1000))
        except TimeoutError as error:
            note("interrupted")
        """,
    )
    command = [sys.executable, str(program), str(tmp_path)]
    with subprocess.Popen([*command, "computes"]) as process:
        while "computing" not in notes(tmp_path):
            time.sleep(0.01)
        subprocess.run([*command, "waits"], timeout=50, check=True)
        process.kill()
    assert notes(tmp_path) == ["computing", "interrupted"]


def test_there_is_one_limit_for_all_processes(tmp_path):
    program = written(
        tmp_path,
        """
        import json
        tier = DiskTier(os.path.join(folder, "limited"), max_bytes=20 * 4096)
        for number in range(30):
            tier.set((os.getpid(), number), b"x" * 5000)
        print(json.dumps(tier.limits()))
        """,
    )
    with DiskTier(tmp_path / "limited", max_bytes=10 * 4096) as tier:
        command = [sys.executable, str(program), str(tmp_path)]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        most = 0
        while any(process.poll() is None for process in running):
            with open(tmp_path / "limited" / "turn") as turn:
                # A file that is renamed while this looks around would be seen twice.
                fcntl.flock(turn, fcntl.LOCK_EX)
                files = (tmp_path / "limited" / "v2").rglob("*")
                most = max(most, sum(-(-file.stat().st_size // 4096) for file in files if file.is_file()))
        assert 2 <= most <= 10
        for process in running:
            assert json.loads(process.communicate()[0])["max_bytes"] == 10 * 4096
        assert len(tier) == 5 and tier.stats()["damaged"] == 0
