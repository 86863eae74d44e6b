"""The page "Put your program behind Refrain", tried as it is written, with real programs where they are installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from server_process import BINARY, Server, clean_environment

PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text()


def blocks(language: str) -> list[str]:
    """What stands between fences of this language; the empty one is plain text."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [text for found, text in every if found == language]


def with_toml(serve, directory: Path, toml: str, **files: str) -> Server:
    """A server beside a `refrain.toml` and other files."""
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    return serve(directory=directory, toml=toml)


def form(files: dict | None, fields: dict[str, str]) -> dict:
    """A form as `curl -F` sends it, also where no field is a file."""
    return {name: (None, text) for name, text in fields.items()} | (files or {})


def generate(server: Server, name: str, files: dict | None = None, **fields) -> httpx.Response:
    return server.http.post(f"/api/generate/{name}", files=form(files, fields))


def outcome(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.headers["Cache-Status"]


@pytest.mark.skipif(not shutil.which("openscad"), reason="OpenSCAD is not installed")
def test_the_five_lines_for_openscad_work_as_written(serve, tmp_path):
    server = with_toml(serve, tmp_path, blocks("toml")[0])
    model = blocks("")[0].encode()
    assert b"cube" in model
    first = generate(server, "cad", {"model": model}, width="40")
    assert "fwd=miss" in outcome(first) and first.headers["Content-Type"] == "model/stl"
    triangles = int.from_bytes(first.content[80:84], "little")
    assert len(first.content) == 84 + 50 * triangles and triangles == 12
    again = generate(server, "cad", {"model": model}, width="40.0")
    assert "hit" in outcome(again) and again.content == first.content
    assert "fwd=miss" in outcome(generate(server, "cad", {"model": model}, width="41"))
    random = b"cube([rands(1, 2, 1)[0], width, height]);"
    for _ in range(2):
        assert "hit" not in outcome(generate(server, "cad", {"model": random}))
    refused = generate(server, "cad", {"model": model}, width="1001")
    assert refused.status_code == 400 and refused.json()["field"] == "width"


def test_the_script_at_the_end_works_as_written(serve, tmp_path):
    script = blocks("python")[-1]
    server = with_toml(serve, tmp_path, blocks("toml")[-1], generate_py=script)
    first = generate(server, "table", title="Products", size="3")
    assert "fwd=miss" in outcome(first)
    assert first.json() == {"title": "Products", "table": [[0, 0, 0], [0, 1, 2], [0, 2, 4]]}
    assert "hit" in outcome(generate(server, "table", title="Products", size="3"))
    assert generate(server, "table", size="3").json()["field"] == "title"
    (tmp_path / "generate.py").write_text(script.replace("row * column", "row + column"))
    changed = generate(server, "table", title="Products", size="3")
    assert "fwd=miss" in outcome(changed) and changed.json()["table"][2] == [2, 3, 4]


SCENE = b"camera { location <0, 0, -3> look_at 0 } light_source { <2, 4, -3> 1 } sphere { 0, 1 pigment { rgb x } }"

REAL = {
    "povray": ({"scene": SCENE}, {"width": "64", "height": "48"}, {"width": "65"}, b"\x89PNG"),
    "espeak-ng": (None, {"text": "seven"}, {"speed": "90"}, b"RIFF"),
}


@pytest.mark.parametrize("name", REAL)
def test_a_preset_runs_its_program_once_for_equal_requests(serve, tmp_path, name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    files, fields, changed, begins = REAL[name]
    server = with_toml(serve, tmp_path, f'[generator.{name}]\npreset = "{name}"\n')
    first = generate(server, name, files, **fields)
    assert "fwd=miss" in outcome(first) and first.content.startswith(begins)
    again = generate(server, name, files, **fields)
    assert "hit" in outcome(again) and again.content == first.content
    # What differs each time has been taken out: made anew, the bytes are the same.
    anew = server.http.post(
        f"/api/generate/{name}", files=form(files, fields), headers={"Cache-Control": "no-cache"}
    )
    assert "hit" not in outcome(anew) and anew.content == first.content
    assert "fwd=miss" in outcome(generate(server, name, files, **(fields | changed)))


def test_an_upgraded_program_misses(serve, tmp_path):
    program = tmp_path / "program"

    def upgrade(version: int) -> None:
        new = tmp_path / "new"
        new.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {version} && exit\necho made by {version} > out\n')
        new.chmod(0o755)
        new.rename(program)

    upgrade(1)
    toml = '[generator.it]\nargv = ["./program", "{n}"]\nversion = ["./program", "--version"]\n'
    toml += 'fields.n = { whole = [0, 9] }\nartifacts.file = { name = "out", type = "text/plain" }\n'
    server = with_toml(serve, tmp_path, toml)
    assert "fwd=miss" in outcome(generate(server, "it", n="1"))
    assert "hit" in outcome(generate(server, "it", n="1"))
    upgrade(2)
    upgraded = generate(server, "it", n="1")
    assert "fwd=miss" in outcome(upgraded) and upgraded.text == "made by 2\n"


SLOW = """
[generator.slow]
argv = ["sh", "-c", "echo run >> $LOG; sleep 0.4; echo result > out", "sh", "{n}"]
version = ["sh", "./version"]
artifacts.file = { name = "out", type = "text/plain" }
fields.n = { whole = [0, 9] }
"""


def test_ten_at_once_run_once(serve, tmp_path):
    log = tmp_path / "log"
    toml = SLOW.replace('["sh", "./version"]', '"1"') + f'env.LOG = "{log}"\n'
    server = with_toml(serve, tmp_path, toml)
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(generate(server, "slow", n="1"))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.text for answer in answers] == ["result\n"] * 10
    assert log.read_text() == "run\n"


def test_a_failure_is_named_and_not_stored_and_the_server_is_well(serve, tmp_path):
    log = tmp_path / "log"
    toml = f"""
[generator.fails]
argv = ["sh", "-c", "echo run >> $LOG; echo half > out; exit 3", "sh", "{{n}}"]
version = "1"
env.LOG = "{log}"
fields.n = {{ whole = [0, 9] }}
artifacts.file = {{ name = "out", type = "text/plain" }}
"""
    server = with_toml(serve, tmp_path, toml)
    for runs in (1, 2):
        failed = generate(server, "fails", n="1")
        assert failed.status_code >= 500 and "3" in failed.json()["detail"], failed.text
        assert log.read_text() == "run\n" * runs
    assert server.http.get("/api/cache/stats").json()["stats"]["current_items"] == 0
    assert server.http.get("/health").status_code == 200


def test_a_server_that_is_killed_leaves_no_process(tmp_path):
    mark = f"{time.time_ns() % 1_000_000 + 100_000}"
    toml = f'[generator.sleep]\nargv = ["sh", "-c", "setsid sleep {mark} & sleep {mark}", "sh", "{{n}}"]\nfields.n = {{ whole = [0, 9] }}\n'
    toml += 'version = "1"\nartifacts.file = { name = "out", type = "text/plain" }\n'
    server = Server(tmp_path, toml=toml)

    def ask():
        try:
            generate(server, "sleep", n="1")
        except httpx.HTTPError:
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    deadline = time.monotonic() + 20
    while len(running(mark)) < 2:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)
    server.kill()
    thread.join()
    deadline = time.monotonic() + 10
    while running(mark) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running(mark) == []


