"""The OpenAPI document: valid, complete, and true."""

from __future__ import annotations

import re

import openapi_spec_validator
import pictures
import pytest
from http_answers import assert_problem
from server_process import base64_text

ROUTES = {
    ("post", "/api/generate/{generator}"),
    ("get", "/api/jobs/{id}"),
    ("delete", "/api/jobs/{id}"),
    ("get", "/api/jobs/{id}/events"),
    ("get", "/api/results/{key}"),
    ("get", "/api/results/{key}/parts/{number}"),
    ("post", "/api/batch"),
    ("get", "/api/cache/stats"),
    ("post", "/api/cache/stats/reset"),
    ("get", "/api/cache/config"),
    ("post", "/api/cache/config"),
    ("post", "/api/cache/clear"),
    ("get", "/api/cache/entries"),
    ("delete", "/api/cache/entries/{key}"),
    ("get", "/health"),
    ("get", "/api/openapi.json"),
}


@pytest.fixture(scope="module")
def document(server):
    answer = server.http.get("/api/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/")
    return answer.json()


def without_names(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "put", "post", "delete", "head", "patch", "options"):
                yield method, path, operation


def test_the_document_is_valid_openapi_3(document):
    assert document["openapi"].startswith("3.")
    openapi_spec_validator.validate(document)


def test_every_route_is_listed(document):
    listed = {(method, without_names(path)) for method, path, _ in operations(document)}
    assert {(method, without_names(path)) for method, path in ROUTES} <= listed


def test_no_listed_route_is_missing_from_the_server(server, document):
    for method, path, _ in operations(document):
        answer = server.http.request(method.upper(), re.sub(r"\{[^}]*\}", "unknown", path))
        if answer.status_code == 404:
            assert answer.json()["type"] != "urn:refrain:problem:not-found", (method, path)
        assert answer.status_code != 405, (method, path)


def test_every_operation_is_explained_and_says_how_it_can_fail(document):
    for method, path, operation in operations(document):
        assert operation.get("summary") or operation.get("description"), (method, path)
        assert operation["operationId"]
        assert any(status.startswith(("2", "d")) for status in operation["responses"]), (method, path)
    identities = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(identities) == len(set(identities))


def test_the_fields_of_relief_are_described_with_ranges_and_defaults(document):
    schemas = document["components"]["schemas"]
    (relief,) = [
        schema for schema in schemas.values() if {"format", "dimensions", "quality"} <= set(schema.get("properties", {}))
        and "image" in schema["properties"]
    ]  # fmt: skip
    quality = relief["properties"]["quality"]
    assert (quality["minimum"], quality["maximum"], quality["default"]) == (1, 10, 7)
    for name, maximum, default in (("width", 1000, 100), ("height", 1000, 100), ("depth", 500, 20)):
        described = relief["properties"]["dimensions"]["properties"][name]
        assert (described["minimum"], described["maximum"], described["default"]) == (1, maximum, default)


def test_the_server_says_what_the_document_says(server, document, tmp_path):
    """Each documented answer of the simple routes has the documented status and media type."""
    picture = base64_text(pictures.fresh_png())
    made = server.post_json({"image": picture, "quality": 1})
    for method, path, operation in operations(document):
        if method != "get" or "{" in path:
            continue
        answer = server.http.get(path)
        described = operation["responses"][str(answer.status_code)]
        media_type = answer.headers["Content-Type"].split(";")[0]
        assert media_type in described.get("content", {media_type: None}), path
    assert made.headers["Content-Type"]
    assert_problem(server.http.get("/api/openapi.yaml"), 404)


def test_schemathesis_finds_no_server_error_and_no_undocumented_answer(serve, document):
    """Generated requests against every operation, within a budget of examples; the seed is fixed."""
    import os
    import subprocess
    import sys
    from pathlib import Path

    target = serve()
    hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parent)}
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{target.url}/api/openapi.json",
            "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            "--max-examples", "15", "--seed", "2026", "--no-color", "--generation-database", "none",
            "--suppress-health-check", "all",
        ],
        capture_output=True, text=True, timeout=300, cwd=target.directory, env={**os.environ, **hooks},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert target.http.get("/health").status_code == 200
