"""Checks of single values, whose refusals are collected with all others of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import AfterValidator

from course_backfill.courses import CourseId, version_id, version_number
from course_backfill.errors import InvalidInput
from course_backfill.messages import SERVICES

Value = TypeVar("Value")


def collected(check: Callable[[], Value]) -> Value:
    """Passes the domain's refusal on as a ValueError, which pydantic collects with all others."""
    try:
        return check()
    except InvalidInput as refusal:
        raise ValueError("; ".join(one.detail for one in refusal.problems)) from None


def checked(check: Callable[[str], str]) -> AfterValidator:
    """Validates a text by a check that raises InvalidInput or ValueError."""

    def validate(text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("expected Unicode text") from None
        return collected(lambda: check(text))

    return AfterValidator(validate)


def course_key(text: str) -> str:
    """A course key, as it is."""
    return str(CourseId.parse(text))


def version_name(text: str) -> str:
    """The name of a version, whether or not there is one of that name."""
    return version_id(version_number(text))


def service_name(text: str) -> str:
    """The name of a service that has a queue."""
    if text not in SERVICES:
        raise ValueError(f"expected one of {', '.join(SERVICES)}")
    return text
