"""The papers around the code: links lead somewhere, and what can be checked is checked."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest
from repository import REPOSITORY, manifests, tracked


PAGES = tracked("*.md")
NEEDED = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/glossary.md", "docs/decisions.md"]


def without_code(text: str) -> str:
    text = re.sub(r"^( *)(```|~~~).*?^\1\2", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: set[str] = set()
    text = re.sub(r"^( *)(```|~~~).*?^\1\2", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for heading in re.findall(r"^#{1,6} +(.*?) *#*$", text, re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        base = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        name, number = base, 0
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found.add(name)
    return found | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def links(page) -> list[str]:
    text = without_code(page.read_text())
    inline = re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text)
    named = re.findall(r"^\[[^\]]+\]: +(\S+)", text, re.MULTILINE)
    return inline + named


def test_the_papers_are_there():
    for name in [*NEEDED, "LICENSE-MIT", "LICENSE-APACHE"]:
        assert (REPOSITORY / name).is_file(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            assert link.startswith(("https://", "http://127.0.0.1", "http://localhost", "mailto:")), link
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link} leads nowhere"
        assert target.is_relative_to(REPOSITORY), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: {link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_path_of_the_repository_that_a_page_names_exists(page):
    """In back quotes and with a slash or a known ending: `docs/relief.md`, `crates/refrain/`."""
    for name in re.findall(r"`((?:crates|docs|examples|tests|fuzz|\.ci)/[\w./-]+)`", page.read_text()):
        assert (REPOSITORY / name).exists(), f"{page.name} names {name}"


def test_every_dependency_has_its_sentence():
    text = (REPOSITORY / "docs/decisions.md").read_text()
    listed = text.split("## Dependencies", 1)[1].split("\n## ", 1)[0]
    # A line may explain several at once: * `one`, `two`: what they do.
    heads = re.findall(r"^[*-] ((?:(?:, | and )?`[\w-]+`)+)", listed, re.MULTILINE)
    explained = {name for head in heads for name in re.findall(r"`([\w-]+)`", head)}
    used: set[str] = set()
    for manifest in manifests():
        tables = [manifest, *manifest.get("target", {}).values()]
        for table in tables:
            for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
                used |= {
                    value.get("package", name) if isinstance(value, dict) else name
                    for name, value in table.get(kind, {}).items()
                }
    own = {manifest["package"]["name"] for manifest in manifests() if "package" in manifest}
    assert used - own - explained == set(), "dependencies without a sentence"
    fuzzing = set(tomllib.loads((REPOSITORY / "fuzz/Cargo.toml").read_text())["dependencies"])
    assert explained - used - fuzzing == set(), "sentences about what is not a dependency"


def test_every_declared_dependency_is_used_by_a_crate():
    root = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())
    declared = set(root["workspace"]["dependencies"])
    used: set[str] = set()
    for manifest in manifests():
        for table in (manifest, *manifest.get("target", {}).values()):
            for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
                used |= set(table.get(kind, {}))
    assert declared - used == set()


def test_the_library_depends_on_no_runtime_no_server_and_no_command_line():
    tree = subprocess.run(
        ["cargo", "tree", "--package", "refrain", "--edges", "normal", "--prefix", "none", "--locked", "--offline"],
        cwd=REPOSITORY, capture_output=True, text=True,
    )  # fmt: skip
    assert tree.returncode == 0, tree.stderr
    names = {line.split()[0] for line in tree.stdout.splitlines() if line.strip()}
    assert not names & {"tokio", "axum", "hyper", "clap", "redis", "image"}, names


def test_every_crate_inherits_the_lints():
    for manifest in manifests():
        if "package" in manifest:
            assert manifest["lints"] == {"workspace": True}, manifest["package"]["name"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_no_page_holds_a_reminder_or_a_machine_path(page):
    text = page.read_text()
    for word in ("TODO", "FIXME", "TBD"):
        assert word not in text, f"{page.name}: {word}"
    path = re.search(r"/(tmp|work|home|root)/\S*", text)
    assert path is None, f"{page.name}: {path.group()} is a place on somebody's own machine"


def test_the_architecture_names_every_crate():
    text = (REPOSITORY / "ARCHITECTURE.md").read_text()
    for manifest in manifests():
        if "package" in manifest:
            assert manifest["package"]["name"] in text, manifest["package"]["name"]
