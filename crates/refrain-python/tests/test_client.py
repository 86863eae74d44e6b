"""The client against a running `refrain serve`, and the keys that both give to a request."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socket
import struct
import zlib

import pytest
from running_server import BINARY, RunningServer

from refrain_cache import (
    Client,
    DiskTier,
    HttpRequest,
    Key,
    ServerError,
    ServerUnreachableError,
    UnkeyableError,
    make_key,
)
from refrain_cache._client import _encoded


def png(width=4, height=4, shade=128):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((shade + x * y) % 256 for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@contextlib.contextmanager
def serving(directory, *arguments):
    """The address of a server that runs meanwhile."""
    if not BINARY.exists():
        pytest.skip(f"no server at {BINARY}; build it, or set REFRAIN_BINARY")
    with RunningServer(directory, *arguments) as server:
        yield server.url


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server"), "--admin-token", "t" * 40) as address:
        yield address


@pytest.fixture
def client(url):
    client = Client(url, token="t" * 40)
    client.clear()
    client.reset_stats()
    return client


def test_the_second_request_is_a_hit(client):
    fields = {"image": png(), "format": "obj", "quality": 2}
    first = client.generate("relief", fields)
    second = client.generate("relief", fields)
    assert (first.is_hit, second.is_hit) == (False, True)
    assert first.content == second.content and first.etag == second.etag
    assert first.file_name.endswith(".obj")
    assert client.result(first.key).content == first.content
    assert client.stats()["hits"] == 1


def test_files_are_sent_from_paths_and_as_base64(client, tmp_path):
    (tmp_path / "picture.png").write_bytes(png())
    by_path = client.generate("relief", {"image": tmp_path / "picture.png", "quality": 2})
    by_text = client.generate("relief", {"image": base64.b64encode(png()).decode(), "quality": 2})
    assert by_text.is_hit and by_text.key == by_path.key


def test_a_job_is_waited_for(client):
    job = client.wait(client.submit("relief", {"image": png(), "quality": 2}), timeout_seconds=60)
    assert (job.state, job.has_ended) == ("done", True)
    assert client.result(job).content == client.generate("relief", {"image": png(), "quality": 2}).content
    client.leave(job)


def test_a_batch_comes_line_by_line(client):
    image = base64.b64encode(png()).decode()
    lines = list(client.batch([("relief", {"image": image, "quality": 2})] * 3 + [("relief", {})], parallel=1))
    assert [line["outcome"] for line in lines] == ["miss", "hit", "hit", "error"]


def test_the_cache_of_the_server_is_managed(client):
    result = client.generate("relief", {"image": png(), "quality": 2})
    assert [entry["key"] for entry in client.entries(per_page=1)] == [str(result.key)]
    assert client.update_config(max_size=50)["max_size"] == client.config()["max_size"] == 50
    assert (client.delete(result.key), client.delete(result.key)) == (True, False)
    client.generate("relief", {"image": png(), "quality": 2})
    assert client.clear() == 1


def test_a_refusal_names_the_field(client):
    with pytest.raises(ServerError) as refused:
        client.generate("relief", {"image": png(), "quality": 99})
    assert (refused.value.status, refused.value.kind, refused.value.field) == (400, "invalid-value", "quality")
    with pytest.raises(ServerError) as absent:
        client.generate("relief", {"image": png(shade=1)}, cache_control="only-if-cached")
    assert absent.value.status == 504


def test_a_token_that_is_missing_is_told(url):
    with pytest.raises(ServerError) as refused:
        Client(url).stats()
    assert refused.value.status == 401


def test_no_server_is_a_connection_error():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="no answer"):
            Client(f"http://127.0.0.1:{probe.getsockname()[1]}").health()
    for wrong in ("localhost:5000", "ftp://localhost", "http://", "http://localhost?x=1"):
        with pytest.raises(ValueError, match="url"):
            Client(wrong)


# Keys.

IMAGE = base64.b64encode(png()).decode()
REQUESTS = [
    {"image": png()},
    {"image": IMAGE},
    {"image": f"data:image/png;base64,{IMAGE}"},
    {"image": png(shade=7)},
    {"image": png(), "format": "glb", "quality": 3, "invert": True},
    {"image": png(), "dimensions": {"width": 50, "depth": 2}},
    {"image": png(), "dimensions": {"width": 50.0, "depth": 2.0}, "base": 1},
    {"image": png(), "dimensions.width": "50", "dimensions.depth": "2e0"},
    {"image": png(), "base": 0.1e1, "dimensions": {}},
    {"image": IMAGE, "base": 2, "quality": 7, "format": "stl", "invert": False},
    {"image": IMAGE, "dimensions": {"height": 33.3}},
]


def request_of(fields):
    body, content_type = _encoded(fields)
    return HttpRequest("POST", "/api/generate/relief", "", {"content-type": content_type}, body)


@pytest.mark.parametrize("fields", REQUESTS, ids=range(len(REQUESTS)))
def test_the_key_is_the_servers(client, fields):
    job = client.submit("relief", fields)
    assert make_key(request_of(fields)) == Key(job.document["key"])
    client.leave(job)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"quality": 11}, "quality"), ({"quality": 7.0}, "quality"), ({"format": "png"}, "format"), ({"more": 1}, "more"),
        ({"dimensions": {"more": 1}}, "more"), ({"dimensions": {"depth": 0}}, "depth"), ({"base": 50}, "base"), ({"invert": 1}, "invert"),
        ({"image": "https://example.org/cat.png"}, "image"), ({"dimensions": 5}, "dimensions"), ({"quality": True}, "quality"),
    ],
    ids=str,
)  # fmt: skip
def test_what_the_server_refuses_has_no_key(client, change, message):
    fields = {"image": IMAGE, **change}
    with pytest.raises(ServerError):
        client.generate("relief", fields)
    with pytest.raises(ValueError, match=message):
        make_key(request_of(fields))


def test_other_requests_need_the_name_of_their_generator():
    for request in (HttpRequest("GET", "/api/generate/relief"), HttpRequest("POST", "/api/generate/other")):
        with pytest.raises(ValueError, match="generator"):
            make_key(request)


def test_requests_of_wsgi_and_asgi_have_one_key():
    body = json.dumps({"prompt": "a cat", "seed": 2**63}).encode()
    wsgi = HttpRequest.from_wsgi(
        {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/v1/images", "QUERY_STRING": "a=1&b=&a=2", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)), "HTTP_ACCEPT": "image/png", "HTTP_X_TRACE": "1", "wsgi.input": io.BytesIO(body),
        }
    )  # fmt: skip
    headers = [(b"Content-Type", b"application/json"), (b"accept", b"image/png"), (b"x-trace", b"2")]
    scope = {"method": "POST", "path": "/v1/images", "raw_path": b"/v1/images", "query_string": b"a=1&b=&a=2", "headers": headers}
    asgi = HttpRequest.from_asgi(scope, b'{"seed": 9223372036854775808, "prompt": "a\\u0020cat"}')
    keys = [make_key(request, generator="images", headers=["Accept"]) for request in (wsgi, asgi)]
    assert keys[0] == keys[1]
    different = [
        make_key(wsgi, generator="other", headers=["Accept"]), make_key(wsgi, generator="images", headers=["Accept"], fingerprint="2"),
        make_key(wsgi, generator="images", headers=["Accept"], namespace="tenant"), make_key(wsgi, generator="images"), keys[0],
        make_key(HttpRequest("POST", "/v1/images", "a=2&a=1&b=", asgi.headers, body), generator="images", headers=["accept"]),
    ]  # fmt: skip
    assert len(set(different)) == len(different)


def test_a_body_that_cannot_be_read_has_no_key():
    headers = {"content-type": "application/json"}
    for body in (b"{", b'{"a": 1, "a": 1}', b"\xff"):
        with pytest.raises(UnkeyableError, match="body"):
            make_key(HttpRequest("POST", "/", "", headers, body), generator="g")


def test_forms_count_by_their_parts_and_not_by_their_boundary():
    fields = {"image": png(), "prompt": "a cat"}
    requests = [_encoded(fields) for _ in range(2)]
    assert requests[0][1] != requests[1][1]
    keys = {make_key(HttpRequest("POST", "/", "", {"content-type": kind}, body), generator="g") for body, kind in requests}
    assert len(keys) == 1


def test_a_folder_is_shared_with_the_server_in_both_directions(tmp_path):
    document = {"image": base64.b64encode(png(shade=7)).decode(), "format": "stl"}
    request = HttpRequest(
        "POST", "/api/generate/relief",
        headers={"content-type": "application/json"}, body=json.dumps(document).encode(),
    )  # fmt: skip
    folder = tmp_path / "disk"
    with serving(tmp_path, "--disk-dir", str(folder)) as url:
        result = Client(url).generate("relief", {"image": png(shade=7), "format": "stl"})
        beside = DiskTier(folder, read_only=True)
        entry = beside.entry(make_key(request))
        assert (entry.content, entry.media_type, entry.codec) == (result.content, result.content_type, "bytes")
        assert entry.file_name == result.file_name
        assert beside.get(make_key(request)) == result.content
        with DiskTier(folder) as both:
            assert both.get(result.key) == result.content
    with DiskTier(folder) as tier:
        assert tier.get(result.key) == result.content
        tier.set(result.key, b"solid made elsewhere", media_type="model/stl", file_name="elsewhere.stl")
    with serving(tmp_path, "--disk-dir", str(folder)) as url:
        client = Client(url)
        again = client.generate("relief", {"image": png(shade=7), "format": "stl"})
        assert again.is_hit and again.content == b"solid made elsewhere"
        assert again.file_name == "elsewhere.stl"
        assert client.stats()["generations"] == 0
