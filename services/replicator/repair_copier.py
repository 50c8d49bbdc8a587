"""Mends one damaged object from a good copy, whose bytes are hashed again while they pass."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor

from course_backfill.audits import NO_GOOD_REPLICA, REPAIR_REFUSED
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.location_ports import ObjectRepairer
from course_backfill.copies.placements import Placement
from course_backfill.copies.places import ForEachClass, Place
from course_backfill.copies.proven_checksums import proven_crc64
from course_backfill.crc import Crc64
from course_backfill.errors import NotFound, ObjectChanged, ObjectCold, StorageRefused
from course_backfill.inventory import Fault
from course_backfill.ports import BadObject
from services.replicator.location_copier import LocationCopier

REPAIRED = "repaired"

AT_ONCE = 64
"""Objects handed out together: bounds memory, and how long a lost claim goes unnoticed."""

Note = Callable[[ExpectedObject, str], None]
"""Told of each object that is as it is to be: `repaired`, or `found-good` without this repair."""


class RepairCopier:
    """From one location to another; replaces nothing but the very object that was found damaged.

    What is missing is created by `copier`, also if it was deleted since the audit. What was written
    since stays, be it good by now, as after an interrupted repair, or not. What a location refuses
    is told of each object. Raises what else the ports raise, ObjectCold where the good copy must be
    restored first.
    """

    def __init__(
        self,
        *,
        source: Place,
        target: Place,
        copier: LocationCopier,
        repairers: ForEachClass[ObjectRepairer],
        executor: Executor,
        crc64: Crc64,
        check: Callable[[], None],
        note: Note,
    ) -> None:
        self._source = source
        self._target = target
        self._copier = copier
        self._repairers = repairers
        self._executor = executor
        self._crc64 = crc64
        self._check = check
        self._note = note

    def mend(self, objects: Sequence[ExpectedObject]) -> list[Placement]:
        """What became of each object, in any order."""
        done = []
        for start in range(0, len(objects), AT_ONCE):
            self._check()
            group = objects[start : start + AT_ONCE]
            found = [one for one in self._executor.map(self._mend, group) if one is not None]
            done += found
            # The copier uses the same threads: it must not run in one of them.
            there = {one.expected.key for one in found}
            done += self._create([one for one in group if one.key not in there])
        return done

    def _mend(self, one: ExpectedObject) -> Placement | None:
        """None for what has to be created."""
        try:
            return self._replaced(one)
        except StorageRefused as refused:
            return _refused(one, refused)

    def _replaced(self, one: ExpectedObject) -> Placement | None:
        try:
            if self._is_gone(one):
                return None
            if one.damaged_etag is None or self._is_right(one):
                return self._written_since(one)
            self._replace(one, one.damaged_etag)
        except BadObject as bad:
            return Placement(one, fault=bad.fault)
        except ObjectChanged:
            return None if self._is_gone(one) else self._written_since(one)
        except NotFound:
            detail = f"{one.key!r} in {self._source.location.id} was deleted meanwhile"
            return Placement(one, fault=Fault("source-copy-changed", detail))
        self._note(one, REPAIRED)
        return Placement(one)

    def _is_gone(self, one: ExpectedObject) -> bool:
        return self._target.reader.stat(self._target.location.prefix + one.key) is None

    def _create(self, objects: Sequence[ExpectedObject]) -> list[Placement]:
        try:
            placements = self._copier.copy(objects)
        except StorageRefused:
            # One refusal says nothing of the others.
            placements = [self._created(one) for one in objects]
        for one in placements:
            if one.fault is None:
                self._note(one.expected, REPAIRED)
        return placements

    def _created(self, one: ExpectedObject) -> Placement:
        try:
            return self._copier.copy([one])[0]
        except StorageRefused as refused:
            return _refused(one, refused)

    def _replace(self, one: ExpectedObject, etag: str) -> None:
        self._repairers.of(one).replace(
            self._target.location.prefix + one.key,
            self._hashed(one),
            etag=etag,
            size=one.size,
            content_type=one.content_type,
        )

    def _hashed(self, one: ExpectedObject) -> Iterator[bytes]:
        """The good copy's bytes; raises BadObject, before all have passed, if they are not."""
        sha256, size = hashlib.sha256(), 0
        for block in self._source.reader.read(self._source.location.prefix + one.key):
            self._check()
            sha256.update(block)
            size += len(block)
            if size > one.size:
                break
            yield block
        if size != one.size or sha256.hexdigest() != one.sha256:
            detail = f"{one.key!r} in {self._source.location.id} is damaged by now"
            raise BadObject(Fault("source-copy-damaged", detail))

    def _written_since(self, one: ExpectedObject) -> Placement:
        """The object is another one than the audit saw: right, or for another audit."""
        if self._is_right(one):
            self._note(one, "found-good")
            return Placement(one)
        where = self._target.location.id
        detail = f"{one.key!r} in {where} was written since the audit"
        return Placement(one, fault=Fault("changed-since-audit", detail))

    def _is_right(self, one: ExpectedObject) -> bool:
        key = self._target.location.prefix + one.key
        sha256 = hashlib.sha256()
        try:
            for block in self._target.reader.read(key):
                self._check()
                sha256.update(block)
        except NotFound:
            return False
        except ObjectCold:
            return self._is_stored_right(one)
        return sha256.hexdigest() == one.sha256

    def _is_stored_right(self, one: ExpectedObject) -> bool:
        """By the checksums that S3 stored: those of a good copy are told by its bytes."""
        there = self._target.reader.stat(self._target.location.prefix + one.key)
        if there is None or there.size != one.size:
            return False
        if there.sha256 is not None:
            return there.sha256 == one.sha256
        proven = proven_crc64(self._source, one, crc64=self._crc64, check=self._check)
        return proven is not None and proven == there.crc64


def _refused(one: ExpectedObject, refused: StorageRefused) -> Placement:
    return Placement(one, fault=Fault(REPAIR_REFUSED, str(refused)))


def beyond_repair(one: ExpectedObject, location: str) -> Placement:
    """What becomes of an object that no good copy was found of."""
    detail = f"no location that was audited with {location} has a good copy of {one.key!r} to read"
    return Placement(one, fault=Fault(NO_GOOD_REPLICA, detail))
