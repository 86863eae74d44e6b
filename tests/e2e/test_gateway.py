"""A door in front of a generation server: what clients see of misses, hits and failures, and what the server is asked."""

from __future__ import annotations

import json
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import pytest
from fake_origin import FakeOrigin
from server_process import at_once, eventually, free_port

CHAT = "/v1/chat/completions"


def client(port: int) -> httpx.Client:
    """Without a memory for cookies: a client with a cookie is another tenant than one without."""
    none = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx.Limits(max_connections=100)
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits, trust_env=False, cookies=none)


class Gateway:
    """A server with one door to a fake origin."""

    def __init__(self, serve, origin: FakeOrigin, upstream: str = "", more: str = ""):
        self.origin = origin
        self.port = free_port()
        self.toml = f"""
[[listen]]
address  = "127.0.0.1:{self.port}"
upstream = "fake"
[upstream.fake]
url    = "{origin.url}"
preset = "openai"
{upstream}
{more}
"""
        self.server = serve(toml=self.toml)
        self.http = client(self.port)
        self.http.headers["authorization"] = "Bearer one"

    def chat(self, text: str, **fields) -> httpx.Response:
        headers = fields.pop("headers", {})
        return self.http.post(CHAT, json=question(text, **fields), headers=headers)


def question(text: str, **fields) -> dict:
    fields.setdefault("temperature", 0)
    return {"model": "m", "messages": [{"role": "user", "content": text}], **fields}


@pytest.fixture
def origin():
    running = FakeOrigin()
    yield running
    running.stop()


@pytest.fixture
def gateway(serve, origin):
    return Gateway(serve, origin)


def status(answer: httpx.Response) -> str:
    return answer.headers.get("cache-status", "")


def frames(answer: httpx.Response) -> list:
    return [line.removeprefix("data: ") for line in answer.text.split("\n") if line.startswith("data: ")]


def without_volatile(document: dict) -> dict:
    return {name: value for name, value in document.items() if name not in ("id", "created")}


def test_a_repeat_is_a_hit_with_the_same_view_and_a_fresh_id(gateway):
    miss, hit = gateway.chat("hello"), gateway.chat("hello")
    assert gateway.origin.count(CHAT) == 1
    assert status(miss).startswith("refrain; fwd=miss") and status(hit).startswith("refrain; hit; ttl=")
    assert without_volatile(miss.json()) == without_volatile(hit.json())
    assert miss.headers["content-type"] == hit.headers["content-type"]
    ids = [answer.json()["id"] for answer in (miss, hit)]
    assert ids[0] != ids[1] and len(ids[0]) == len(ids[1]) and ids[1].startswith("chatcmpl-")
    requests = [answer.headers["x-request-id"] for answer in (miss, hit)]
    assert requests[0] != requests[1] and requests[1].startswith("req_")
    assert abs(hit.json()["created"] - time.time()) < 60
    assert "set-cookie" in miss.headers and "set-cookie" not in hit.headers
    assert int(hit.headers["age"]) >= 0 and len(miss.content) == len(hit.content)


def test_a_stream_is_replayed_frame_by_frame_with_one_fresh_id(gateway):
    miss, hit = gateway.chat("hello", stream=True), gateway.chat("hello", stream=True)
    assert gateway.origin.count(CHAT) == 1
    assert "hit" in status(hit), status(hit)
    assert hit.headers["content-type"] == "text/event-stream" and hit.headers["cache-control"] == "no-cache"
    first, second = frames(miss), frames(hit)
    assert first[-1] == second[-1] == "[DONE]" and len(first) == len(second) == 12
    one, other = ([json.loads(frame) for frame in told[:-1]] for told in (first, second))
    assert [without_volatile(frame) for frame in one] == [without_volatile(frame) for frame in other]
    assert len({frame["id"] for frame in other}) == 1
    assert one[0]["id"] != other[0]["id"] and len(miss.content) == len(hit.content)


