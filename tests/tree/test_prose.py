"""How comments and pages are written: plain sentences about threads, callers and values, one to a line in Markdown."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest
from repository import REPOSITORY, tracked

LONGEST = 160

# Of code, a sentence is about a thread, a caller, a reader, a writer or a value. A person may be "who".
PRONOUNS = re.compile(r"\b(whoever|whomever|he|his|him|himself)\b", re.IGNORECASE)


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def comments_of_rust(text: str) -> list[tuple[int, str]]:
    """Comments begin with two slashes; an address in a text is taken for one, which does no harm here."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.search(r"//.*", line)
        if comment:
            found.append((number, comment.group()))
    return found


def comments_of_python(text: str) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node, clean=False)
            if docstring is not None:
                found.append((node.body[0].lineno, docstring))
    return found


def lines_of_prose(page: Path) -> list[tuple[int, str]]:
    """Lines outside of code and tables; those inside are empty here, and so end the sentence before them."""
    found: list[tuple[int, str]] = []
    fence = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        mark = re.match(r" *(```+|~~~+)", line)
        inside = bool(fence)
        if mark and not fence:
            fence, inside = mark.group(1), True
        elif mark and mark.group(1).startswith(fence):
            fence = ""
        quoted = line.startswith("    ") and (not found or not found[-1][1])
        table = line.lstrip().startswith("|")
        found.append((number, "" if inside or quoted or table else line))
    return found


ITEM = re.compile(r"\s*(?:[*-]|\d+\.) +")
# What may stand between the end of a sentence and the space behind it: quotes, brackets, emphasis, the target of a link.
CLOSING = r"""(?:["')`*”]|\]\([^)]*\))*"""
NEXT_SENTENCE = re.compile(rf"""[.?!]{CLOSING} +(?=["'(`*\[“]*[A-Z0-9])""")
BOLD_HEAD = re.compile(r"\*\*[^*]+\*\* +$")
ENDED = re.compile(rf"[.?!:;)·]{CLOSING}$")


def without_code(line: str) -> str:
    return re.sub(r"`[^`]*`", "`code`", line)


def without_targets(line: str) -> str:
    return re.sub(r"\]\([^)]*\)", "]", line)


def begins_anew(line: str) -> bool:
    return not line or bool(ITEM.match(line)) or line.startswith(("#", "<!--", "["))


def faults(page: Path) -> list[str]:
    found = []
    lines = lines_of_prose(page)
    for (number, line), (_, after) in zip(lines, [*lines[1:], (0, "")], strict=True):
        if not line or line.startswith("#"):
            continue
        columns = len(without_targets(line))
        if columns > LONGEST:
            found.append(f"{number}: {columns} columns")
        body = ITEM.sub("", without_code(line), count=1)
        for end in NEXT_SENTENCE.finditer(body):
            if not BOLD_HEAD.match(body[: end.end()]):
                found.append(f"{number}: more than one sentence: {line.strip()}")
                break
        if not begins_anew(after) and not ENDED.search(line):
            found.append(f"{number}: the sentence goes on in the next line: {line.strip()}")
    return found


@pytest.mark.parametrize("page", tracked("*.md"), ids=name_of)
def test_a_page_has_one_sentence_on_a_line(page):
    assert faults(page) == []


def test_comments_and_pages_take_code_for_no_person():
    found = []
    for path in tracked("*.rs"):
        found += [(path, *comment) for comment in comments_of_rust(path.read_text())]
    for path in tracked("*.py"):
        found += [(path, *comment) for comment in comments_of_python(path.read_text())]
    for page in tracked("*.md"):
        found += [(page, number, without_code(line)) for number, line in lines_of_prose(page)]
    told = [f"{name_of(path)}:{number}: {text.strip()}" for path, number, text in found if PRONOUNS.search(text)]
    assert told == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One sentence.\nAnother one: `a. B`.\n", 0),
        ("One. Two.\n", 1),
        ("A sentence that\ngoes on.\n", 1),
        ("* **A head.** Its sentence.\n", 0),
        ("| a cell. Two sentences |\n| --- |\n", 0),
        ("```\nOne. Two.\n```\n", 0),
        (f"{'long ' * 33}.\n", 1),
        ("A [link](https://example.org/" + "x" * 160 + ") counts by its words.\n", 0),
    ],
)
def test_faults_are_seen(tmp_path, text, expected):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert len(faults(page)) == expected
