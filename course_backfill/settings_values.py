"""Kinds of values that settings have, each refused with a sentence that says what was expected."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic.networks import IPvAnyNetwork
from pydantic_settings import NoDecode

SHORTEST_KEY = 16
"""Characters of a key that signs callbacks."""

SLOWEST_READING = 100_000
"""Bytes a second: less is rather a number of kilobytes or megabytes, given by mistake."""


def is_mongo_uri(text: str) -> bool:
    """Whether it begins as URIs of MongoDB do."""
    return text.startswith(("mongodb://", "mongodb+srv://"))


def shaped(pattern: str, sentence: str) -> AfterValidator:
    """A text that matches as a whole; the sentence says what was expected of another one."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {sentence}")
        return text

    return AfterValidator(check)


def _growing(seconds: tuple[int, ...]) -> tuple[int, ...]:
    if any(later <= earlier for earlier, later in pairwise(seconds)):
        raise ValueError("expected each number of seconds to be larger than the one before")
    return seconds


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_plain = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None
        is_plain = is_plain and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain:
        raise ValueError("expected an http:// or https:// URL without user name and password")
    return text.rstrip("/")


def _mongo_uri(uri: SecretStr) -> SecretStr:
    if not is_mongo_uri(uri.get_secret_value()):
        raise ValueError("expected a URI that begins with mongodb:// or mongodb+srv://")
    return uri


def _from_list(given: Any) -> Any:
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    return given


def from_json(given: Any) -> Any:
    """What the environment holds as JSON text, and a file as it is; raises ValueError."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except json.JSONDecodeError:
        raise ValueError("expected JSON") from None


Url = Annotated[str, AfterValidator(_url)]
Namespace = Annotated[
    str,
    shaped(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]", "3 to 40 lower-case letters, digits and hyphens"),
]
Bucket = Annotated[
    str, shaped(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of an S3 bucket")
]
Currency = Annotated[str, shaped(r"[A-Za-z]{1,8}", "the name of a currency, such as USD")]
MongoUri = Annotated[SecretStr, AfterValidator(_mongo_uri)]
SecretName = Annotated[
    str,
    shaped(
        # A name has no colon, and so is no URI that was put here by mistake.
        r"(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}",
        "the name or ARN of a secret in AWS Secrets Manager",
    ),
]
EventBus = Annotated[
    str, shaped(r"[A-Za-z0-9/_.:-]{1,1600}", "the name or ARN of an EventBridge bus")
]

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[int, Field(ge=1)]

# In the environment a list is `a,b`.
TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_from_list)]
NetworkList = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_from_list)]
GrowingSeconds = Annotated[
    tuple[Seconds, ...], NoDecode, BeforeValidator(_from_list), AfterValidator(_growing)
]
