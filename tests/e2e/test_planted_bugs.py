"""The bugs that are planted to try the tests of the memory cache can still be planted in its source."""

import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "crates/refrain/tests/planted.py"


def test_every_bug_can_still_be_planted():
    run = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("can be planted") >= 20
