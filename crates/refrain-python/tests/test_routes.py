"""Requests to routes have the keys that are published, and those that have none the published reasons."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from refrain_cache._native import route_key

REPOSITORY = pathlib.Path(os.environ.get("REFRAIN_REPOSITORY", pathlib.Path(__file__).parents[3]))
VECTORS = json.loads((REPOSITORY / "docs" / "route-vectors.json").read_text())


def key_of(request, config=VECTORS["config"]):
    body = bytes.fromhex(request["body_hex"]) if "body_hex" in request else request["body"].encode()
    # One byte to a character, as on the wire.
    headers = [(name, value.encode("latin-1")) for name, value in request["headers"]]
    secret = bytes.fromhex(VECTORS["secret"])
    return route_key(
        config,
        VECTORS["fingerprint"],
        secret,
        request["method"],
        request["target"],
        headers,
        body,
        VECTORS["random"],
    )


@pytest.mark.parametrize("request_", VECTORS["requests"], ids=lambda request: request["name"])
def test_requests_have_the_keys_of_the_server(request_):
    key, told = key_of(request_)
    if "bypass" in request_:
        assert (key, told) == (None, request_["bypass"])
    else:
        assert (str(key), told) == (request_["key"], request_["namespace"])


def test_a_configuration_with_mistakes_names_their_lines():
    with pytest.raises(ValueError, match="config:2:1: upstream `a` has no `ulr`; did you mean `url`"):
        key_of(VECTORS["requests"][0], config="[upstream.a]\nulr = 'x'")


def test_a_request_for_no_route_has_no_key():
    request = {**VECTORS["requests"][0], "target": "/elsewhere"}
    assert key_of(request) == (None, "no route is for it")
