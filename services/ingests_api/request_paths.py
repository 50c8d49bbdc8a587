"""Paths of requests: course ids and entry paths, which hold slashes, become single segments.

API Gateway's HTTP APIs hand a path over decoded, and twice: `%2F` and `%252F` have become `/` by
then; what begins with a `?` after the first time is gone, and a `%` that is left by then and begins
no code is refused (400). So a path is never decoded here but where nothing else is possible: a
course key holds no `%`, hence one that does was encoded (once more) by someone on the way. Names of
entries may hold anything, for which reason a query can ask for them too.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote

from course_backfill.errors import InvalidInput, Problem

COURSES = "/courses/"
COURSE = "course_id"
"""What a refusal calls the course of a path, as the routes do."""
OLD_KEY_PARTS = 3


def routed_path(path: str) -> str:
    """The path with every variable part percent-encoded as one segment, for the router.

    Raises InvalidInput for a path that is not Unicode text.
    """
    if not path.startswith(COURSES):
        return "/".join(_segment(one, "path") for one in path.split("/"))
    course, rest = _split_course(path.removeprefix(COURSES))
    segments = (_segment(one, "path") for one in _joined(rest))
    return "/".join((COURSES.rstrip("/"), _segment(course, COURSE), *segments))


def _split_course(text: str) -> tuple[str, list[str]]:
    """(course id, what follows it): one segment, or the three of the old form."""
    first, *rest = text.split("/")
    decoded = _in_utf_8(lambda: unquote(first, errors="strict"), COURSE) if "%" in first else first
    if decoded.startswith("course-v1:") or "/" in decoded:
        return decoded, rest
    parts = [decoded, *rest]
    return "/".join(parts[:OLD_KEY_PARTS]), parts[OLD_KEY_PARTS:]


def _joined(rest: list[str]) -> list[str]:
    """`versions/{v}/content/{path}`: the path is one part, whatever slashes it has."""
    match rest:
        case ["versions", version, "content", first, *more]:
            return ["versions", version, "content", "/".join((first, *more))]
        case _:
            return rest


def _segment(text: str, pointer: str) -> str:
    return _in_utf_8(lambda: quote(text, safe=""), pointer)


def _in_utf_8(code: Callable[[], str], pointer: str) -> str:
    try:
        return code()
    except UnicodeError:
        raise InvalidInput(Problem(pointer, "expected text in UTF-8, percent-encoded")) from None
