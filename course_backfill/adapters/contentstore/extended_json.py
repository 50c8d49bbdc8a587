"""BSON values as relaxed extended JSON, with their keys in order."""

from __future__ import annotations

import math
from typing import Any

import orjson
from bson import json_util


def to_json(value: Any) -> Any:
    """What `value` is in relaxed extended JSON; only plain JSON types are in the result.

    Bytes that are no UTF-8, which the decoder leaves as lone surrogates, stay so: see `is_text`.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if isinstance(value, dict):
        return {key: to_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_json(inner) for inner in value]
    if kind is float and math.isfinite(value):
        return value
    return to_json(json_util.default(value, json_util.RELAXED_JSON_OPTIONS))


def is_text(value: Any) -> bool:
    """Whether every string in the JSON value is proper Unicode, so that it can be stored."""
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def escaped(value: Any) -> Any:
    """The JSON value with each byte that is no text written out as `\\xNN`."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {escaped(key): escaped(inner) for key, inner in value.items()}
    return [escaped(inner) for inner in value] if isinstance(value, list) else value
