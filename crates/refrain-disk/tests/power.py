#!/usr/bin/env python3
"""Cuts the power of a process that stores, again and again, and looks at what is left on the disk.

    sudo python3 crates/refrain-disk/tests/power.py                  100 cuts
    sudo python3 crates/refrain-disk/tests/power.py --cuts 2000
    sudo python3 crates/refrain-disk/tests/power.py --without-sync   must find losses: the proof that it can see

The process stores on a file system whose device is a file; a copy of that file, made at one instant (a reflink), is the
disk as a power cut at that instant leaves it. It is mounted, so that its journal is replayed, and opened. What had been
acknowledged before the instant has to be there; whatever is there has to be whole.

Needs root, Linux with loop devices, and Debian's packages xfsprogs and, for --without-sync, eatmydata.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def test_program() -> str:
    build = ["cargo", "test", "--package", "refrain-disk", "--test", "it", "--no-run", "--message-format", "json"]
    lines = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    programs = [json.loads(line).get("executable") for line in lines if line.startswith("{")]
    return next(program for program in programs if program)


class Storing:
    """A process that stores, and what it has told so far."""

    def __init__(self, program: str, folder: pathlib.Path, before: list[str]):
        arguments = ["--ignored", "--exact", "--nocapture", "kill::stores_until_it_is_killed"]
        self.process = subprocess.Popen(
            [*before, program, *arguments],
            env={**os.environ, "REFRAIN_DISK_KILL_DIR": str(folder)},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.lines: list[tuple[str, int, int]] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            words = line.split()
            if len(words) == 3 and words[0] in ("begin", "stored", "gone"):
                self.lines.append((words[0], int(words[1]), int(words[2])))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()


def judge(lines: list, acknowledged: int, there: dict[int, int]) -> tuple[int, int, int]:
    """Kept, lost and wrong. The first `acknowledged` lines had been read before the cut; the others may have happened."""
    kept = lost = wrong = 0
    for key in {key for _, key, _ in lines}:
        allowed: set[int | None] = {None}
        for at, (word, of, version) in enumerate(lines):
            if of != key:
                continue
            if word == "begin":
                allowed |= {version, None} if version else {None}
            elif at < acknowledged:
                allowed = {version} if word == "stored" else {None}
            # What was told after the copy may have been done before it.
        found = there.get(key)
        if found in allowed:
            kept += found is not None
        elif found is None:
            lost += 1
        else:
            wrong += 1
    return kept, lost, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-sync", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    program = test_program()
    before = ["eatmydata"] if options.without_sync else []
    kept = lost = wrong = 0
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name)
        outer, data, cut = place / "outer", place / "data", place / "cut"
        for folder in (outer, data, cut):
            folder.mkdir()
        run("truncate", "-s", "4G", place / "outer.img")
        run("mkfs.xfs", "-q", "-m", "reflink=1", place / "outer.img")
        run("mount", "-o", "loop", place / "outer.img", outer)
        try:
            run("truncate", "-s", "1G", outer / "inner.img")
            run("mkfs.ext4", "-q", outer / "inner.img")
            # Nothing is written back for a long time but what is synced.
            run("mount", "-o", "loop,commit=300", outer / "inner.img", data)
            for number in range(options.cuts):
                storing = Storing(program, data / f"cache-{number}", before)
                while not storing.lines:
                    time.sleep(0.001)
                time.sleep(chance.uniform(0.01, 0.4))
                acknowledged = len(storing.lines)
                run("cp", "--reflink=always", outer / "inner.img", outer / "cut.img")
                storing.kill()
                run("mount", "-o", "loop", outer / "cut.img", cut)
                environment = {**os.environ, "REFRAIN_DISK_KILL_DIR": str(cut / f"cache-{number}")}
                arguments = ["--ignored", "--exact", "--nocapture", "kill::tells_what_is_there"]
                told = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)
                run("umount", cut)
                run("rm", "-r", data / f"cache-{number}")
                if told.returncode:
                    print(told.stdout + told.stderr)
                    return 1
                there = [line.split() for line in told.stdout.splitlines() if line.startswith("there ")]
                found = {int(key): int(version) for _, key, version in there}
                outcome = judge(storing.lines, acknowledged, found)
                kept, lost, wrong = kept + outcome[0], lost + outcome[1], wrong + outcome[2]
                if number % 10 == 9:
                    print(f"{number + 1} cuts: {kept} kept, {lost} lost, {wrong} wrong", flush=True)
        finally:
            for folder in (cut, data, outer):
                subprocess.run(["umount", folder], capture_output=True)
    print(f"{options.cuts} cuts: {kept} acknowledged entries kept, {lost} lost, {wrong} wrong")
    if options.without_sync:
        return 0 if lost + wrong else 1
    return 1 if lost + wrong else 0


if __name__ == "__main__":
    sys.exit(main())
