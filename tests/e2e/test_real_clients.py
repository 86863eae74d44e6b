"""Official clients through a door: what they see of a miss and of a hit is what they see of the origin.

The origin of OpenAI's and Anthropic's is llama.cpp's own server with a tiny model; that of Ollama's is a stand-in.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import anthropic
import httpx
import ollama
import openai
import pytest
from fake_origin import FakeOrigin
from server_process import REPOSITORY, at_once, eventually, free_port

MESSAGES = [{"role": "user", "content": "the cat sings"}]
SETTLED = {"model": "tiny", "temperature": 0, "seed": 7, "max_tokens": 12}
# Fresh in every answer of the origin, or about the one computation.
VOLATILE = {"id", "created", "created_at", "timings", "prompt_tokens_details", "input_tokens_details", "_request_id"}


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    """The URL of a running llama.cpp."""
    directory = tmp_path_factory.mktemp("llama")
    model = directory / "tiny.gguf"
    subprocess.run([sys.executable, REPOSITORY / "tests" / "kit" / "tiny_model.py", model], check=True)
    port = free_port()
    script = Path(__file__).with_name("llama_server.py")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, script, model, str(port)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if httpx.get(f"{url}/health", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None and time.monotonic() < deadline, (directory / "log").read_text(errors="replace")
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def door(serve, preset: str, url: str) -> str:
    port = free_port()
    server = serve("--preset", preset, "--upstream", url, "--listen", f"127.0.0.1:{port}")
    eventually(lambda: server.http.get("/health").json()["upstreams"][0]["status"] == "ok", what="the fingerprint is known")
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def through(serve, llama) -> str:
    return door(serve, "llama.cpp", llama)


def view(value):
    """All that a client shows, but for what is volatile."""
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, dict):
        return {name: view(inner) for name, inner in value.items() if name not in VOLATILE}
    return [view(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def asked(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-one", max_retries=0)


def test_a_chat_by_openai_is_the_same_direct_missed_and_hit(llama, through):
    answers = [asked(url).chat.completions.create(messages=MESSAGES, **SETTLED) for url in (llama, through, through)]
    direct, miss, hit = answers
    assert view(direct) == view(miss) == view(hit)
    assert len({answer.id for answer in answers}) == 3 and hit.id.startswith("chatcmpl-") and len(hit.id) == len(miss.id)
    raw = asked(through).chat.completions.with_raw_response.create(messages=MESSAGES, **SETTLED)
    assert "hit" in raw.headers["cache-status"]


def test_a_stream_by_openai_is_the_same_direct_missed_and_hit(llama, through):
    told = []
    for url in (llama, through, through):
        told.append(list(asked(url).chat.completions.create(messages=MESSAGES, stream=True, **SETTLED)))
    assert view(told[0]) == view(told[1]) == view(told[2])
    assert len(told[2]) > 5 and told[2][-1].choices[0].finish_reason == "length"
    ids = [{chunk.id for chunk in chunks} for chunks in told]
    assert all(len(one) == 1 for one in ids) and ids[1] != ids[2]


def test_ten_clients_at_once_get_ten_answers_of_one_generation(through):
    def ask():
        return asked(through).chat.completions.with_raw_response.create(messages=MESSAGES, **SETTLED | {"max_tokens": 200})

    answers = at_once([ask] * 10)
    assert len({answer.parse().id for answer in answers}) == 10
    assert len({str(view(answer.parse())) for answer in answers}) == 1
    made = [answer for answer in answers if "stored" in answer.headers["cache-status"] or answer.headers["cache-status"] == "refrain; fwd=miss"]
    assert len(made) == 1, [answer.headers["cache-status"] for answer in answers]


def test_a_message_by_anthropic_is_the_same_direct_missed_and_hit(llama, through):
    def create(url, **more):
        client = anthropic.Anthropic(base_url=url, api_key="sk-one", max_retries=0)
        return client.messages.create(model="tiny", max_tokens=12, messages=MESSAGES, extra_body={"temperature": 0}, **more)

    whole = [create(url) for url in (llama, through, through)]
    assert view(whole[0]) == view(whole[1]) == view(whole[2])
    streams = [list(create(url, stream=True)) for url in (llama, through, through)]
    assert view(streams[0]) == view(streams[1]) == view(streams[2])
    assert streams[2][-1].type == "message_stop"


def test_an_error_raises_the_same_exception(llama, through):
    raised = []
    for url in (llama, through, through):
        with pytest.raises(openai.APIStatusError) as told:
            asked(url).chat.completions.create(messages=[{"role": "user", "content": 7}], **SETTLED)
        raised.append((type(told.value), told.value.status_code, told.value.body))
    assert raised[0] == raised[1] == raised[2]


def test_a_chat_by_ollama_is_the_same_direct_missed_and_hit(serve):
    origin = FakeOrigin()
    through = door(serve, "ollama", origin.url)
    for stream in (False, True):
        told = []
        for url in (origin.url, through, through):
            answer = ollama.Client(host=url).chat("m", messages=MESSAGES, stream=stream, options={"temperature": 0, "seed": 7})
            told.append(list(answer) if stream else answer)
        assert view(told[0]) == view(told[1]) == view(told[2])
    assert origin.count("/api/chat") == 4, "each kind once direct and once through the door"
    origin.stop()
