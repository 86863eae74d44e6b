"""The canonical form of a request to a route in pure Python: the section "HTTP requests" of docs/key-format.md, a second time.

Shares no code with the crate, so that the two check each other on docs/route-vectors.json.

    python3 tests/key/route_format.py    check all vectors; needs Python 3.11 and the package `blake3`
"""

import base64
import json
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote_to_bytes

import blake3
from key_format import Refused, canonical, canonical_request, framed, read_json

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "route-vectors.json").read_text())

CREDENTIALS = """authorization cookie x-api-key api-key apikey x-goog-api-key xi-api-key x-auth-token x-access-token
ocp-apim-subscription-key""".split()
QUERY_CREDENTIALS = ["key", "api_key", "access_token"]
# Of the noise, what the vectors send.
NOISE = re.compile(
    "user-agent|accept-encoding|x-request-id|traceparent|idempotency-key|host|x-stainless-.*|x-forwarded-.*"
)


class Bypassed(Exception):
    """A request without a key."""


def text(value):
    return {"text": value}


def media(data):
    return {"media": {"blake3": blake3.blake3(data).hexdigest()}}


def text_or_bytes(data):
    try:
        return text(data.decode())
    except UnicodeDecodeError:
        return {"bytes": data.hex()}


def capture(template, path):
    """What the template captures; None if the path does not match."""
    pattern = re.sub(r"\\\{(\w+)\\\.\\\.\\\.\\\}", r"(?P<\1>.+)", re.escape(template))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
    found = re.fullmatch(pattern, path)
    return found and found.groupdict()


def pointer(text):
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def json_body(data):
    try:
        return read_json(data)
    except Refused as refused:
        raise Bypassed from refused


def multipart(content_type, data):
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/form-data") or not boundary:
        raise Bypassed
    mark = b"--" + boundary[1].encode()
    if not data.startswith(mark) or not (data.endswith(mark + b"--\r\n") or data.endswith(mark + b"--")):
        raise Bypassed
    found = {}
    for part in (b"\r\n" + data).split(b"\r\n" + mark)[1:-1]:
        head, content = part.removeprefix(b"\r\n").split(b"\r\n\r\n", 1)
        head = head.decode()
        name = re.search(r'(?<!file)name="?([^";\r]+)"?', head)[1]
        kind = re.search(r"content-type: *([^\r]+)", head, re.IGNORECASE)
        if re.search(r"filename\*?=", head):
            value = media(content)
        elif kind and kind[1].lower() not in ("text/plain", "text/plain; charset=utf-8"):
            value = {"tuple": [text(kind[1].lower()), text_or_bytes(content)]}
        else:
            value = text_or_bytes(content)
        found.setdefault(name, []).append(value)
    return {"map": [[name, values[0] if len(values) == 1 else {"list": values}] for name, values in found.items()]}


def form(data):
    if re.search(rb"%(?![0-9A-Fa-f]{2})", data):
        raise Bypassed
    pairs = [pair.partition(b"=") for pair in data.split(b"&") if pair]
    pairs = [[unquote_to_bytes(half.replace(b"+", b" ")) for half in (name, value)] for name, _, value in pairs]
    if len({name for name, _ in pairs}) < len(pairs):
        raise Bypassed
    return {"map": [[name.decode(), text_or_bytes(value)] for name, value in pairs]}


def kserve(headers, data):
    length = int(headers.get("inference-header-content-length", len(data)))
    if length > len(data):
        raise Bypassed
    fields = [["tensors", media(data[length:])]]
    return {"map": fields + ([["json", json_body(data[:length])]] if length else [])}


def read_body(kind, headers, data):
    """The body as a typed value, and what of its content-type counts."""
    content_type = headers.get("content-type")
    essence = content_type and content_type.split(";")[0].strip().lower()
    if kind == "auto":
        known = {
            "application/json": "json",
            "multipart/form-data": "multipart",
            "application/x-www-form-urlencoded": "form",
        }
        kind = known.get(essence, "bytes")
    if kind == "json":
        return json_body(data), None if essence in (None, "application/json") else content_type
    if kind == "multipart":
        return multipart(content_type or "", data), essence
    if kind == "form":
        return form(data), essence
    if kind == "kserve":
        plain = essence in (None, "application/json", "application/octet-stream")
        return kserve(headers, data), None if plain else content_type
    return media(data), content_type


def get(value, steps):
    for step in steps:
        if "map" not in value or step not in dict(value["map"]):
            return None
        value = dict(value["map"])[step]
    return value


def put(value, steps, new):
    """The map with a value at a place, and the maps on the way that are missing."""
    fields = dict(value["map"])
    first, *rest = steps
    fields[first] = put(fields.get(first, {"map": []}), rest, new) if rest else new
    return {"map": list(fields.items())}


def ruled(value, ignore, places, null_is_absent):
    """The value without what is ignored, and with media at their places."""
    if [] in places and value != {"null": None}:
        data = value.get("text", "@")
        data = data.partition(";base64,")[2] if data.startswith("data:") else data
        data = re.sub(r"[\r\n]", "", data)
        if not re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", data):
            raise Bypassed
        return media(base64.b64decode(data.rstrip("=") + "=" * (-len(data.rstrip("=")) % 4)))
    below = lambda pointers, name: [rest for first, *rest in filter(None, pointers) if first in (name, "*")]
    if "map" in value or "list" in value:
        ((kind, content),) = value.items()
        named = content if kind == "map" else [[str(place), item] for place, item in enumerate(content)]
        kept = []
        for name, item in named:
            absent = kind == "map" and null_is_absent and item == {"null": None}
            if [] not in below(ignore, name) and not absent:
                kept.append([name, ruled(item, below(ignore, name), below(places, name), null_is_absent)])
        return {kind: kept if kind == "map" else [item for _, item in kept]}
    return value