def running(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", mark.encode()]:
            found.append(process.name)
    return found


def refrain(directory: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = clean_environment(directory)
    return subprocess.run([str(BINARY), *arguments], cwd=directory, env=environment, capture_output=True, text=True, timeout=60)


def test_a_mistake_stops_the_start_with_its_line_and_column(tmp_path):
    (tmp_path / "refrain.toml").write_text('[generator.cad]\npreset = "openscd"\n')
    ended = refrain(tmp_path, "serve", "--port", "0")
    assert ended.returncode == 2
    assert "line 2, column 10: there is no preset `openscd`; there are `blender`" in ended.stderr


def test_presets_are_listed_shown_and_checked(tmp_path):
    listed = json.loads(refrain(tmp_path, "generators", "list", "--json").stdout)
    assert {"openscad", "povray", "espeak-ng", "blender", "python", "typst"} <= {preset["name"] for preset in listed}
    shown = refrain(tmp_path, "generators", "show", "povray").stdout
    assert shown.startswith("# POV-Ray")
    (tmp_path / "refrain.toml").write_text(shown.replace("width}", "widht}"))
    checked = refrain(tmp_path, "generators", "check", "refrain.toml")
    assert checked.returncode == 2 and "`{widht}` stands in argv and there is no such field" in checked.stderr
