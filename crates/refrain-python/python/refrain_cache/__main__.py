"""`python -m refrain_cache`: lists, shows and clears the results in a folder, beside the programs that use it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any, Iterable

from ._disk import DiskTier
from ._errors import DiskError
from ._native import Key

_SHORTEST = 4


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 if all went well, 1 if not, 2 if it makes no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if not os.path.isdir(given.folder):
        parser.error(f"there is no folder `{given.folder}`")
    try:
        return int(given.run(given))
    except _Refused as refusal:
        print(f"refrain_cache: {refusal}", file=sys.stderr)
    except DiskError as error:
        cause = "" if error.__cause__ is None else f": {error.__cause__}"
        print(f"refrain_cache: {error}{cause}", file=sys.stderr)
    except BrokenPipeError:
        # Read by `head`, say. Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


class _Refused(Exception):
    pass


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m refrain_cache", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="the results in a folder, the largest first")
    listing.set_defaults(run=_list)
    showing = commands.add_parser("show", help="what is known of one result, or its bytes")
    showing.set_defaults(run=_show)
    clearing = commands.add_parser("clear", help="removes results, for every program that uses the folder")
    clearing.set_defaults(run=_clear)
    for command in (listing, showing, clearing):
        command.add_argument("folder", metavar="FOLDER", help="the path of a `DiskTier`")
    for command in (listing, clearing):
        command.add_argument("--tag", help="only results with this tag")
    for command in (listing, showing):
        command.add_argument("--json", action="store_true", help="as JSON")
    key_help = f"the digits of a key, or the first {_SHORTEST} of them or more"
    showing.add_argument("key", metavar="KEY", help=key_help)
    showing.add_argument("--output", metavar="FILE", help="writes the bytes to FILE; `-` is the standard output")
    clearing.add_argument("keys", nargs="*", metavar="KEY", help=key_help + "; without any, all")
    return parser


def _list(given: argparse.Namespace) -> int:
    entries = _entries(DiskTier(given.folder, read_only=True), given.tag)
    if given.json:
        _print_json([{"key": str(key), **about} for key, about in entries])
        return 0
    print(f"{'KEY':64}  {'BYTES':>12}  {'COST':>9}  {'TIME LEFT':>10}  TAGS")
    for key, about in entries:
        left = about["expires_in_seconds"]
        time_left = "for ever" if left is None else f"{left:.0f} s"
        tags = " ".join(map(_printable, about["tags"]))
        print(f"{key}  {about['bytes']:12}  {about['cost_seconds']:7.1f} s  {time_left:>10}  {tags}".rstrip())
    print(f"{len(entries)} results, {sum(about['bytes'] for _, about in entries)} bytes")
    return 0


def _show(given: argparse.Namespace) -> int:
    tier = DiskTier(given.folder, read_only=True)
    entry = tier.entry(_key(tier, given.key))
    if entry is None:
        raise _Refused(f"there is no result `{given.key}` that can be read; `list` tells what there is")
    if given.output == "-":
        sys.stdout.buffer.write(entry.content)
        return 0
    if given.output is not None:
        with open(given.output, "wb") as file:
            file.write(entry.content)
        return 0
    about = {
        "bytes": len(entry.content),
        "codec": entry.codec,
        "media_type": entry.media_type,
        "file_name": entry.file_name,
        "tags": list(entry.tags),
        "cost_seconds": entry.cost_seconds,
        "age_seconds": entry.age_seconds,
        "expires_in_seconds": entry.expires_in_seconds,
    }
    if given.json:
        _print_json(about)
        return 0
    for name, value in about.items():
        shown = " ".join(value) if isinstance(value, list) else str(value)
        print(f"{name.replace('_', ' ')}: {_printable(shown)}".rstrip())
    return 0


def _clear(given: argparse.Namespace) -> int:
    if given.keys and given.tag is not None:
        raise _Refused("say either keys or `--tag`, not both")
    with DiskTier(given.folder) as tier:
        if given.keys:
            keys = [_key(tier, digits) for digits in given.keys]
            removed = sum(tier.invalidate(key) for key in keys)
        elif given.tag is not None:
            removed = tier.invalidate_tag(given.tag)
        else:
            removed = tier.clear()
    print(f"{removed} results removed")
    return 0


def _entries(tier: DiskTier, tag: str | None) -> list[tuple[Key, dict[str, Any]]]:
    entries: Iterable[tuple[Key, dict[str, Any]]] = tier.entries()
    chosen = [entry for entry in entries if tag is None or tag in entry[1]["tags"]]
    return sorted(chosen, key=lambda entry: (-entry[1]["bytes"], entry[0]))


def _key(tier: DiskTier, digits: str) -> Key:
    """The one key that begins so."""
    if len(digits) == 64:
        try:
            return Key(digits)
        except ValueError as error:
            raise _Refused(f"`{digits}` is no key: {error}") from None
    if len(digits) < _SHORTEST:
        raise _Refused(f"`{digits}` is too short; give {_SHORTEST} digits or more")
    found = [key for key, _ in tier.entries() if str(key).startswith(digits)]
    if len(found) != 1:
        count = "no key begins" if not found else f"{len(found)} keys begin"
        raise _Refused(f"{count} with `{digits}`; `list` tells what there is")
    return found[0]


def _printable(text: str) -> str:
    """Without characters that a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main())
