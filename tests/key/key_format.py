"""The canonical form of a request in pure Python: docs/key-format.md, a second time.

Shares no code with the crate, so that the two check each other. Values are written as in
docs/key-vectors.json: an object of one member that names the type, such as {"integer": "7"}.

    python3 tests/key/key_format.py    fill in what is missing in docs/key-vectors.json
"""

import json
import struct
import sys
from decimal import Decimal
from pathlib import Path

try:
    import blake3
except ImportError:  # Keys cannot be checked then; their canonical forms can.
    blake3 = None

VECTORS = Path(__file__).parents[2] / "docs" / "key-vectors.json"

MAX_DEPTH = 100
MAX_JSON_VALUES = 1_000_000


class Refused(Exception):
    """A text that has no canonical form; says where."""


def digest(data):
    return blake3.blake3(data).digest()


def length(count):
    return struct.pack(">Q", count)


def framed(data):
    return length(len(data)) + data


def canonical(value):
    """The canonical form of one value."""
    ((kind, content),) = value.items()
    return FORMS[kind](content)


def fields(members):
    named = sorted((name.encode(), member) for name, member in members)
    return length(len(named)) + b"".join(framed(n) + canonical(v) for n, v in named)


def sorted_set(items):
    forms = sorted(canonical(item) for item in items)
    return length(len(forms)) + b"".join(forms)


def table(entries):
    forms = sorted((canonical(key), canonical(value)) for key, value in entries)
    return length(len(forms)) + b"".join(key + value for key, value in forms)


def sequence(items):
    return length(len(items)) + b"".join(canonical(item) for item in items)


FORMS = {
    "null": lambda _: b"\x01",
    "bool": lambda value: b"\x03" if value else b"\x02",
    "integer": lambda digits: b"\x04" + framed(digits.encode()),
    "float": lambda bits: b"\x05" + bytes.fromhex(bits),
    "decimal": lambda text: b"\x06" + framed(text.encode()),
    "text": lambda text: b"\x07" + framed(text.encode()),
    "bytes": lambda data: b"\x08" + framed(bytes.fromhex(data)),
    "media": lambda media: b"\x09" + bytes.fromhex(media["blake3"]),
    "list": lambda items: b"\x0a" + sequence(items),
    "tuple": lambda items: b"\x0b" + sequence(items),
    "set": lambda items: b"\x0c" + sorted_set(items),
    "map": lambda members: b"\x0d" + fields(members),
    "table": lambda entries: b"\x0e" + table(entries),
    "tagged": lambda it: b"\x0f" + framed(it["type"].encode()) + canonical(it["content"]),
    "variant": lambda it: b"\x10"
    + framed(it["type"].encode())
    + framed(it["variant"].encode())
    + canonical(it["content"]),
    "json": lambda text: canonical(read_json(text.encode())),
}


def canonical_request(namespace, generator, fingerprint, parts, ignored=()):
    """The bytes whose BLAKE3 digest is the key."""
    kept = ignoring({"map": list(parts.items())}, [steps(pointer) for pointer in ignored])
    names = b"".join(framed(name.encode()) for name in (namespace, generator, fingerprint))
    return b"refrain\x01" + names + canonical(kept)


def steps(pointer):
    first, *names = pointer.split("/")
    assert first == "" and names, f"{pointer} is not a pointer to a part"
    return [name.replace("~1", "/").replace("~0", "~") for name in names]


def ignoring(value, pointers):
    """The value without what the pointers name."""
    if not pointers:
        return value
    ((kind, content),) = value.items()
    below = lambda name: [rest for first, *rest in pointers if first == name]
    ends = lambda name: [] in below(name)
    if kind == "json":
        return ignoring(read_json(content.encode()), pointers)
    if kind == "map":
        kept = [[n, ignoring(v, below(n))] for n, v in content if not ends(n)]
    elif kind in ("list", "tuple"):
        named = [(str(place), item) for place, item in enumerate(content)]
        kept = [ignoring(item, below(n)) for n, item in named if not ends(n)]
    elif kind in ("tagged", "variant"):
        kept = {**content, "content": ignoring(content["content"], pointers)}
    else:
        kept = content
    return {kind: kept}


def read_json(data):
    """Reads JSON without losing a digit, into the notation of the vectors."""
    try:
        text = data.decode()
        value = json.loads(
            text,
            object_pairs_hook=Members,
            parse_int=lambda token: {"integer": token},
            parse_float=read_number,
            parse_constant=refuse,
        )
    except (ValueError, RecursionError) as error:
        raise Refused(f"not JSON: {error}") from error
    values = [0]
    return typed(value, 0, values)


class Members(list):
    """An object, before its names are checked."""


def refuse(token):
    raise ValueError(f"{token} is not a number")


def typed(value, depth, values):
    values[0] += 1
    if values[0] > MAX_JSON_VALUES:
        raise Refused("too many values")
    if isinstance(value, (list, Members)) and depth == MAX_DEPTH:
        raise Refused("nested too deep")
    match value:
        case None:
            return {"null": None}
        case bool():
            return {"bool": value}
        case str():
            return {"text": without_surrogates(value)}
        case Members():
            names = [without_surrogates(name) for name, _ in value]
            if len(set(names)) < len(names):
                raise Refused("a name twice in one object")
            if "$serde_json::private::Number" in names:
                raise Refused("a reserved name")
            return {"map": [[name, typed(member, depth + 1, values)] for name, member in value]}
        case list():
            return {"list": [typed(item, depth + 1, values) for item in value]}
        case dict():
            return value


def without_surrogates(text):
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Refused("a lone surrogate") from error
    return text


def read_number(token):
    """A float if the shortest text of the nearest float is this number, otherwise a decimal."""
    exponent = token.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(exponent) > 9:
        raise ValueError("an exponent of more than nine digits")
    number, nearest = Decimal(token), float(token)
    if Decimal(repr(nearest)) == number:
        return {"float": struct.pack(">d", nearest).hex()}
    sign, digits, power = number.as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    lowest = digits.rstrip("0")
    power += len(digits) - len(lowest)
    return {"decimal": f"{'-' if sign else ''}{lowest}e{power}"}


def request_of(vector):
    """Every vector is a request; one with a value is the request that has nothing but this value."""
    if "value" in vector:
        return canonical_request("", "vectors", "1", {"value": vector["value"]})
    names = ("namespace", "generator", "fingerprint", "parts", "ignored")
    return canonical_request(*(vector[name] for name in names))


def fill():
    """Writes what is missing into the vectors; what is there is never changed."""
    vectors = json.loads(VECTORS.read_text())
    for vector in vectors["values"]:
        vector.setdefault("canonical", canonical(vector["value"]).hex())
    for vector in vectors["requests"]:
        vector.setdefault("canonical", request_of(vector).hex())
    for vector in vectors["values"] + vectors["requests"]:
        vector.setdefault("key", digest(request_of(vector)).hex())
    lines = {
        section: ",\n".join("    " + json.dumps(vector) for vector in vectors[section])
        for section in ("values", "requests", "refused")
    }
    body = ",\n".join(f'  "{name}": [\n{text}\n  ]' for name, text in lines.items())
    head = f'  "about": {json.dumps(vectors["about"])},\n  "format_version": 1,\n'
    VECTORS.write_text(f"{{\n{head}{body}\n}}\n")


if __name__ == "__main__":
    if blake3 is None:
        sys.exit("keys need the package `blake3`: pip install blake3")
    fill()
