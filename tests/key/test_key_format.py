"""Checks the published vectors, and the crate, against the implementation in key_format.py.

    python3 tests/key/test_key_format.py

Needs the standard library only. With the package `blake3`, the keys are checked as well as their canonical
forms; with `cargo`, thousands of made-up documents are compared with what the crate makes of them.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))

import key_format  # noqa: E402

VECTORS = json.loads(key_format.VECTORS.read_text())
needs_blake3 = unittest.skipIf(key_format.blake3 is None, "the package `blake3` is not installed")


class Vectors(unittest.TestCase):
    def test_there_are_enough_and_no_name_is_used_twice(self):
        vectors = VECTORS["values"] + VECTORS["requests"] + VECTORS["refused"]
        self.assertGreaterEqual(len(vectors), 60)
        self.assertEqual(len(vectors), len({vector["name"] for vector in vectors}))

    def test_values_have_the_published_form(self):
        for vector in VECTORS["values"]:
            with self.subTest(vector["name"]):
                self.assertEqual(key_format.canonical(vector["value"]).hex(), vector["canonical"])

    def test_requests_have_the_published_form(self):
        for vector in VECTORS["requests"]:
            with self.subTest(vector["name"]):
                self.assertEqual(key_format.request_of(vector).hex(), vector["canonical"])

    def test_forms_differ_unless_the_requests_are_the_same(self):
        """The vectors that are equal on purpose, and no others."""
        by_form = {}
        for vector in VECTORS["values"]:
            by_form.setdefault(vector["canonical"], []).append(vector["name"])
        same = [names for names in by_form.values() if len(names) > 1]
        self.assertEqual(
            same,
            [
                ["float one tenth", "float one tenth, written otherwise"],
                [
                    "text with a character beyond 16 bits",
                    "the same character, escaped in JSON",
                ],
            ],
        )

    def test_no_form_is_the_beginning_of_another(self):
        forms = sorted({vector["canonical"] for vector in VECTORS["values"]})
        for form, following in zip(forms, forms[1:]):
            self.assertFalse(following.startswith(form), following)

    def test_refused_texts_are_refused(self):
        for vector in VECTORS["refused"]:
            with self.subTest(vector["name"]), self.assertRaises(key_format.Refused):
                key_format.read_json(vector["json"].encode(errors="surrogatepass"))

    @needs_blake3
    def test_keys_are_the_digests_of_the_forms(self):
        for vector in VECTORS["values"] + VECTORS["requests"]:
            with self.subTest(vector["name"]):
                key = key_format.digest(key_format.request_of(vector))
                self.assertEqual(key.hex(), vector["key"])

    @needs_blake3
    def test_media_are_the_digests_of_their_bytes(self):
        found = list(media_in(VECTORS))
        self.assertGreaterEqual(len(found), 3)
        for media in found:
            digest = key_format.digest(bytes.fromhex(media["content"]))
            self.assertEqual(digest.hex(), media["blake3"])


def media_in(value):
    """Every media in the vectors."""
    if isinstance(value, dict):
        if "media" in value:
            yield value["media"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from media_in(inner)


class Differences(unittest.TestCase):
    """The crate and this implementation, side by side on documents nobody thought of."""

    SEED = int(os.environ.get("SEED", 1))
    COUNT = int(os.environ.get("DOCUMENTS", 20_000))

    @unittest.skipIf(shutil.which("cargo") is None, "cargo is not installed")
    def test_the_crate_gives_the_same_bytes(self):
        print(f"SEED={self.SEED} DOCUMENTS={self.COUNT}", file=sys.stderr)
        make = Documents(random.Random(self.SEED))
        texts = [make.text() for _ in range(self.COUNT)]
        ours = [form_or_refusal(text) for text in texts]
        command = ["cargo", "run", "--quiet", "--package", "refrain", "--example", "canonical_form"]
        run = subprocess.run(
            command, cwd=ROOT, input="\n".join(texts).encode(), stdout=subprocess.PIPE, check=True
        )
        theirs = [line.split()[0] for line in run.stdout.decode().splitlines()]
        self.assertEqual(len(theirs), len(ours))
        for text, our, their in zip(texts, ours, theirs):
            self.assertEqual(our, their, text)
        refused = ours.count("refused:")
        self.assertTrue(0 < refused < self.COUNT / 2, f"{refused} of {self.COUNT} refused")


def form_or_refusal(text):
    try:
        return key_format.canonical(key_format.read_json(text.encode())).hex()
    except key_format.Refused:
        return "refused:"


class Documents:
    """Makes JSON texts, most of them valid."""

    def __init__(self, rng):
        self.rng = rng

    def text(self):
        text = self.value(0)
        if self.rng.random() < 0.1:
            place = self.rng.randrange(len(text) + 1)
            text = text[:place] + self.rng.choice('",:[]{}0-.eE\\x') + text[place + 1 :]
        return text

    def value(self, depth):
        kinds = [self.number] * 6 + [self.string] * 3 + [lambda: self.rng.choice(["null", "true", "false"])]
        if depth < 4:
            kinds += [lambda: self.list(depth), lambda: self.object(depth)] * 2
        return self.rng.choice(kinds)()

    def list(self, depth):
        items = [self.value(depth + 1) for _ in range(self.rng.randrange(4))]
        return f"[{self.space()}{(',' + self.space()).join(items)}]"

    def object(self, depth):
        count = self.rng.randrange(4)
        members = [f"{self.string()}{self.space()}:{self.value(depth + 1)}" for _ in range(count)]
        return f"{{{','.join(members)}{self.space()}}}"

    def space(self):
        return self.rng.choice(["", "", "", " ", "\t", "  "])

    def string(self):
        letters = ["a", "b", "\\u0061", "é", "e\u0301", "\\u00e9", "🐈", "\\ud83d\\udc08", "\\n", '\\"', "\\\\", "\\/", " "]
        letters += ["\\ud83d"] if self.rng.random() < 0.05 else []
        return '"' + "".join(self.rng.choices(letters, k=self.rng.randrange(5))) + '"'

    def number(self):
        rng = self.rng
        shape = rng.randrange(6)
        if shape == 0:
            return str(rng.randrange(-20, 20))
        if shape == 1:
            return str(rng.randrange(-(2**70), 2**70))
        if shape == 2:
            return repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-30, 30))
        if shape == 3:
            return f"{rng.uniform(-10, 10):.{rng.randrange(1, 25)}e}"
        if shape == 4:
            digits = "".join(rng.choices("0123456789", k=rng.randrange(1, 30)))
            return f"{rng.choice(['', '-'])}{rng.randrange(10)}.{digits}"
        exponent = rng.choice(["e", "E"]) + rng.choice(["", "+", "-"]) + str(rng.randrange(420))
        return f"{rng.choice(['', '-'])}{rng.randrange(100)}{exponent}"


if __name__ == "__main__":
    unittest.main()
