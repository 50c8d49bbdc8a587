"""Sizes of answers: Lambda hands over 6 MB, as JSON in which a quote takes two bytes."""

from __future__ import annotations

import base64
import gzip
import json
import re
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from services.ingests_api.problems import Refusal
from services.ingests_api.resolver import Next, Resolver

MAX_BYTES = 6 * 1024 * 1024 - 16 * 1024
"""What Lambda takes, less what the rest of an answer needs."""
PAGE_BYTES = 3 * 1024 * 1024
"""A page of a long list ends there: half of it may be quotes."""
PLAIN_CHARACTERS = 500_000
"""Longer ones are compressed; shorter ones fit whatever they hold: JSON takes at most 12 bytes for
a character."""


def fit(app: Resolver, next_middleware: Next) -> Response[Any]:
    """Compresses a large answer for whoever takes that; raises Refusal where it is too large."""
    answer = next_middleware(app)
    text = answer.body or ""
    if len(text) <= PLAIN_CHARACTERS:
        return answer
    if _takes_gzip(app.current_event.headers.get("accept-encoding") or ""):
        compressed = gzip.compress(text.encode(), compresslevel=6, mtime=0)
        answer.body = base64.b64encode(compressed).decode()
        answer.base64_encoded = True
        answer.headers["Content-Encoding"] = "gzip"
    if len(json.dumps(answer.body)) > MAX_BYTES:
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "too-large-answer",
            "The answer is larger than 6 MB: ask for less of it with limit, or accept it "
            "compressed (Accept-Encoding: gzip).",
        )
    return answer


def _takes_gzip(accepted: str) -> bool:
    """Whether gzip is named; `*` alone says it no more than a missing header does."""
    for one in accepted.lower().split(","):
        coding, _, parameters = one.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", parameters)
    return False
