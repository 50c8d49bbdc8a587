"""Cursors: where a list goes on, as text that only that list, asked the same way, takes back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence

from course_backfill.errors import InvalidInput, Problem

CHECK_BYTES = 9
MAX_CHARACTERS = 4_096


def encode_cursor(listing: Sequence[object], position: str | None) -> str | None:
    """`listing` is what was asked for: the list's name and its filters. None stays None."""
    if position is None:
        return None
    content = position.encode()
    return base64.urlsafe_b64encode(_check(listing, content) + content).decode().rstrip("=")


def decode_cursor(listing: Sequence[object], cursor: str | None) -> str:
    """The position, "" for no cursor; raises InvalidInput for a cursor of anything else."""
    if not cursor:
        return ""
    try:
        if len(cursor) > MAX_CHARACTERS:
            raise ValueError
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        content = decoded[CHECK_BYTES:]
        if decoded[:CHECK_BYTES] != _check(listing, content):
            raise ValueError
        return content.decode()
    except (ValueError, binascii.Error):
        raise InvalidInput(
            Problem("?cursor", "expected the nextCursor of this list, asked with the same filters")
        ) from None


def _check(listing: Sequence[object], content: bytes) -> bytes:
    asked = json.dumps([None if one is None else str(one) for one in listing]).encode()
    return hashlib.sha256(asked + b"\0" + content).digest()[:CHECK_BYTES]
