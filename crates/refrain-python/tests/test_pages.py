"""What the pages about the package show works as they show it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(os.environ.get("REFRAIN_REPOSITORY", pathlib.Path(__file__).parents[3]))
PAGES = ["README.md", "docs/python.md", "docs/python-migration.md", "crates/refrain-python/README.md"]
EXAMPLES = [
    pytest.param(code, id=f"{page}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", (REPOSITORY / page).read_text(), re.DOTALL))
]


def test_every_page_has_examples():
    assert len(EXAMPLES) >= len(PAGES)


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(code, tmp_path):
    if "Client(" in code:
        pytest.skip("needs a server; test_client.py has one")
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_in_the_reference():
    import refrain_cache

    text = (REPOSITORY / "docs" / "python.md").read_text()
    missing = [name for name in refrain_cache.__all__ if name not in text and not name.startswith("__")]
    assert missing == []
