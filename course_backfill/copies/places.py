"""Places: the locations of an installation with the ports that reach them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from course_backfill.cold.storage import INTELLIGENT_TIERING, STANDARD
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.location_ports import ObjectCopier
from course_backfill.courses import CourseId
from course_backfill.errors import Fenced, LocationUnknown
from course_backfill.locations import Location
from course_backfill.ports import ObjectReader, ObjectStat, ObjectWriter
from course_backfill.run_time import in_time

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A location and what reads it."""

    location: Location
    reader: ObjectReader

    def list(self, course: CourseId) -> Iterator[ObjectStat]:
        """Every object of a course, keys relative to the location's prefix, in bytewise order."""
        prefix = self.location.prefix
        for stat in in_time(self.reader.list(self.location.course_prefix(course))):
            yield replace(stat, key=stat.key.removeprefix(prefix))

    def archive_of(self, stat: ObjectStat) -> str | None:
        """The class that a listed object must be restored from before it can be read, if any.

        Listings tell nothing of Intelligent-Tiering's archive tiers: such an object is asked for.
        """
        if stat.storage_class != INTELLIGENT_TIERING or stat.archive is not None:
            return stat.archive
        found = self.reader.stat(self.location.prefix + stat.key)
        return found.archive if found else None


@dataclass(frozen=True, slots=True)
class ForEachClass(Generic[T]):
    """Puts objects into a location: content in its storage class, manifest files in STANDARD."""

    content: T
    manifest_files: T

    def of(self, one: ExpectedObject) -> T:
        """What puts this object there."""
        return self.manifest_files if one.is_manifest_file else self.content


@dataclass(frozen=True, slots=True)
class Writing:
    """How objects get into a location; `copiers` is None where bytes must be streamed."""

    writers: ForEachClass[ObjectWriter]
    copiers: ForEachClass[ObjectCopier] | None


class Places:
    """The configured locations by id; what is not configured any more is an error of its own."""

    def __init__(
        self,
        locations: Mapping[str, Location],
        *,
        reader: Callable[[Location], ObjectReader],
        writer: Callable[[Location, str | None], ObjectWriter],
        copier: Callable[[Location, Location, str | None], ObjectCopier | None],
    ) -> None:
        self._locations = locations
        self._reader = reader
        self._writer = writer
        self._copier = copier

    @property
    def names(self) -> tuple[str, ...]:
        """The configured locations, in the order of the settings."""
        return tuple(self._locations)

    def location(self, name: str) -> Location:
        """The location; raises LocationUnknown."""
        try:
            return self._locations[name]
        except KeyError:
            raise LocationUnknown(
                f"location {name!r} is not in the settings any more; there are: "
                + ", ".join(self._locations)
            ) from None

    def get(self, name: str) -> Place:
        """The location with its reader; raises LocationUnknown."""
        location = self.location(name)
        return Place(location, self._reader(location))

    def source(self, name: str | None) -> Place:
        """Where a plan has something copied from; raises Fenced where it names no location."""
        if name is None:
            raise Fenced("the plan names no location to copy from")
        return self.get(name)

    def writing(self, source: Location, target: Location) -> Writing:
        """How objects get from one location to another."""
        content = self._copier(source, target, None)
        manifests = self._copier(source, target, STANDARD)
        return Writing(
            writers=ForEachClass(self._writer(target, None), self._writer(target, STANDARD)),
            copiers=ForEachClass(content, manifests) if content and manifests else None,
        )
