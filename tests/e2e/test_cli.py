"""The `refrain` command, as a person at a terminal and as a script uses it."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess

import pictures
import pytest
from http_answers import KEY
from meshes import DEFAULT, FORMATS, assert_printable, load
from server_process import BINARY, clean_environment, free_port


def who_listens(server) -> dict[str, str]:
    """Where the command will look. Without a server, a port at which nothing listens."""
    return {"REFRAIN_SERVER": server.url} if server else {"REFRAIN_PORT": str(free_port())}


@pytest.fixture
def refrain(tmp_path):
    """Runs the command in a directory of its own, and with it a server or none."""

    def run(*arguments, server=None, environment=None, stdin=None, expect=0):
        environment = dict(environment or {})
        environment |= who_listens(server)
        done = subprocess.run(
            [str(BINARY), *map(str, arguments)],
            cwd=tmp_path,
            env=clean_environment(tmp_path, environment),
            input=stdin,
            capture_output=True,
            timeout=120,
        )
        done.out, done.err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        assert "panicked" not in done.err, done.err
        if expect == "failure":
            assert done.returncode not in (0, 101) and done.returncode > 0, done.out + done.err
        else:
            assert done.returncode == expect, done.out + done.err
        return done

    run.directory = tmp_path
    (tmp_path / "picture.png").write_bytes(pictures.fresh_png())
    return run


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_picture_becomes_a_mesh_without_a_server(refrain, file_format):
    refrain("generate", "relief", "picture.png", "--format", file_format, "--quality", "2", "-o", f"out.{file_format}")
    data = (refrain.directory / f"out.{file_format}").read_bytes()
    assert_printable(load(data, file_format), DEFAULT)


def test_with_and_without_a_server_the_bytes_are_the_same(refrain, server):
    refrain("generate", "relief", "picture.png", "--quality", "3", "-o", "alone.stl")
    refrain("generate", "relief", "picture.png", "--quality", "3", "-o", "served.stl", server=server)
    alone, served = ((refrain.directory / name).read_bytes() for name in ("alone.stl", "served.stl"))
    assert alone == served
    direct = server.generate((refrain.directory / "picture.png").read_bytes(), quality=3)
    assert direct.content == served
    assert direct.headers["Cache-Status"].startswith("refrain; hit")


def test_every_field_of_relief_has_an_option(refrain, server):
    refrain(
        "generate", "relief", "picture.png", "--format", "ply", "--width", "50", "--height", "60", "--depth", "7",
        "--quality", "2", "--base", "1", "--invert", "-o", "out.ply",
    )  # fmt: skip
    same = server.generate(
        (refrain.directory / "picture.png").read_bytes(),
        format="ply", dimensions={"width": 50, "height": 60, "depth": 7}, quality=2, base=1, invert=True,
    )  # fmt: skip
    assert (refrain.directory / "out.ply").read_bytes() == same.content


def test_the_second_generation_through_a_server_is_a_hit_and_says_so(refrain, server):
    first = refrain("generate", "relief", "picture.png", "--quality", "2", "-o", "a.stl", "--json", server=server)
    second = refrain("generate", "relief", "picture.png", "--quality", "2", "-o", "b.stl", "--json", server=server)
    assert (json.loads(first.out)["outcome"], json.loads(second.out)["outcome"]) == ("miss", "hit")
    assert KEY.fullmatch(json.loads(second.out)["key"])
    human = refrain("generate", "relief", "picture.png", "--quality", "2", "-o", "c.stl", server=server)
    assert "hit" in human.out + human.err


def test_a_refused_picture_has_a_message_and_leaves_no_file(refrain, server):
    (refrain.directory / "broken.png").write_bytes(pictures.fresh_png()[:200])
    for running in (None, server):
        done = refrain("generate", "relief", "broken.png", "-o", "out.stl", server=running, expect="failure")
        assert "error:" in done.err and "PNG" in done.err
        assert not (refrain.directory / "out.stl").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "relief", "missing.png", "-o", "x.stl"], ["missing.png"]),
        (["generate", "relief", "picture.png", "--quality", "11", "-o", "x.stl"], ["quality", "10"]),
        (["generate", "relief", "picture.png", "--format", "3mf", "-o", "x.3mf"], ["3mf", "stl"]),
        (["generate", "relief", "picture.png", "--width", "0", "-o", "x.stl"], ["width", "1000"]),
        (["generate", "relief", "picture.png", "--base", "50", "-o", "x.stl"], ["base"]),
        (["generate", "relief", "picture.png", "-o", "no/such/directory/x.stl"], ["no/such/directory"]),
        (["generate", "relief", ".", "-o", "x.stl"], ["."]),
        (["generate", "relief"], ["FILE"]),
        (["teapot"], ["teapot"]),
        (["generate", "relief", "picture.png", "--colour", "red"], ["--colour"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_named_and_nothing_is_written(refrain, arguments, words):
    done = refrain(*arguments, expect="failure")
    assert "error:" in done.err
    for word in words:
        assert word in done.err, done.err
    assert not (refrain.directory / "x.stl").exists()


@pytest.mark.parametrize("command", [["stats"], ["entries"], ["clear", "--yes"]])
def test_without_a_server_the_error_has_a_hint(refrain, command):
    done = refrain(*command, expect="failure")
    assert "error:" in done.err and "hint:" in done.err
    assert "refrain serve" in done.err


def test_statistics_entries_and_clear_through_the_command(refrain, serve):
    server = serve()
    refrain("generate", "relief", "picture.png", "--quality", "1", "-o", "x.stl", server=server)
    refrain("generate", "relief", "picture.png", "--quality", "1", "-o", "x.stl", server=server)
    stats = json.loads(refrain("stats", "--json", server=server).out)
    inner = stats.get("stats", stats)
    assert (inner["hits"], inner["misses"], inner["current_items"]) == (1, 1, 1)
    shown = refrain("stats", server=server).out
    assert "50" in shown and "hit" in shown.lower()

    entries = json.loads(refrain("entries", "--json", server=server).out)
    (entry,) = entries["entries"]
    assert entry["key"][:8] in refrain("entries", server=server).out

    cleared = json.loads(refrain("clear", "--yes", "--json", server=server).out)
    assert cleared["cleared"] == 1
    assert "0" in refrain("clear", "--yes", server=server).out
    assert server.stats()["current_items"] == 0


def test_a_server_with_a_token_is_managed_with_it(refrain, serve):
    token = "correct-horse-battery"
    server = serve(environment={"REFRAIN_ADMIN_TOKEN": token})
    refused = refrain("stats", server=server, expect="failure")
    assert "token" in refused.err and "hint:" in refused.err
    refrain("stats", server=server, environment={"REFRAIN_ADMIN_TOKEN": token})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_name_the_commands(refrain, shell):
    script = refrain("completions", shell).out
    for command in ("serve", "generate", "stats", "entries", "clear", "config"):
        assert command in script


def test_the_bash_completion_is_valid_bash(refrain):
    script = refrain("completions", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, check=True)


def test_help_and_version(refrain):
    assert "refrain" in refrain("--version").out
    text = refrain("--help").out
    for command in ("serve", "generate", "stats", "entries", "clear", "config", "completions"):
        assert command in text
    for command in ("serve", "generate", "stats", "entries", "clear", "config"):
        assert len(refrain(command, "--help").out) > 100


def test_output_to_a_closed_pipe_is_no_error(refrain):
    done = subprocess.run(
        f"{BINARY} config | head -n 1", shell=True, capture_output=True, cwd=refrain.directory, text=True
    )
    assert done.stdout
    assert "panicked" not in done.stderr


def on_a_terminal(directory, *arguments, environment) -> str:
    """Runs the command with a terminal as its standard error and returns what the terminal saw."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BINARY), *arguments],
        cwd=directory,
        env={**clean_environment(directory, environment), "TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(ours)
    assert process.wait(60) == 0, seen
    return seen.decode(errors="replace")


@pytest.mark.parametrize("with_server", [True, False])
def test_a_terminal_shows_progress_and_a_pipe_does_not(refrain, server, with_server):
    picture, _ = pictures.slow_request()
    (refrain.directory / "slow.png").write_bytes(picture)
    environment = who_listens(server if with_server else None)
    arguments = ("generate", "relief", "slow.png", "--quality", "10", "--format", "obj", "-o", "slow.obj")
    seen = on_a_terminal(refrain.directory, *arguments, environment=environment)
    assert "\x1b[" in seen or "\r" in seen.replace("\r\n", ""), repr(seen[:500])
    assert "%" in seen or "█" in seen or "#" in seen, repr(seen[:500])
    piped = refrain(*arguments, server=server if with_server else None)
    assert "\x1b[" not in piped.out + piped.err


def test_the_file_name_follows_the_picture_when_none_is_given(refrain):
    refrain("generate", "relief", "picture.png", "--quality", "1")
    assert (refrain.directory / "picture.stl").exists()


def test_the_format_follows_the_file_name_when_none_is_given(refrain):
    refrain("generate", "relief", "picture.png", "--quality", "1", "-o", "mesh.glb")
    assert (refrain.directory / "mesh.glb").read_bytes()[:4] == b"glTF"


def test_a_mesh_can_go_to_standard_output(refrain):
    done = refrain("generate", "relief", "picture.png", "--quality", "1", "--format", "glb", "-o", "-")
    assert done.stdout[:4] == b"glTF"
