"""The README's commands, pasted: they are read from the README and run as they stand there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from meshes import DEFAULT, assert_printable, load
from server_process import BINARY, REPOSITORY, Server, clean_environment

README = (REPOSITORY / "README.md").read_text()
FIRST_SCREEN = "\n".join(README.splitlines()[:60])


def shell_blocks() -> list[str]:
    return re.findall(r"```(?:sh|bash|console)\n(.*?)```", README, re.DOTALL)


def commands(text: str) -> list[str]:
    """One command a line, continued by a backslash; comments are passed over."""
    joined = text.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def curl_lines() -> list[str]:
    return [line for block in shell_blocks() for line in commands(block) if line.startswith("curl ")]


def default_port(directory) -> str:
    """Where `refrain serve` listens when nothing says otherwise."""
    shown = subprocess.run(
        [str(BINARY), "config", "--json"], cwd=directory, env=clean_environment(directory), capture_output=True, check=True
    )
    settings = json.loads(shown.stdout)["settings"]
    (port,) = (setting["value"] for setting in settings if setting["name"] == "port")
    return str(port)


def test_the_two_commands_stand_on_the_first_screen():
    lines = [line for block in shell_blocks() for line in commands(block)]
    assert "cargo run --release -- serve" in FIRST_SCREEN
    assert any(line.startswith("cargo run --release -- serve") for line in lines)
    assert any(line.startswith("./test") for line in lines)
    assert "./test" in FIRST_SCREEN


def test_three_curl_lines_generate_hit_and_show_statistics(tmp_path):
    """As they stand there. They name the default port, which may be taken here: `curl` is told where that is meanwhile."""
    lines = curl_lines()[:3]
    assert len(lines) == 3
    for line in lines:
        assert line.split(" #")[0] in README.replace("\\\n", " ") and "127.0.0.1:5000" in line
    assert default_port(tmp_path) == "5000"
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    with Server(tmp_path) as server:
        (tmp_path / ".curlrc").write_text(f'connect-to = "127.0.0.1:5000:127.0.0.1:{server.port}"\n')
        answers = [
            subprocess.run(
                ["bash", "-c", line],
                cwd=tmp_path,
                env=clean_environment(tmp_path),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
            )
            for line in lines
        ]
        for answer in answers:
            assert answer.returncode == 0, answer.stderr
        stats = json.loads(answers[2].stdout)["stats"]
        assert (stats["hits"], stats["misses"]) == (1, 1)
        assert server.stats()["current_items"] == 1
    (mesh,) = tmp_path.glob("*.stl")
    assert_printable(load(mesh.read_bytes(), "stl"), DEFAULT)
    shown = [answer.stdout + answer.stderr for answer in answers[:2]]
    assert "fwd=miss" in shown[0] and "stored" in shown[0], shown[0]
    assert "hit" in shown[1], shown[1]


def test_the_sample_picture_is_in_the_repository_and_made_by_its_script(tmp_path):
    (sample,) = set(re.findall(r"examples/pictures/[\w.-]+", README))
    assert (REPOSITORY / sample).stat().st_size < 100_000


@pytest.mark.parametrize("line", [
    line for block in shell_blocks() for line in commands(block) if re.match(r"(\./)?(target/release/)?refrain ", line)
])  # fmt: skip
def test_the_other_commands_of_the_readme_are_commands(line, tmp_path):
    name = line.split()[1]
    done = subprocess.run([str(BINARY), name, "--help"], capture_output=True, cwd=tmp_path)
    assert done.returncode == 0, line


def test_the_script_makes_the_same_pixels_again(tmp_path):
    import io

    from PIL import Image

    script = shutil.copy(REPOSITORY / "examples/pictures/make.py", tmp_path)
    subprocess.run([sys.executable, script], check=True)
    made = Image.open(io.BytesIO((tmp_path / "ammonite.png").read_bytes()))
    kept = Image.open(REPOSITORY / "examples/pictures/ammonite.png")
    assert made.size == kept.size and made.tobytes() == kept.tobytes()
