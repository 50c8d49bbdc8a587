"""JSON bodies: well-formed in the strictest sense, so that no two readers can differ on one."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

MAX_DEPTH = 32


class MalformedJson(Exception):
    """The body is no JSON text, or one that readers would disagree on; `str()` says where."""


def parse_json(body: bytes) -> Any:
    """The value; refuses bad UTF-8, a BOM, repeated names, NaN, lone surrogates, deep nesting."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJson(f"not UTF-8 at byte {error.start}") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:  # Also integers of more digits than Python takes.
        raise MalformedJson(str(error)) from None
    _check(value, MAX_DEPTH)
    return value


def json_sha256(value: Any) -> str:
    """The same for bodies that mean the same, whatever their spaces and the order of names."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise MalformedJson("an object has a name twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON")


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise MalformedJson(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case str():
            _check_text(value)
        case list():
            for part in value:
                _check(part, depth - 1)
        case dict():
            for name, part in value.items():
                _check_text(name)
                _check(part, depth - 1)
        case _:  # Numbers, true, false and null hold nothing that could be wrong.
            pass


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedJson("a text has half of a surrogate pair") from None
