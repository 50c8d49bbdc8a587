"""The API's names for things, said as the command line calls them."""

from __future__ import annotations

import re

FIELDS = {
    "corruptObjects": "--corrupt-objects",
    "dryRun": "--dry-run",
    "maxCost": "--max-cost",
    "onFailure": "--on-failure",
    "readSource": "--read-source",
    "restoreDays": "--days",
    "restoreTier": "--tier",
    "sourceLocation": "--from",
}
"""Fields of requests that sentences of the API name → options."""

_PLACES = {f"/{field}": option for field, option in FIELDS.items()} | {
    "": "",
    "/course/id": "COURSE",
    "/locations": "--location",
    "/sourceLocation/id": "--from",
    "course_id": "COURSE",
    "ingest_id": "INGEST",
    "path": "PATH",
    "version": "--version",
}
"""What has no option of its own name: pointer → argument or option."""


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
    for field, option in FIELDS.items():
        sentence = re.sub(rf"\b{field}\b:?", option, sentence)
    return re.sub(r"\b(?:GET|POST|PUT) /\S+ \((course-backfill [^)]+)\)", r"\1", sentence)


def _option(name: str) -> str:
    return "--" + re.sub(r"(?<=[a-z])([A-Z])", r"-\1", name).replace("_", "-").lower()
