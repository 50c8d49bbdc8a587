"""Copies the expected objects of one packet from one location to another, create-only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.placements import Placement
from course_backfill.copies.places import Place, Writing
from course_backfill.crc import Crc64
from course_backfill.errors import (
    CopyRefused,
    NotFound,
    ObjectChanged,
    ObjectExists,
    StorageUnavailable,
    UploadLost,
)
from course_backfill.inventory import Fault
from course_backfill.ports import BadObject, ObjectWriter
from course_backfill.uploads import LARGE_AT_ONCE, MAX_UPLOADS, PART_BYTES, PartedUpload
from services.replicator.backlog import Backlog

T = TypeVar("T")


class LocationCopier:
    """Within S3 where one set of credentials reaches both ends and S3 does, else streamed through
    here.

    What is at a key already is left to the verifier: nothing is ever replaced. What S3 shows to
    have other bytes than the entry's is not copied. What neither ETag nor stored sha256 prove, and
    what is not the object that planning saw, is read, so that its bytes decide; but a large object
    that nothing proves is copied all the same, for the verifier to read.
    `is_repeat` says that what was there at planning may be gone. Raises what the ports raise,
    ObjectCold where the source must be restored first, and Fenced by `check`.
    """

    def __init__(
        self,
        *,
        source: Place,
        target: Place,
        writing: Writing,
        executor: Executor,
        crc64: Crc64,
        is_repeat: bool = False,
        check: Callable[[], None],
    ) -> None:
        self._source = source
        self._target = target
        self._writers = writing.writers
        self._copiers = writing.copiers
        self._executor = executor
        self._crc64 = crc64
        self._is_repeat = is_repeat
        self._check = check

    def copy(self, objects: Sequence[ExpectedObject]) -> list[Placement]:
        """One placement for each object, in their order."""
        placed = _each(self._placed, objects, self._executor)
        left = [one for one, there in zip(objects, placed, strict=True) if there is None]
        # A streamed large object uses the same threads for its parts: it must not hold one.
        with ThreadPoolExecutor(LARGE_AT_ONCE, thread_name_prefix="large") as executor:
            streamed = iter(_each(self._streamed, left, executor))
        return [there or next(streamed) for there in placed]

    def _placed(self, one: ExpectedObject) -> Placement | None:
        """None where the object is large and must be streamed."""
        placement = self._settled(one)
        if placement is None and one.size <= PART_BYTES:
            return self._streamed(one)
        return placement

    def _settled(self, one: ExpectedObject) -> Placement | None:
        """What is there already, or what S3 copies by itself; None where it must be streamed."""
        key = self._target.location.prefix + one.key
        if one.is_present and not (self._is_repeat and self._target.reader.stat(key) is None):
            return Placement(one)
        copiers = self._copiers
        if copiers is None or one.etag is None:
            return None
        self._check()
        try:
            self._approve_unread(one, one.etag)
            copiers.of(one).copy(
                self._source.location.prefix + one.key,
                etag=one.etag,
                key=key,
                size=one.size,
                content_type=one.content_type,
            )
        except ObjectExists:
            return Placement(one)
        except BadObject as bad:
            return Placement(one, fault=bad.fault)
        except (ObjectChanged, NotFound, CopyRefused) as why:
            if isinstance(why, CopyRefused):
                # What holds of this object does of all: S3 is not asked for the others.
                self._copiers = None
            return None
        return Placement(one)

    def _approve_unread(self, one: ExpectedObject, etag: str) -> None:
        """Asks S3 whether the source has the entry's bytes, where its ETag does not tell.

        Of what was uploaded in parts S3 stores no sha256: that is left to the verifier, as is all
        that is large. Raises BadObject, and ObjectChanged where the bytes must be read.
        """
        is_small = one.size <= PART_BYTES
        if one.is_proven_by_etag or (not is_small and "-" in etag):
            return
        key = self._source.location.prefix + one.key
        stat = self._source.reader.stat(key)
        if stat is None or stat.etag != etag or (stat.sha256 is None and is_small):
            raise ObjectChanged(f"nothing but its bytes can tell what {key!r} is")
        if stat.sha256 is not None:
            self._approve(one, stat.sha256)

    def _streamed(self, one: ExpectedObject) -> Placement:
        self._check()
        try:
            self._stream(self._writers.of(one), one)
        except ObjectExists:
            return Placement(one)
        except BadObject as bad:
            return Placement(one, fault=bad.fault)
        except NotFound:
            detail = f"{one.key!r} in {self._source.location.id} was deleted meanwhile"
            return Placement(one, fault=Fault("source-copy-changed", detail))
        return Placement(one)

    def _stream(self, writer: ObjectWriter, one: ExpectedObject) -> None:
        key = self._target.location.prefix + one.key
        if one.size <= PART_BYTES:
            content = b"".join(self._blocks(one))
            self._approve(one, hashlib.sha256(content).hexdigest())
            writer.create(key, content, sha256=one.sha256, content_type=one.content_type)
            return
        for _ in range(MAX_UPLOADS):
            try:
                self._upload(writer, one, key)
            except UploadLost:
                continue
            return
        raise StorageUnavailable(f"the upload of {key!r} was lost {MAX_UPLOADS} times")

    def _blocks(self, one: ExpectedObject) -> Iterator[bytes]:
        """The source's bytes, hardly more than the entry has: a longer object is another one."""
        taken = 0
        for block in self._source.reader.read(self._source.location.prefix + one.key):
            yield block
            taken += len(block)
            if taken > one.size:
                return

    def _upload(self, writer: ObjectWriter, one: ExpectedObject, key: str) -> None:
        upload = PartedUpload(
            reader=None,
            writer=writer,
            executor=self._executor,
            crc64=self._crc64,
            check=self._check,
            approve=lambda stored: self._approve(one, stored.sha256),
            has_md5=False,
            key=key,
            size=one.size,
            content_type=one.content_type,
        )
        try:
            for block in self._blocks(one):
                upload.write(block)
            upload.commit()
        except BadObject:
            upload.discard()
            raise
        except BaseException:
            upload.leave()
            raise

    def _approve(self, one: ExpectedObject, sha256: str) -> None:
        if sha256 != one.sha256:
            raise BadObject(
                Fault(
                    "source-copy-damaged",
                    f"{one.key!r} in {self._source.location.id} has sha256 {sha256}, "
                    f"the entry {one.sha256}",
                )
            )


def _each(
    work: Callable[[ExpectedObject], T], objects: Sequence[ExpectedObject], executor: Executor
) -> list[T]:
    """What came of each, in their order."""
    with Backlog(work, executor) as backlog:
        for one in objects:
            backlog.add(one, size=one.size)
        return backlog.finish()
