"""Bodies of requests, read as the server reads them: JSON strictly, forms part by part, no name twice."""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import json
from typing import Any


class Number(str):
    """A number of JSON, as it was written."""


class FormText(str):
    """Text of a form, which is read as whatever the field is."""


class File:
    """A part of a form that has a file name."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def read_fields(body: bytes, content_type: str) -> dict[str, Any]:
    """The fields of a JSON or multipart body, or `ValueError`."""
    header = email.message.Message()
    header["content-type"] = content_type
    kind = header.get_content_type()
    if kind == "application/json":
        fields = read_json(body)
        if not isinstance(fields, dict):
            raise ValueError("the body must be a JSON object")
        return fields
    if kind == "multipart/form-data":
        return _read_form(body, str(header.get_param("boundary", "")))
    raise ValueError(f"the body is {content_type or 'of no type'} but must be JSON or a form")


def read_json(text: bytes | str) -> Any:
    """A JSON text, with numbers as they were written."""
    if isinstance(text, bytes):
        text = text.decode()
    return json.loads(
        text,
        parse_int=Number,
        parse_float=Number,
        parse_constant=_refuse_constant,
        object_pairs_hook=_without_repetition,
    )


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name appears twice in one object")
    return fields


def _read_form(body: bytes, boundary: str) -> dict[str, Any]:
    if not boundary:
        raise ValueError("the form has no boundary")
    delimiter = b"\r\n--" + boundary.encode()
    _, *parts = (b"\r\n" + body).split(delimiter)
    if not parts or not parts[-1].startswith(b"--"):
        raise ValueError("the form does not end with its boundary")
    fields: dict[str, Any] = {}
    for part in parts[:-1]:
        head, separator, content = part.lstrip(b" \t").partition(b"\r\n\r\n")
        if not separator:
            raise ValueError("a part of the form has no end of its head")
        headers = email.parser.BytesHeaderParser(policy=email.policy.HTTP).parsebytes(head.strip(b"\r\n"))
        disposition = headers["content-disposition"]
        name = disposition.params.get("name") if disposition is not None else None
        if not name:
            raise ValueError("a part of the form has no name")
        if name in fields:
            raise ValueError(f"the form has the part `{name}` more than once")
        is_file = "filename" in disposition.params
        fields[name] = File(content) if is_file else FormText(content.decode())
    return fields
