"""Copies the objects of one packet from the source to one location, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial

import orjson

from course_backfill.checksums import Stored, checksums_of
from course_backfill.copies.object_keys import DEFAULT_TYPE, relative_key
from course_backfill.crc import Crc64
from course_backfill.errors import StorageUnavailable, UploadLost
from course_backfill.inventory import Fault, SourceObject
from course_backfill.manifests import Entry
from course_backfill.ports import BadObject, CourseSource, ObjectReader, ObjectWriter
from course_backfill.results import DESTINATION_FAULTS, Copied, Outcome
from course_backfill.source_reading import (
    Bad,
    Grown,
    Kept,
    Read,
    Removed,
    batches,
    digest_fault,
    read_large,
    read_small,
)
from course_backfill.uploads import (
    LARGE_AT_ONCE,
    MAX_UPLOADS,
    PART_BYTES,
    ObjectDiffers,
    PartedUpload,
    store_hashed,
)
from services.replicator.backlog import Backlog

_Planned = dict[str, SourceObject]
"""Path → the object as it was planned, where it could be copied then."""

KEEPS_ITS_FAULT = DESTINATION_FAULTS | {"duplicate-path"}
"""Faults that say nothing of whether the copy at the object's key is the object's."""
AHEAD_BYTES = 32 * 1024 * 1024
"""What small objects may hold that wait to be stored while further ones are read."""


class PacketCopier:
    """Copies objects below a version's prefix, create-only, and says what became of each.

    Bad objects are outcomes, never errors. Raises what the ports raise, and Fenced by `check`.
    Holds `AHEAD_BYTES` and a batch of small objects, or the parts in flight of two large ones.
    """

    def __init__(
        self,
        *,
        source: CourseSource,
        reader: ObjectReader,
        writer: ObjectWriter,
        executor: ThreadPoolExecutor,
        crc64: Crc64,
        prefix: str,
        location_prefix: str,
        version: str,
        is_repeat: bool,
        check: Callable[[], None],
    ) -> None:
        self._source = source
        self._reader = reader
        self._writer = writer
        self._executor = executor
        self._crc64 = crc64
        self._prefix = prefix
        self._common_prefix = prefix.removeprefix(location_prefix)
        self._version = version
        self._is_repeat = is_repeat
        self._check = check

    def copy(self, objects: Sequence[SourceObject]) -> list[Outcome]:
        """One outcome for each object, in the order of the objects."""
        planned = {found.path: found for found in objects if found.fault is None}
        large = [found for found in objects if found.size > PART_BYTES]
        small = [found for found in objects if found.size <= PART_BYTES]
        outcomes, grown = self._copy_small(small, planned)
        outcomes += self._copy_large(large + grown, planned)
        if self._is_repeat:
            outcomes = [self._settled(outcome, planned) for outcome in outcomes]
        found_as = {_identity(outcome.source): outcome for outcome in outcomes}
        return [found_as[_identity(found)] for found in objects]

    def _copy_small(
        self, objects: Sequence[SourceObject], planned: _Planned
    ) -> tuple[list[Outcome], list[SourceObject]]:
        """Reads on while what was read before is being stored; gives back what is small no more."""
        outcomes: list[Outcome] = []
        grown: list[SourceObject] = []
        store = partial(self._store, planned)
        with Backlog(store, self._executor, most_bytes=AHEAD_BYTES) as storing:
            for batch in batches(objects):
                self._check()
                for read in read_small(self._source, batch):
                    match read:
                        case Read():
                            storing.add(read, size=len(read.content))
                        case Removed() | Bad():
                            outcomes.append(read)
                        case Grown(source):
                            grown.append(source)
            return outcomes + storing.finish(), grown

    def _store(self, planned: _Planned, read: Read) -> Outcome:
        self._check()
        found, content = read.source, read.content
        stored = checksums_of([content])
        fault = digest_fault(found, stored.md5)
        if fault:
            return Bad(found, fault)
        key = self._key(found)
        try:
            store_hashed(
                content,
                stored,
                reader=self._reader,
                writer=self._writer,
                key=self._prefix + key,
                content_type=found.content_type or DEFAULT_TYPE,
            )
        except ObjectDiffers as other:
            return self._earlier_state(found, planned.get(found.path), other)
        return self._copied(found, stored)

    def _copy_large(self, objects: Sequence[SourceObject], planned: _Planned) -> list[Outcome]:
        """While one waits for S3 to open or complete its upload, another is read and sent."""
        with ThreadPoolExecutor(LARGE_AT_ONCE, thread_name_prefix="large") as copying:
            futures = [copying.submit(self._upload, planned, found) for found in objects]
            wait(futures, return_when=FIRST_EXCEPTION)
            copying.shutdown(cancel_futures=True)
            # Those that never began come after the one that failed, so its error is met first.
            return [future.result() for future in futures]

    def _upload(self, planned: _Planned, found: SourceObject) -> Outcome:
        for _ in range(MAX_UPLOADS):
            try:
                outcome = read_large(self._source, found, self._open_upload)
            except UploadLost:
                continue
            except ObjectDiffers as other:
                return self._earlier_state(found, planned.get(found.path), other)
            match outcome:
                case Kept(source, stored):
                    return self._copied(source, stored)
                case Removed() | Bad():
                    return outcome
        key = self._prefix + self._key(found)
        raise StorageUnavailable(f"the upload of {key!r} was lost {MAX_UPLOADS} times")

    def _open_upload(self, found: SourceObject) -> PartedUpload:
        return PartedUpload(
            reader=self._reader,
            writer=self._writer,
            executor=self._executor,
            crc64=self._crc64,
            check=self._check,
            approve=partial(_approve, found),
            key=self._prefix + self._key(found),
            size=found.size,
            content_type=found.content_type or DEFAULT_TYPE,
        )

    def _earlier_state(
        self, found: SourceObject, planned: SourceObject | None, other: ObjectDiffers
    ) -> Outcome:
        """Takes the planned state of the object where an interrupted attempt had stored that.

        The file was saved again since; the copy is what it was when the ingest was planned, which
        its digest proves, and the closing inventory will call the version stale.
        """
        copied = self._planned_state(planned) if planned else None
        return copied or self._other(found, str(other))

    def _settled(self, outcome: Outcome, planned: _Planned) -> Outcome:
        """The same for one that was deleted or damaged after an earlier attempt had stored it."""
        found = outcome.source
        is_without_copy = isinstance(outcome, Removed) or (
            isinstance(outcome, Bad) and outcome.fault.code not in KEEPS_ITS_FAULT
        )
        key = self._prefix + self._key(found)
        if not is_without_copy or self._reader.stat(key) is None:
            return outcome
        before = planned.get(found.path)
        detail = f"{key!r} is not what the source held when the ingest was planned"
        return (self._planned_state(before) if before else None) or self._other(found, detail)

    def _other(self, found: SourceObject, detail: str) -> Bad:
        """Of a repeat, the earlier attempt is the likeliest to have stored what is there."""
        code = "interrupted-copy" if self._is_repeat else "different-object"
        return Bad(found, Fault(code, detail))

    def _planned_state(self, planned: SourceObject) -> Copied | None:
        if planned.declared_md5 is None:
            return None
        stored = checksums_of(self._reader.read(self._prefix + self._key(planned)))
        return None if digest_fault(planned, stored.md5) else self._copied(planned, stored)

    def _copied(self, found: SourceObject, stored: Stored) -> Copied:
        return Copied(
            Entry(
                source=found,
                key=self._key(found),
                version=self._version,
                sha256=stored.sha256,
                md5=stored.md5,
            )
        )

    def _key(self, found: SourceObject) -> str:
        return relative_key(found.path, version_prefix=self._common_prefix)


def _approve(found: SourceObject, stored: Stored) -> None:
    fault = digest_fault(found, stored.md5)
    if fault:
        raise BadObject(fault)


def _identity(found: SourceObject) -> tuple[str, str | bytes]:
    """Tells documents apart, also two that have the same path."""
    raw = found.source_id
    return found.path, raw if isinstance(raw, str) else orjson.dumps(raw)
