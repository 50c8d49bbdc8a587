"""Signs callbacks, so that a receiver knows who sent one, when, and which it has seen before.

signature = HMAC-SHA256(secret, "{timestamp}.{event}." + body), as "v1=" and hexadecimal digits
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

SIGNATURE = "X-Course-Backfill-Signature"
TIMESTAMP = "X-Course-Backfill-Timestamp"
EVENT = "X-Course-Backfill-Event"


def signed_headers(secret: bytes, *, event: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of one delivery; `event` is the same for every delivery of one fact.

    The timestamp (seconds since 1970) is of the delivery: a receiver refuses what is too old.
    """
    timestamp = str(int(now.timestamp()))
    return {
        "Content-Type": "application/json",
        EVENT: event,
        TIMESTAMP: timestamp,
        SIGNATURE: signature(secret, timestamp=timestamp, event=event, body=body),
    }


def signature(secret: bytes, *, timestamp: str, event: str, body: bytes) -> str:
    """The value of the signature header."""
    signed = f"{timestamp}.{event}.".encode() + body
    return "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()
