"""Ids of the contentstore's files documents: what they say, and how to ask for them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

from course_backfill.courses import CourseId
from course_backfill.inventory import KIND_FOLDERS

RawId = str | dict[str, Any]
"""`asset-v1:…` of a split course, or the subdocument of an old one, its key order kept.

The order is part of the id: MongoDB takes the same fields in another order for another id.
"""

SPLIT_PREFIX = "asset-v1:"
OLD_TAG = "c4x"
LIBRARY_RUN = "library"
_TYPE = "+type@"
_BLOCK = "+block@"


@dataclass(frozen=True, slots=True)
class FileName:
    """What an id says of its file: the kind, and the name within course and kind."""

    kind: str
    name: str

    @property
    def path(self) -> str:
        """Where the file belongs in a version; unknown kinds have a folder of their own."""
        folder = KIND_FOLDERS.get(self.kind)
        return f"{folder}/{self.name}" if folder else f"unknown/{self.kind}/{self.name}"


def read_id(raw: object) -> FileName | None:
    """The kind and name that an id holds; None where it is no id of the contentstore.

    The id alone is authoritative: after a re-run, `filename` still names the other course.
    """
    if isinstance(raw, str):
        _, _, rest = raw.partition(_TYPE)
        kind_of_split, _, name_of_split = rest.partition(_BLOCK)
        is_whole = kind_of_split and name_of_split and raw.startswith(SPLIT_PREFIX)
        return FileName(kind_of_split, name_of_split) if is_whole else None
    if not _is_old(raw):
        return None
    kind, name = raw.get("category"), raw.get("name")
    return FileName(kind, name) if kind and name else None


def key_of(raw: object) -> object:
    """A hashable that is equal for equal ids only, the order of their keys included.

    None for what is no id: MongoDB matches an array by any one of its elements.
    """
    if _is_old(raw):
        return tuple(raw.items())
    return raw if isinstance(raw, str) else None


def split_course(raw: str) -> tuple[str, str]:
    """The course key that a split id claims, unchecked, and the end of that course's ids.

    No id of another course sorts before the end. A library's ids hold no run. Of an id without a
    type, both are the id itself.
    """
    course, found, _ = raw.partition(_TYPE)
    if not found:
        return raw, raw
    parts = course.removeprefix(SPLIT_PREFIX)
    if parts.count("+") == 1:
        parts += f"+{LIBRARY_RUN}"
    return f"course-v1:{parts}", _end(course)


def selections(course: CourseId) -> list[dict[str, Any]]:
    """The filters that together match each files document of the course once.

    For split courses they are ranges of the `_id` index, which every server has.
    """
    if course.is_old:
        # The range holds all ids that are subdocuments: without an index on `_id.org`, only the
        # old courses' documents are scanned and not those of every split course.
        return [
            {
                "_id": {"$gte": {}},
                "_id.tag": OLD_TAG,
                "_id.org": course.org,
                "_id.course": course.course,
            }
        ]
    stems = [f"{SPLIT_PREFIX}{course.org}+{course.course}+{course.run}"]
    if course.run == LIBRARY_RUN:
        stems.append(f"{SPLIT_PREFIX}{course.org}+{course.course}")
    return [{"_id": {"$gte": stem + _TYPE, "$lt": _end(stem)}} for stem in stems]


def _is_old(raw: object) -> TypeGuard[dict[str, str | None]]:
    return isinstance(raw, dict) and all(
        value is None or isinstance(value, str) for value in raw.values()
    )


def _end(stem: str) -> str:
    """The end, exclusive, of the ids of one course: `A` is the character after `@`."""
    return stem + _TYPE[:-1] + "A"