def test_a_stream_and_a_whole_answer_are_two_results(gateway):
    assert gateway.chat("hello").json()["object"] == "chat.completion"
    assert frames(gateway.chat("hello", stream=True))[-1] == "[DONE]"
    assert gateway.origin.count(CHAT) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_ten_at_once_are_one_call(gateway, stream):
    answers = at_once([lambda: gateway.chat("slow and dear", stream=stream)] * 10)
    assert gateway.origin.count(CHAT) == 1
    assert {answer.status_code for answer in answers} == {200}
    if stream:
        ids = {json.loads(frames(answer)[0])["id"] for answer in answers}
        told = {json.dumps([without_volatile(json.loads(frame)) for frame in frames(answer)[:-1]]) for answer in answers}
    else:
        ids = {answer.json()["id"] for answer in answers}
        told = {json.dumps(without_volatile(answer.json())) for answer in answers}
    assert len(told) == 1
    assert len(ids) == 10, "a logger would take two of them for one"


@pytest.mark.parametrize("part", [0.1, 0.9])
def test_a_leader_that_leaves_does_not_take_the_result_with_it(serve, part):
    origin = FakeOrigin(pieces=20, pause=0.05)
    gateway = Gateway(serve, origin)
    seen = 0
    with gateway.http.stream("POST", CHAT, json=question("long", stream=True)) as answer:
        for line in answer.iter_lines():
            seen += line.startswith("data: ")
            if seen >= 20 * part:
                break
    answer = eventually(lambda: next((a for a in [gateway.chat("long", stream=True)] if "hit" in status(a)), None))
    assert frames(answer)[-1] == "[DONE]" and len(frames(answer)) == 22
    assert origin.count(CHAT) == 1 and origin.hang_ups == 0
    origin.stop()


def test_who_joins_late_gets_everything_and_the_end_with_the_origin(serve):
    origin = FakeOrigin(pieces=20, pause=0.05)
    gateway = Gateway(serve, origin)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(gateway.chat, "long", stream=True)
        time.sleep(0.4)
        second = pool.submit(gateway.chat, "long", stream=True)
        first, second = first.result(), second.result()
    assert origin.count(CHAT) == 1 and "collapsed" in status(second), status(second)
    assert len(frames(first)) == len(frames(second)) == 22
    ids = [{json.loads(frame)["id"] for frame in frames(answer)[:-1]} for answer in (first, second)]
    assert len(ids[0]) == len(ids[1]) == 1 and ids[0] != ids[1]
    origin.stop()


NO_RESULTS = ["error_in_200", "filtered", "no_choices", "cut_json", "broken"]
NO_STREAMS = ["no_end", "error_event"]


@pytest.mark.parametrize("fault", NO_RESULTS + NO_STREAMS)
def test_what_is_no_result_is_passed_on_and_never_stored(gateway, fault):
    stream = fault in NO_STREAMS
    direct = httpx.post(gateway.origin.url + CHAT, json=question(f"fault:{fault}", stream=stream), trust_env=False)
    for calls in (2, 3):
        answer = gateway.chat(f"fault:{fault}", stream=stream)
        assert gateway.origin.count(CHAT) == calls, "it was stored"
        assert answer.status_code == direct.status_code and "hit" not in status(answer)
        view = re.compile(rb"chatcmpl-[0-9a-f]+|\"created\": \d+")
        assert view.sub(b"", answer.content) == view.sub(b"", direct.content)
    assert gateway.chat("hello").status_code == 200


@pytest.mark.parametrize("fault", ["cut", "cut_stream"])
def test_an_answer_that_is_cut_off_is_cut_off_for_the_client_too(gateway, fault):
    for calls in (1, 2):
        try:
            # Where nothing was passed on yet, there is no answer to be cut off.
            answer = gateway.chat(f"fault:{fault}", stream=fault == "cut_stream")
            assert answer.status_code == 502 and answer.json()["type"] == "urn:refrain:problem:upstream-broken"
        except httpx.RemoteProtocolError:
            pass
        assert gateway.origin.count(CHAT) == calls
    assert gateway.chat("hello").status_code == 200


