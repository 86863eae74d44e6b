"""The root of the repository, and the files in it that are ours."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def tracked(pattern: str) -> list[Path]:
    """Files that are in the repository or about to be; what is ignored is nobody's document."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode == 0:
        names = listed.stdout.split("\n")
    else:
        skipped = {"target", ".venv", "node_modules", ".git"}
        found = REPOSITORY.rglob(pattern)
        names = [str(f.relative_to(REPOSITORY)) for f in found if not skipped & set(f.relative_to(REPOSITORY).parts)]
    return sorted(REPOSITORY / name for name in set(names) if name and (REPOSITORY / name).exists())


def manifests() -> list[dict]:
    """The manifests of the workspace; `fuzz/` is one of its own."""
    paths = [path for path in tracked("*Cargo.toml") if path.parent.name != "fuzz"]
    return [tomllib.loads(path.read_text()) for path in paths]
