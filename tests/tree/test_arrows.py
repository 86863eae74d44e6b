"""Arrows go down only: between the crates by a list, between the files of a crate by the absence of circles.

A file and the folder of its name are one room. Within a room the file may name what is in its folder and the other way round;
between rooms that stand beside each other there is no circle, at any depth. Files of different rooms are thus never in one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from module_graph import Arrows, circles, files_of, read_arrows
from repository import REPOSITORY, manifests

ALLOWED_BETWEEN_CRATES = {
    "refrain": {"refrain-macros"},
    "refrain-macros": set(),
    "refrain-command": {"refrain", "refrain-route"},
    "refrain-disk": {"refrain"},
    "refrain-relief": {"refrain"},
    "refrain-route": {"refrain"},
    "refrain-server": {"refrain", "refrain-command", "refrain-disk", "refrain-relief", "refrain-route"},
    "refrain-cli": {"refrain", "refrain-command", "refrain-relief", "refrain-route", "refrain-server"},
    "refrain-python": {"refrain", "refrain-disk", "refrain-relief", "refrain-route"},
    "refrain-testkit": {"refrain"},
    "refrain-bench": {"refrain", "refrain-disk", "refrain-relief", "refrain-testkit"},
}
# What only tests need: every crate the testkit, and the macros the library that they expand to.
ALLOWED_FOR_TESTS = {name: {"refrain-testkit"} for name in ALLOWED_BETWEEN_CRATES if name != "refrain-testkit"}
ALLOWED_FOR_TESTS["refrain-macros"] |= {"refrain"}
# The server's tests are those of its features too: they depend on it with all of them.
ALLOWED_FOR_TESTS["refrain-server"] |= {"refrain-server"}

# A cache hands out requests, a request runs on its cache, and a builder makes both from settings that both read.
# There is no other circle.
HANDLE = {"builder", "cache", "request"}

CRATES = {manifest["package"]["name"]: manifest for manifest in manifests() if "package" in manifest}


def own_dependencies(manifest: dict, kinds: tuple[str, ...]) -> set[str]:
    tables = [manifest, *manifest.get("target", {}).values()]
    names = {name for table in tables for kind in kinds for name in table.get(kind, {})}
    return {name for name in names if name.startswith("refrain")}


@pytest.mark.parametrize("name", sorted(CRATES))
def test_arrows_between_the_crates_go_one_way(name):
    assert name in ALLOWED_BETWEEN_CRATES, f"`{name}` is new: say here which crates it may depend on"
    built = own_dependencies(CRATES[name], ("dependencies", "build-dependencies"))
    assert built <= ALLOWED_BETWEEN_CRATES[name], f"{name} depends on {built}"
    tested = own_dependencies(CRATES[name], ("dev-dependencies",))
    allowed = ALLOWED_BETWEEN_CRATES[name] | ALLOWED_FOR_TESTS.get(name, set())
    assert tested <= allowed, f"the tests of {name} depend on {tested}"


def roots(crate: str) -> list[Path]:
    source = REPOSITORY / "crates" / crate / "src"
    return [root for root in (source / "lib.rs", source / "main.rs") if root.exists()]


def sentence(arrows: Arrows, folder: tuple[str, ...], knot: set[str]) -> str:
    """The knot with an example of each arrow in it: what a reader needs to cut it."""
    inside = [
        f"{one.relative_to(arrows.source)} -> {other.relative_to(arrows.source)}"
        for one, other in arrows.between(folder)
        if arrows.room(one, folder) in knot and arrows.room(other, folder) in knot
    ]
    return f"{', '.join(sorted(knot))} in {arrows.source.joinpath(*folder)}: {'; '.join(inside)}"


@pytest.mark.parametrize("name", sorted(CRATES))
def test_the_files_of_a_crate_import_each_other_in_no_circle(name):
    for root in roots(name):
        arrows = read_arrows(root)
        for folder in arrows.folders():
            for knot in circles(arrows.rooms(folder)):
                is_handle = (name, folder, knot) == ("refrain", (), HANDLE)
                assert is_handle, sentence(arrows, folder, knot)


# The reader of the source has tests of its own: a circle that is planted is found.


def plant(folder: Path, files: dict[str, str]) -> Arrows:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return read_arrows(folder / "lib.rs")


def knots(arrows: Arrows) -> list[set[str]]:
    return [knot for folder in arrows.folders() for knot in circles(arrows.rooms(folder))]


CIRCLES = {
    "plain": {
        "lib.rs": "mod one; mod two; mod three;",
        "one.rs": "use crate::two::Two; pub struct One;",
        "two.rs": "use crate::three::{self, Three}; pub struct Two;",
        "three.rs": "fn f() -> crate::one::One { loop {} } pub struct Three;",
    },
    "hidden by a facade": {
        "lib.rs": "mod one; mod two; pub use one::One; pub use two::{Two as Second};",
        "one.rs": "use crate::Second; pub struct One;",
        "two.rs": "pub struct Two(pub crate::One);",
    },
    "through a glob": {
        "lib.rs": "mod one; mod two; pub use one::*; pub use two::*;",
        "one.rs": "use crate::*; use super::Two; pub struct One;",
        "two.rs": "use super::One; pub struct Two;",
    },
    "by super and self": {
        "lib.rs": "mod house;",
        "house.rs": "mod one; mod two; pub(crate) use self::one::One;",
        "house/one.rs": "use super::two::Two; pub struct One;",
        "house/two.rs": "use super::One; pub struct Two;",
    },
    "between rooms, deep inside": {
        "lib.rs": "mod one; mod two;",
        "one.rs": "mod deep; pub struct One;",
        "one/deep.rs": "use crate::two; fn f() { two::g() }",
        "two.rs": "mod deep; pub fn g() {}",
        "two/deep.rs": "pub(super) type T = crate::one::One;",
    },
    "in a module within a file": {
        "lib.rs": "mod one; mod two;",
        "one.rs": "pub struct One; mod inner { use crate::two::Two; }",
        "two.rs": "pub struct Two; impl From<super::one::One> for Two {}",
    },
    "with a mod.rs": {
        "lib.rs": "mod one; mod two;",
        "one/mod.rs": "pub struct One(crate::two::Two);",
        "two.rs": "pub struct Two; /* a comment with a quote: ' */ fn f<'a>() { let _ = crate::one::One; }",
    },
    "after code for tests": {
        "lib.rs": "mod one; mod two;",
        "one.rs": "#[cfg(test)] mod tests { fn f() { let _ = '{'; } }\npub struct One(crate::two::Two);",
        "two.rs": "#[cfg(test)]\n#[allow(unused)]\nuse crate::one::X;\npub struct Two; fn f(_: crate::one::One) {}",
    },
}  # fmt: skip

STRAIGHT = {
    "only for tests": {
        "lib.rs": "mod one; mod two;",
        "one.rs": "use crate::two::Two; pub struct One;",
        "two.rs": "pub struct Two; #[cfg(test)] mod tests { use crate::one::One; } #[cfg(all(test, unix))] use crate::one::One;",
    },
    "only in words": {
        "lib.rs": "mod one; mod two;",
        "one.rs": "use crate::two::Two; pub struct One;",
        "two.rs": '/// [`crate::one::One`]\npub struct Two; const S: &str = r#"crate::one::One "quoted""#; // crate::one',
    },
    "a room and its folder": {
        "lib.rs": "mod house;",
        "house.rs": "mod one; use one::One; pub struct House(One);",
        "house/one.rs": "use super::House; pub struct One; fn f(_: House) {}",
    },
    "the same name elsewhere": {
        "lib.rs": "mod one; mod two;",
        "one.rs": "use crate::two::Two; pub struct One;",
        "two.rs": "use other::one::One; pub struct Two; fn f() { other::crate_one::one::One; }",
    },
    "a facade of one room only": {
        "lib.rs": "mod one; mod two; pub use one::One; pub use two::Two;",
        "one.rs": "use crate::Two; pub struct One;",
        "two.rs": "pub struct Two; fn f(_: crate::Two) {}",
    },
}  # fmt: skip


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_planted_circle_is_found(files, tmp_path):
    found = knots(plant(tmp_path, files))
    assert len(found) == 1 and {"one", "two"} <= found[0], found


@pytest.mark.parametrize("files", STRAIGHT.values(), ids=STRAIGHT)
def test_what_is_no_circle_is_not_taken_for_one(files, tmp_path):
    assert knots(plant(tmp_path, files)) == []


@pytest.mark.parametrize("name", sorted(CRATES))
def test_no_file_of_a_crate_is_overlooked(name):
    """A module that the reader does not find would have no arrows."""
    read = {file for root in roots(name) for file in files_of(root)}
    assert set((REPOSITORY / "crates" / name / "src").rglob("*.rs")) - read == set()