def test_too_many_requests_is_passed_on_at_once_to_all_who_wait(gateway):
    answers = at_once([lambda: gateway.chat("fault:busy")] * 10)
    assert gateway.origin.count(CHAT) == 1, "nobody was asked again"
    for answer in answers:
        assert answer.status_code == 429 and answer.headers["retry-after"] == "7"
        assert answer.json()["error"]["type"] == "rate_limit"
        assert answer.headers["x-should-retry"] == "false"
    assert gateway.chat("fault:busy").status_code == 429
    assert gateway.origin.count(CHAT) == 2


def test_an_origin_that_lies_or_stalls_ends_and_the_next_request_is_right(serve, origin):
    gateway = Gateway(serve, origin, 'deadlines = { idle = "500ms", total = "2s" }')
    for fault in ("stall", "drip", "endless", "injection"):
        began = time.monotonic()
        try:
            answer = gateway.chat(f"fault:{fault}")
            assert answer.status_code in (502, 504), (fault, answer.status_code)
            assert "set-cookie" not in answer.headers
        except httpx.RemoteProtocolError:
            pass
        assert time.monotonic() - began < 20, fault
        assert gateway.chat("hello").status_code == 200, fault


def test_waiters_of_a_cut_answer_ask_on_their_own(gateway):
    def ask():
        try:
            return gateway.chat("fault:cut").status_code
        except httpx.RemoteProtocolError:
            return None

    assert 200 not in at_once([ask] * 5)
    assert 2 <= gateway.origin.count(CHAT) <= 5


def test_tenants_are_apart(gateway):
    for credential in ({"authorization": "Bearer two"}, {"x-api-key": "k"}, {"cookie": "session=other"}):
        gateway.chat("hello")
        before = gateway.origin.count(CHAT)
        answer = gateway.chat("hello", headers=credential)
        assert "miss" in status(answer) and gateway.origin.count(CHAT) == before + 1, credential
        assert "hit" in status(gateway.chat("hello", headers=credential))


