"""Trials: single things that the probe tries, and how it says that a promise was broken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import ErrorNames, error_code


class ProbeFailed(Exception):
    """The endpoint did something else than the product relies on; `str()` says what."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to try; `run` gives a sentence on how it went, or raises ProbeFailed.

    `action` says what a failure means for the operator.
    """

    name: str
    action: str
    errors: ErrorNames
    run: Callable[[], str]


def expect_refusal(codes: set[str], call: Callable[[], Mapping[str, Any]]) -> str:
    """The code of the refusal; raises ProbeFailed where the call is accepted."""
    try:
        call()
    except ClientError as error:
        if error_code(error) in codes:
            return error_code(error)
        raise
    raise ProbeFailed("was accepted, and should have been refused")


def expect_equal(what: str, found: object, expected: object) -> None:
    """Raises ProbeFailed, naming both, where they differ."""
    if found != expected:
        raise ProbeFailed(f"{what} is {found!r}, not {expected!r}")