def rules_digest(key):
    texts = lambda items: {"set": [text(item) for item in items]}
    credentials = key.get("credentials", [])
    defaults = {at.removeprefix("/body"): value for at, value in key.get("defaults", {}).items()}
    rules = {
        "body": text(key.get("body", "auto")),
        "ignore": texts(key.get("ignore", [])),
        "media": texts(key.get("media", [])),
        "defaults": {"map": [[at, {"json": json.dumps(value)}] for at, value in defaults.items()]},
        "headers": texts(key.get("headers", [])),
        "noise": texts(key.get("noise", [])),
        "credentials": texts([name for name in credentials if not name.startswith("?")]),
        "query_credentials": texts([name[1:] for name in credentials if name.startswith("?")]),
        "null_is_absent": {"bool": key.get("null_is_absent", False)},
    }
    return {"bytes": blake3.blake3(canonical({"map": list(rules.items())})).hexdigest()}


def form_of(vectors, request):
    """Namespace and canonical form of one vector."""
    route = next(route for route in tomllib.loads(vectors["config"])["route"] if route["name"] == request["route"])
    key = route.get("key", {})
    paths = route["match"]["path"]
    paths = [paths] if isinstance(paths, str) else paths
    path, _, query = request["target"].partition("?")
    captures = next(found for found in (capture(template, path) for template in paths) if found is not None)

    own = key.get("credentials", [])
    credentials, counted, headers = [], {}, {}
    for name, value in request["headers"]:
        value = value.encode("latin-1")
        if name in headers and name == "content-type":
            raise Bypassed
        headers[name] = value.decode("latin-1")
        if name in own or name in CREDENTIALS and name not in key.get("headers", []):
            credentials.append((name.encode(), value))
        elif name in key.get("headers", []) or not (name in key.get("noise", []) or NOISE.fullmatch(name)):
            counted[name] = counted[name] + b", " + value if name in counted else value
    if counted.pop("content-encoding", b"identity") != b"identity":
        raise Bypassed
    for name, anything in (("accept", b"*/*"), ("accept-language", b"*")):
        if counted.get(name) == anything:
            del counted[name]
    counted.pop("content-type", None)
    counted.pop("inference-header-content-length", None)
    counted = {name: text_or_bytes(value) for name, value in counted.items()}

    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    is_credential = lambda name: name in QUERY_CREDENTIALS or f"?{name}" in own
    credentials += [(name.encode(), value.encode()) for name, value in pairs if is_credential(name)]
    pairs = [[name, text(value)] for name, value in pairs if not is_credential(name)]
    is_map = len({name for name, _ in pairs}) == len(pairs)
    query = {"map": pairs} if is_map else {"list": [{"tuple": [text(name), value]} for name, value in pairs]}

    parts = {}
    data = bytes.fromhex(request["body_hex"]) if "body_hex" in request else request["body"].encode()
    if data or key.get("body", "auto") != "auto":
        body, content_type = read_body(key.get("body", "auto"), headers, data)
        if content_type:
            counted["content-type"] = text(content_type)
        for at, value in key.get("defaults", {}).items():
            if get(body, pointer(at)[1:]) in (None, {"null": None}):
                body = put(body, pointer(at)[1:], read_json(json.dumps(value).encode()))
        parts["body"] = body
    parts |= {
        "method": text(request["method"]),
        "route": text(paths[0]),
        "path": {"map": [[name, text(value)] for name, value in captures.items()]},
        "query": query,
        "headers": {"map": list(counted.items())},
    }
    parts |= guarded(route["guard"], parts, vectors["random"])

    ignore = [pointer(at) for at in key.get("ignore", [])]
    places = [pointer(at) for at in key.get("media", [])]
    below = lambda pointers, part: [rest for first, *rest in pointers if first == part]
    parts = {
        name: ruled(value, below(ignore, name), below(places, name), name == "body" and key.get("null_is_absent", False))
        for name, value in parts.items()
    }
    parts["rules"] = rules_digest(key)
    shared = route.get("cache", {}).get("tenants") == "shared"
    hashed = b"".join(framed(name) + framed(value) for name, value in sorted(credentials, key=lambda pair: pair[0]))
    secret = bytes.fromhex(vectors["secret"])
    namespace = "" if shared or not credentials else blake3.blake3(hashed, key=secret).hexdigest()
    return namespace, canonical_request(namespace, vectors["upstream"], vectors["fingerprint"], parts)


def guarded(guard, parts, random):
    """What the guards of the vectors do: they look for a seed, for temperature zero, and for `store`."""
    if guard["repeatable_when"] == "always":
        return {}
    body = parts["body"]
    if get(body, ["store"]) == {"bool": True}:
        raise Bypassed
    is_cold = get(body, ["temperature"]) in ({"integer": "0"}, {"float": "0000000000000000"})
    if get(body, ["seed"]) not in (None, {"null": None}) or is_cold:
        return {}
    match guard.get("otherwise", "bypass"):
        case "assign":
            seed = {"integer": str(random % (guard["seed_at_most"] + 1))}
            return {"body": put(body, ["seed"], seed)}
        case {"variants": count}:
            return {"variant": {"integer": str(random % count)}}
    raise Bypassed


def main():
    wrong = 0
    for request in VECTORS["requests"]:
        try:
            namespace, form = form_of(VECTORS, request)
            found = {"namespace": namespace, "canonical": form.hex(), "key": blake3.blake3(form).hexdigest()}
        except Bypassed:
            found = None
        expected = {name: request[name] for name in ("namespace", "canonical", "key") if name in request} or None
        if found != expected:
            wrong += 1
            print(f"{request['name']}: {found} and not {expected}")
    print(f"{len(VECTORS['requests'])} vectors, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
