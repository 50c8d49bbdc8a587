"""Takes what must stay secret out of text that is stored, logged or shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import unquote

HIDDEN = "[hidden]"

_NAME = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|token|signature|authorization"
    r"|(?:api|access|private|signing|customer)[-_]?key(?![-_]?id))"
    r"(?:[-_]?(?:access[-_]?)?(?:key|string|value)(?![-_]?id))?"
)
_VALUE = r"""\[hidden\]|\\+"(?:.*?)\\+"|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\S+"""

_SECRETS = (
    # All of a MongoDB URI up to its hosts: a password may hold what would end one in other URLs.
    (re.compile(r"(?i)(mongodb(?:\+srv)?://)\S*@"), rf"\1{HIDDEN}@"),
    # The user and password of any URL.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#'\"]*@"), rf"\1{HIDDEN}@"),
    # The query of a URL: presigned links and callback URLs carry their secrets there.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)\?[^\s#'\"<>]*"), rf"\1?{HIDDEN}"),
    # Likewise where a client tells host and path apart.
    (re.compile(r"((?:^|[\s'\"(=])/[^\s?'\"<>]*)\?[^\s'\"<>]+"), rf"\1?{HIDDEN}"),
    (re.compile(r"(?i)(x-amz-[a-z-]+|signature|awsaccesskeyid)=[^\s&'\"]+"), rf"\1={HIDDEN}"),
    (re.compile(r"(?i)(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)({_NAME})([\\'\"]*\s*[=:]\s*)(?:{_VALUE})"), rf"\1\2{HIDDEN}"),
    (re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), HIDDEN),
)
_IS_SECRET = re.compile(rf"(?i)(?:^|.*[-_a-z]){_NAME}$")
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^:@]*:(.*)@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


SHORTEST_KNOWN = 8
"""A shorter text is not taken for a secret wherever it occurs."""

_known: set[str] = set()


def keep_secret(value: str) -> None:
    """From now on this process hides the value, whatever it stands in.

    Of a URL that is its password; the rest tells where something is.
    """
    found = _PASSWORD.match(value)
    secret = found[1] if found else "" if "://" in value else value
    _known.update(one for one in (secret, unquote(secret)) if len(one) >= SHORTEST_KNOWN)


def redacted(text: str, *, limit: int = 500) -> str:
    """The text on one line, without credentials, tokens or signed queries, cut at `limit`."""
    return _cut(escaped(_hidden(text)), limit)


def redacted_tree(value: Any, *, limit: int) -> Any:
    """What JSON can hold, without secrets in any of its texts, each cut at `limit`.

    The value of a name that is a secret's, such as `password`, goes whatever it is. Lines stay;
    what JSON cannot hold becomes its text.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {
                _hidden(str(name)): HIDDEN
                if _IS_SECRET.match(str(name)) and part is not None
                else redacted_tree(part, limit=limit)
                for name, part in value.items()
            }
        case list() | tuple() | AbstractSet():
            return [redacted_tree(part, limit=limit) for part in value]
        case _:
            return _cut(_hidden(str(value)), limit)


def escaped(text: str) -> str:
    """The text with every control and direction character, and lone surrogates, written out."""
    visible = _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    return visible.encode(errors="backslashreplace").decode()


def without_query(url: str) -> str:
    """A URL that may be shown: what follows `?` is left out, and so is any user."""
    shown, question_mark, _ = redacted(url, limit=4_096).partition("?")
    return f"{shown}?…" if question_mark else shown


def _hidden(text: str) -> str:
    for secret in tuple(_known):
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