def test_no_credential_is_kept_on_disk(serve, origin, tmp_path):
    gateway = Gateway(serve, origin, more=f'[disk]\ndir = "{tmp_path}/disk"\n')
    gateway.chat("hello", headers={"authorization": "Bearer SECRET-OF-SOMEBODY", "cookie": "SECRET-COOKIE"})
    gateway.server.stop()
    kept = [path for path in (tmp_path / "disk").rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        data = path.read_bytes()
        assert b"SECRET" not in data and b"session=first" not in data, path


def test_a_random_request_goes_past_and_says_why(gateway):
    for calls in (1, 2):
        answer = gateway.chat("hello", temperature=1)
        assert status(answer) == 'refrain; fwd=bypass; detail="the answer is random"'
        assert gateway.origin.count(CHAT) == calls
        assert "set-cookie" in answer.headers


def test_two_spellings_are_one_request_and_the_last_digit_of_a_seed_counts(gateway):
    one = '{"model":"m","seed":9007199254740993,"messages":[{"role":"user","content":"h\\u0069"}]}'
    other = '{ "messages" : [{"content":"hi","role":"user"}], "user":"ann", "seed": 9007199254740993, "model":"m" }'
    third = one.replace("740993", "740992")
    headers = {"content-type": "application/json"}
    seen = [status(gateway.http.post(CHAT, content=body, headers=headers)) for body in (one, other, third)]
    assert ["hit" in told for told in seen] == [False, True, False], seen
    assert gateway.origin.bodies[0] == one.encode(), "the origin gets what the client sent"


def test_what_a_client_asks_of_the_cache_is_done(gateway):
    assert gateway.chat("hello", headers={"cache-control": "only-if-cached"}).status_code == 504
    gateway.chat("hello")
    assert status(gateway.chat("hello", headers={"cache-control": "no-store"})) == "refrain; fwd=request"
    assert gateway.origin.count(CHAT) == 2
    assert status(gateway.chat("hello", headers={"cache-control": "no-cache"})).startswith("refrain; fwd=request")
    assert gateway.origin.count(CHAT) == 3
    hit = gateway.chat("hello", headers={"cache-control": "only-if-cached"})
    assert "hit" in status(hit) and gateway.origin.count(CHAT) == 3
    again = gateway.chat("hello", headers={"if-none-match": hit.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_what_no_route_is_for_passes_untouched(gateway):
    answer = gateway.http.get("/v1/models?x=1", headers={"x-own": "1"})
    assert answer.json()["path"] == "/v1/models" and "cache-status" not in answer.headers
    head = gateway.origin.heads[-1]
    assert head.startswith("GET /v1/models?x=1 HTTP/1.1\r\n") and "authorization: Bearer one" in head.lower().replace("bearer", "Bearer")
    uploaded = gateway.http.put("/anything", content=iter([b"a" * 1000] * 100))
    assert uploaded.json()["length"] == 100_000


def test_a_body_too_large_to_key_passes_as_a_stream(serve, origin):
    gateway = Gateway(serve, origin, more='[upstream.fake.route.chat.key]\nat_most = "64KB"\n')
    large = "x" * 100_000
    for body in (json.dumps(question(large)).encode(), iter([json.dumps(question(large)).encode()])):
        answer = gateway.http.post(CHAT, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 200
        assert status(answer) == 'refrain; fwd=bypass; detail="body too large to key"'
    assert [json.loads(body) for body in origin.bodies] == [question(large)] * 2


def test_a_hang_up_of_a_bypassed_request_reaches_the_origin(serve):
    origin = FakeOrigin(pieces=100, pause=0.1)
    gateway = Gateway(serve, origin)
    with gateway.http.stream("POST", CHAT, json=question("long", stream=True, temperature=1)) as answer:
        next(answer.iter_lines())
    eventually(lambda: origin.hang_ups == 1)
    origin.stop()


def test_a_route_may_cancel_what_nobody_waits_for(serve):
    origin = FakeOrigin(pieces=100, pause=0.1)
    gateway = Gateway(serve, origin, more='[upstream.fake.route.chat.exchange]\nabandoned = "cancel"\n')
    with gateway.http.stream("POST", CHAT, json=question("long", stream=True)) as answer:
        next(answer.iter_lines())
    eventually(lambda: origin.hang_ups == 1)
    origin.stop()


def test_a_foreign_name_of_this_machine_is_answered_by_the_origin(gateway):
    gateway.chat("hello")
    answer = gateway.chat("hello", headers={"host": "rebound.example"})
    assert "Host is not in allowed_hosts" in status(answer)
    assert "Host: rebound.example" in gateway.origin.heads[-1] or "host: rebound.example" in gateway.origin.heads[-1]


def test_nothing_is_stored_while_the_fingerprint_is_not_known_and_another_model_answers_anew(serve, origin):
    origin.props_status = "503 Service Unavailable"
    gateway = Gateway(serve, origin, 'fingerprint = { get = "/props", at = ["/model"], every = "1s" }')
    assert "the fingerprint is not known" in status(gateway.chat("hello"))
    assert gateway.server.http.get("/health").json()["upstreams"][0]["status"] == "unknown"
    origin.props_status = "200 OK"
    eventually(lambda: "hit" in status(gateway.chat("hello")))
    origin.model = "m-2"
    eventually(lambda: "hit" not in status(gateway.chat("hello")))
    origin.model = "m-1"
    eventually(lambda: "hit" in status(gateway.chat("hello")))


def test_what_another_model_may_have_made_is_not_stored_under_the_name_of_the_first(serve, origin):
    gateway = Gateway(serve, origin, 'fingerprint = { get = "/props", at = ["/model"], every = "1s" }')
    eventually(lambda: "hit" in status(gateway.chat("known")))
    calls = origin.count(CHAT)
    with ThreadPoolExecutor(1) as pool:
        # Ten pieces, a pause apart: the model changes, and is asked about, while the answer comes.
        origin.pause = 0.5
        coming = pool.submit(gateway.chat, "late", stream=True)
        eventually(lambda: origin.count(CHAT) > calls)
        origin.model = "m-2"
        probes = origin.count("/props")
        eventually(lambda: origin.count("/props") >= probes + 2)
        coming.result()
    origin.pause = 0
    origin.model = "m-1"
    eventually(lambda: "hit" in status(gateway.chat("known")))
    assert "hit" not in status(gateway.chat("late", stream=True))
    assert "hit" in status(gateway.chat("late", stream=True))


def test_a_reload_is_all_or_nothing(gateway):
    directory = gateway.server.directory
    assert "bypass" in status(gateway.chat("hello", temperature=1))
    (directory / "refrain.toml").write_text(gateway.toml + '[upstream.fake.route.chat.guard]\notherwise = "pin"\n')
    gateway.server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "bypass" not in status(gateway.chat("pinned", temperature=1)))
    assert "hit" in status(gateway.chat("pinned", temperature=1))
    (directory / "refrain.toml").write_text(gateway.toml + "[upstream.fake.route.chat.guard]\notherwise = 'pim'\n")
    refused = gateway.server.http.post("/api/gateway/reload")
    assert refused.status_code == 400 and "refrain.toml:" in refused.json()["detail"], refused.text
    assert "hit" in status(gateway.chat("pinned", temperature=1))
    (directory / "refrain.toml").write_text(gateway.toml)
    assert gateway.server.http.post("/api/gateway/reload").json() == {"status": "ok", "doors": 1}
    assert "bypass" in status(gateway.chat("pinned", temperature=1))


def test_a_request_is_explained_without_running_it(gateway):
    text = f"POST {CHAT}\nauthorization: Bearer one\ncontent-type: application/json\nuser-agent: x\n\n"
    text += json.dumps(question("hello", user="ann"))
    told = gateway.server.http.post("/api/cache/explain", content=text, headers={"content-type": "message/http"}).json()
    assert told["outcome"] == "keyed" and told["route"] == "chat" and told["has_tenant"]
    assert {"/body/user", "/headers/user-agent"} <= {part["at"] for part in told["ignored"]}
    assert "/body/temperature" in {part["at"] for part in told["parts"]}
    assert gateway.origin.count(CHAT) == 0
    gateway.chat("hello")
    assert gateway.server.entries()["entries"][0]["key"] == told["key"]


def test_one_line_of_a_shell_stands_in_for_a_server(serve, origin):
    port = free_port()
    server = serve("--preset", "openai", "--upstream", origin.url, "--listen", f"127.0.0.1:{port}")
    assert f"Door   http://127.0.0.1:{port} stands in for openai" in server.log()
    with client(port) as asking:
        answers = [asking.post("/v1/embeddings", json={"model": "e", "input": "hello"}) for _ in range(2)]
    assert "hit" in status(answers[1]) and answers[0].content == answers[1].content
    assert origin.count("/v1/embeddings") == 1


def test_a_stale_result_is_answered_while_a_new_one_is_made_and_when_the_origin_fails(serve, origin):
    cache = '[upstream.fake.route.chat.cache]\nttl = "1s"\n'
    gateway = Gateway(serve, origin, more=cache + 'stale_while_revalidate = "1h"\n')
    gateway.chat("hello")
    stale = eventually(lambda: next((a for a in [gateway.chat("hello")] if "ttl=-" in status(a)), None))
    assert 'detail="stale-while-revalidate"' in status(stale)
    eventually(lambda: origin.count(CHAT) >= 2 and "ttl=0" in status(gateway.chat("hello")))

    gateway = Gateway(serve, origin, more=cache + 'stale_if_error = "1h"\n')
    gateway.chat("hi")
    origin.is_down = True
    stale = eventually(lambda: next((a for a in [gateway.chat("hi")] if "stale-if-error" in status(a)), None))
    assert stale.status_code == 200 and stale.json()["choices"]
    assert gateway.chat("never asked before").status_code == 500
    origin.is_down = False
    assert "fwd=" in status(gateway.chat("hi"))


def test_results_of_a_door_survive_a_restart(serve, origin, tmp_path):
    more = f'[disk]\ndir = "{tmp_path}/disk"\n'
    gateway = Gateway(serve, origin, more=more)
    gateway.chat("hello")
    gateway.server.stop()
    again = Gateway(serve, origin, more=more)
    assert "hit" in status(again.chat("hello")) and origin.count(CHAT) == 1
