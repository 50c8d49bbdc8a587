"""Takes what must stay secret out of text that is stored, logged or shown."""

from __future__ import annotations

import re

HIDDEN = "[hidden]"

_SECRETS = (
    # The user and password of any URL, a MongoDB URI's above all.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#'\"]*@"), rf"\1{HIDDEN}@"),
    # The query of a URL: presigned links and callback URLs carry their secrets there.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)\?[^\s#'\"<>]*"), rf"\1?{HIDDEN}"),
    (re.compile(r"(?i)(x-amz-[a-z-]+|signature|awsaccesskeyid)=[^\s&'\"]+"), rf"\1={HIDDEN}"),
    (re.compile(r"(?i)(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(?i)(password|passwd|pwd|secret|token|api[-_]?key)(['\"]?\s*[=:]\s*)\S+"),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), HIDDEN),
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def redacted(text: str, *, limit: int = 500) -> str:
    """The text on one line, without credentials, tokens or signed queries, cut at `limit`."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    text = escaped(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def escaped(text: str) -> str:
    """The text with every control and direction character, and lone surrogates, written out."""
    visible = _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    return visible.encode(errors="backslashreplace").decode()


def without_query(url: str) -> str:
    """A URL that may be shown: what follows `?` is left out, and so is any user."""
    shown, question_mark, _ = redacted(url, limit=4_096).partition("?")
    return f"{shown}?…" if question_mark else shown
