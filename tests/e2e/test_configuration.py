"""Flags, environment, `.env` and `refrain.toml`, in that order; what makes no sense stops the start."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import httpx
import pictures
import pytest
from http_answers import assert_problem, cache_status
from server_process import BINARY, clean_environment, free_port


def refrain(directory, *arguments, environment=None, dotenv=None, toml=None, timeout=20):
    """Runs the command to its end."""
    if dotenv is not None:
        (directory / ".env").write_text(dotenv)
    if toml is not None:
        (directory / "refrain.toml").write_text(toml)
    return subprocess.run(
        [str(BINARY), *arguments],
        cwd=directory,
        env=clean_environment(directory, environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


PLACES = [
    {},
    {"toml": "[cache]\nmax_size = 11\n"},
    {"toml": "[cache]\nmax_size = 11\n", "dotenv": "CACHE_MAX_SIZE=22\n"},
    {
        "toml": "[cache]\nmax_size = 11\n",
        "dotenv": "CACHE_MAX_SIZE=22\n",
        "environment": {"CACHE_MAX_SIZE": "33"},
    },
]


@pytest.mark.parametrize(("places", "expected"), list(zip(PLACES, [1000, 11, 22, 33])), ids=[1000, 11, 22, 33])
def test_each_place_wins_over_those_below_it(serve, places, expected):
    assert serve(**places).config()["max_size"] == expected
    assert serve("--max-size", "44", **places).config()["max_size"] == 44


def test_the_four_variables_of_the_contract_work(serve):
    server = serve(
        environment={
            "DISABLE_RESULT_CACHE": "0",
            "CACHE_MAX_SIZE": "3",
            "CACHE_MAX_MEMORY_MB": "2.5",
            "CACHE_TTL_SECONDS": "99",
        }
    )
    config = server.config()
    assert (config["max_size"], config["max_memory_mb"], config["default_ttl_seconds"]) == (3, 2.5, 99)
    assert server.http.get("/api/cache/stats").json()["cache_enabled"] is True


@pytest.mark.parametrize(
    "dotenv",
    [
        "CACHE_MAX_SIZE=5\n",
        "CACHE_MAX_SIZE=5",
        "export CACHE_MAX_SIZE=5\n",
        'CACHE_MAX_SIZE="5"\n',
        "CACHE_MAX_SIZE='5' # five\n",
        "# a comment\r\n\r\nCACHE_MAX_SIZE=5\r\n",
        "\ufeffCACHE_MAX_SIZE=5\n",
        "OTHER=x y z\nCACHE_MAX_SIZE=5\n",
        "CACHE_MAX_SIZE=4\nCACHE_MAX_SIZE=5\n",
    ],
    ids=repr,
)
def test_a_dotenv_file_may_be_written_as_people_write_it(serve, dotenv):
    assert serve(dotenv=dotenv).config()["max_size"] == 5


BAD_VARIABLES = [
    (variable, value)
    for variable, values in {
        "CACHE_MAX_SIZE": ["0", "-1", "many", "1.5", "1e3", "", "99999999999999999999999", "0x10", "NaN"],
        "CACHE_MAX_MEMORY_MB": ["0", "-0.5", "lots", "NaN", "inf", "", "512MB", "1e300"],
        "CACHE_TTL_SECONDS": ["-1", "1h", "soon", "", "inf", "1e300"],
        "DISABLE_RESULT_CACHE": ["2", "maybe", "-1", ""],
        "REFRAIN_PORT": ["65536", "-1", "http", ""],
        "REFRAIN_HOST": ["256.0.0.1", "example.org", ""],
        "REFRAIN_LOG": ["][", "refrain=loud"],
        "REFRAIN_LOG_FORMAT": ["xml"],
        "REFRAIN_SHUTDOWN_GRACE_SECONDS": ["-1", "forever"],
    }.items()
    for value in values
]


@pytest.mark.parametrize(("variable", "value"), BAD_VARIABLES)
@pytest.mark.parametrize("place", ["environment", "dotenv"])
def test_a_value_that_makes_no_sense_stops_the_start_and_is_named(tmp_path, variable, value, place):
    given = {"environment": {variable: value}} if place == "environment" else {"dotenv": f"{variable}='{value}'\n"}
    port = [] if variable == "REFRAIN_PORT" else ["--port", str(free_port())]
    run = refrain(tmp_path, "serve", *port, **given)
    assert run.returncode not in (0, 101) and run.returncode > 0
    assert variable in run.stderr
    assert f"`{value}`" in run.stderr
    assert "allowed" in run.stderr.lower()
    assert "hint:" in run.stderr


@pytest.mark.parametrize(
    "flag",
    [
        ("--max-size", "0"),
        ("--max-size", "many"),
        ("--max-memory-mb", "-1"),
        ("--ttl-seconds", "soon"),
        ("--port", "70000"),
        ("--host", "nowhere"),
        ("--log-format", "xml"),
        ("--shutdown-grace-seconds", "x"),
    ],
    ids=" ".join,
)
def test_a_flag_that_makes_no_sense_is_named_with_its_value(tmp_path, flag):
    run = refrain(tmp_path, "serve", *flag)
    assert run.returncode > 0 and run.returncode != 101
    assert flag[0] in run.stderr and flag[1] in run.stderr
    assert "allowed" in run.stderr.lower() or "possible values" in run.stderr.lower()


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("[cache]\nmax_size = 0\n", "max_size"),
        ("[cache]\nmax_size = '5'\n", "max_size"),
        ("[cache]\nmax_sise = 5\n", "max_sise"),
        ("max_size = 5\n", "max_size"),
        ("[cache\nmax_size = 5\n", "refrain.toml"),
        ("[cache]\nmax_size = 5\nmax_size = 6\n", "max_size"),
        ("[cache]\nttl_seconds = nan\n", "ttl_seconds"),
        ("[kitchen]\nsink = 1\n", "kitchen"),
    ],
)
def test_a_mistake_in_the_file_stops_the_start_with_its_line(tmp_path, toml, named):
    run = refrain(tmp_path, "serve", "--port", str(free_port()), toml=toml)
    assert run.returncode > 0 and run.returncode != 101
    assert named in run.stderr and "refrain.toml" in run.stderr and "line" in run.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_other_machines_can_reach_needs_an_admin_token(tmp_path, host):
    run = refrain(tmp_path, "serve", "--host", host, "--port", str(free_port()))
    assert run.returncode > 0
    assert host in run.stderr and "token" in run.stderr and "hint:" in run.stderr


def test_with_an_admin_token_only_its_bearer_may_manage(serve):
    token = "correct-horse-battery"
    server = serve("--host", "0.0.0.0", environment={"REFRAIN_ADMIN_TOKEN": token})
    management = [
        ("GET", "/api/cache/stats"),
        ("GET", "/api/cache/config"),
        ("POST", "/api/cache/config"),
        ("POST", "/api/cache/clear"),
        ("GET", "/api/cache/entries"),
        ("DELETE", "/api/cache/entries/" + "0" * 64),
        ("POST", "/api/cache/stats/reset"),
    ]
    wrong = [None, "Bearer wrong", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Basic {token}", token, "Bearer"]
    for method, path in management:
        for authorization in wrong:
            headers = {"Authorization": authorization} if authorization else {}
            answer = server.http.request(method, path, headers=headers)
            assert_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        answer = server.http.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code not in (401, 403), (method, path)
    assert server.http.get("/health").status_code == 200
    assert server.generate(pictures.fresh_png(), quality=1).status_code == 200
    assert token not in server.log()


def test_the_cache_can_be_switched_off_and_every_answer_says_so(serve):
    server = serve(environment={"DISABLE_RESULT_CACHE": "1"})
    picture = pictures.fresh_png()
    for _ in range(2):
        answer = server.generate(picture, quality=1)
        status = cache_status(answer)
        assert (status.hit, status.fwd, status.stored) == (False, "bypass", False)
        assert status.detail == "DISABLE_RESULT_CACHE"
    document = server.http.get("/api/cache/stats").json()
    assert document["cache_enabled"] is False
    assert document["stats"]["current_items"] == 0
    assert document["stats"]["hits"] == 0
    asked = server.generate(picture, headers={"Cache-Control": "only-if-cached"}, quality=1)
    assert_problem(asked, 504)
    assert cache_status(serve("--disable-cache").generate(picture, quality=1)).fwd == "bypass"


def test_jobs_and_batches_work_with_the_cache_switched_off(serve):
    from server_process import base64_text, eventually

    server = serve(environment={"DISABLE_RESULT_CACHE": "1"})
    picture = pictures.fresh_png()
    plain = server.generate(picture, quality=1)
    job = server.generate(picture, headers={"Prefer": "respond-async"}, quality=1).json()
    done = eventually(
        lambda: (now := server.http.get(job["url"]).json())["state"] == "done" and now, what="the job's end"
    )
    assert server.http.get(done["result_url"]).content == plain.content
    items = [{"generator": "relief", "request": {"image": base64_text(picture), "quality": 1}}] * 3
    lines = server.http.post("/api/batch", json=items).text.splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["miss"] * 3


def test_the_effective_configuration_says_where_each_value_came_from(tmp_path):
    run = refrain(
        tmp_path,
        "config",
        environment={"CACHE_MAX_SIZE": "33", "REFRAIN_ADMIN_TOKEN": "correct-horse"},
        dotenv="CACHE_TTL_SECONDS=44\n",
        toml="[cache]\nmax_memory_mb = 55\n",
    )
    assert run.returncode == 0, run.stderr
    lines = {line.split()[0]: line for line in run.stdout.splitlines() if line.split()}

    def line(*names):
        return next(text for name, text in lines.items() if name in names)

    assert "33" in line("max_size", "CACHE_MAX_SIZE") and "environment" in line("max_size", "CACHE_MAX_SIZE")
    assert "44" in line("ttl_seconds", "CACHE_TTL_SECONDS") and ".env" in line("ttl_seconds", "CACHE_TTL_SECONDS")
    assert "55" in line("max_memory_mb", "CACHE_MAX_MEMORY_MB")
    assert "refrain.toml" in line("max_memory_mb", "CACHE_MAX_MEMORY_MB")
    assert "5000" in line("port", "REFRAIN_PORT") and "default" in line("port", "REFRAIN_PORT")
    assert "correct-horse" not in run.stdout + run.stderr
    assert json.loads(refrain(tmp_path, "config", "--json").stdout)


def test_help_explains_every_flag(tmp_path):
    run = refrain(tmp_path, "serve", "--help")
    assert run.returncode == 0
    for flag in (
        "--host", "--port", "--admin-token", "--max-size", "--max-memory-mb", "--ttl-seconds",
        "--disable-cache", "--log", "--log-format", "--shutdown-grace-seconds",
    ):  # fmt: skip
        assert flag in run.stdout
    for variable in ("DISABLE_RESULT_CACHE", "CACHE_MAX_SIZE", "CACHE_MAX_MEMORY_MB", "CACHE_TTL_SECONDS"):
        assert variable in run.stdout
    for default in ("127.0.0.1", "5000", "1000", "512", "86400"):
        assert default in run.stdout


def test_the_default_address_is_port_5000_on_loopback(tmp_path):
    run = refrain(tmp_path, "config", "--json")
    assert "127.0.0.1" in run.stdout and "5000" in run.stdout


def test_a_port_that_is_taken_stops_the_start_and_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        run = refrain(tmp_path, "serve", "--port", port)
    assert run.returncode > 0 and run.returncode != 101
    assert port in run.stderr and "hint:" in run.stderr


def test_the_log_can_be_json(serve):
    server = serve("--log-format", "json")
    server.generate(pictures.fresh_png(), quality=1)
    lines = server.log().splitlines()
    assert lines
    for line in lines:
        json.loads(line)


def test_nothing_of_a_picture_or_a_credential_is_logged(serve):
    server = serve("--log", "trace")
    picture = pictures.fresh_png()
    from server_process import base64_text

    server.generate(picture, headers={"Authorization": "Bearer hush-hush", "Cookie": "session=hush-hush"}, quality=1)
    assert "hush-hush" not in server.log()
    assert base64_text(picture)[:60] not in server.log()


def test_a_web_page_of_another_origin_cannot_reach_the_server(server):
    """DNS rebinding and cross-site requests: a browser must not be made to clear the cache."""
    rebound = httpx.get(f"{server.url}/api/cache/stats", headers={"Host": "evil.example"})
    assert_problem(rebound, 403)
    crossed = httpx.post(f"{server.url}/api/cache/clear", headers={"Origin": "https://evil.example"})
    assert_problem(crossed, 403)
    assert "Access-Control-Allow-Origin" not in crossed.headers


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be refused nothing")
def test_it_runs_as_root(server):
    assert server.http.get("/health").status_code == 200
