"""The API's names for things, said as the command line calls them."""

from __future__ import annotations

import re

_PLACES = {
    "": "",
    "/course/id": "COURSE",
    "/locations": "--location",
    "/sourceLocation": "--from",
    "/sourceLocation/id": "--from",
    "/restoreTier": "--tier",
    "/restoreDays": "--days",
    "course_id": "COURSE",
    "ingest_id": "INGEST",
    "path": "PATH",
    "version": "--version",
}
"""What has no option of its own name: pointer → argument or option."""

_FIELDS = ("corruptObjects", "dryRun", "onFailure", "readSource")
"""Fields that sentences of the API name."""


def option_of(pointer: str) -> str:
    """The option or argument behind a pointer of a refusal; a header stays as it is."""
    if pointer in _PLACES:
        return _PLACES[pointer]
    if pointer.startswith("/ids"):
        return "ID"
    if pointer.startswith(("?", "/")):
        return _option(pointer[1:].partition("/")[0])
    return pointer


def as_options(sentence: str) -> str:
    """A sentence of the API with options for its fields, and commands for its routes."""
    sentence = re.sub(r" \(in the API [^)]+\)", "", sentence)
    for field in _FIELDS:
        sentence = re.sub(rf"\b{field}\b:?", _option(field), sentence)
    return re.sub(r"\b(?:GET|POST|PUT) /\S+ \((course-backfill [^)]+)\)", r"\1", sentence)


def _option(name: str) -> str:
    return "--" + re.sub(r"(?<=[a-z])([A-Z])", r"-\1", name).replace("_", "-").lower()
