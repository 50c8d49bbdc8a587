"""The source: where course content is now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from course_backfill.courses import CourseId
from course_backfill.inventory import Fault, SourceObject


@dataclass(frozen=True, slots=True)
class ReadObject:
    """What one read of one source object gave: its bytes, or what is wrong with them."""

    source: SourceObject
    content: bytes | Fault


class CourseSource(Protocol):
    """Where course content is now. Never written to; memory stays bounded whatever the course.

    Every verb raises SourceUnavailable when trying again may help and SourceRefused when not.
    """

    @property
    def database(self) -> str:
        """The name of its database, which may have to be found first."""
        ...

    def discover(self) -> Iterator[CourseId]:
        """Every course the source knows of, each once."""
        ...

    def inventory(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """The course's objects as their documents stand now (primary, majority), in any order.

        With `check_chunks`, what the index of the chunks shows to be wrong is in `fault`.
        """
        ...

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """How the documents of these objects stand now, in the same order; None for one gone."""
        ...

    def read_batch(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        """The bytes of small objects, each once, in any order, a few queries for all of them.

        Chunk numbers and lengths are checked against the document; digests are not.
        """
        ...

    def stream(self, found: SourceObject) -> Iterator[bytes]:
        """The bytes of one object, block by block; raises BadObject where chunks do not fit."""
        ...

    def sharing(self, course: CourseId) -> list[CourseId]:
        """The other courses that the same files belong to."""
        ...


class BadObject(Exception):
    """A stream met chunks that do not fit the document; `fault` says which."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault
