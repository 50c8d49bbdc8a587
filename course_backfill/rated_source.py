"""A course source of which content is read no faster than the read rate of all workers allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from course_backfill.courses import CourseId
from course_backfill.inventory import SourceObject
from course_backfill.ports import CourseSource, ReadObject
from course_backfill.source_reading import BATCH_BYTES, batches
from course_backfill.stores.read_shares import Check, ReadShares


class RatedSource:
    """Any CourseSource for one piece of work; `check` is called while it waits, and may raise.

    What is read is paid for beforehand, by the sizes of the documents. Documents themselves are
    no content: inventories, discoveries and looks at the present state wait for no share.
    """

    def __init__(self, source: CourseSource, shares: ReadShares, check: Check) -> None:
        self._source = source
        self._shares = shares
        self._check = check

    @property
    def database(self) -> str:
        """See CourseSource."""
        return self._source.database

    def discover(self) -> Iterator[CourseId]:
        """See CourseSource."""
        return self._source.discover()

    def inventory(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """See CourseSource."""
        return self._source.inventory(course, check_chunks=check_chunks)

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """See CourseSource."""
        return self._source.current(objects)

    def read_batch(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        """See CourseSource; no more at a time than a usual share has, or one object."""
        for batch in batches(objects, most_bytes=self._shares.usual_bytes):
            # What is larger is for streams; whoever reads it at once waits for no made-up length.
            size = min(sum(max(found.size, 0) for found in batch), BATCH_BYTES)
            self._shares.take(size, self._check)
            yield from self._source.read_batch(batch)

    def stream(self, found: SourceObject) -> Iterator[bytes]:
        """See CourseSource; waits between blocks, so that the server's cursor waits with it."""
        unpaid = found.size
        paid = 0
        blocks = self._source.stream(found)
        while True:
            if paid <= 0 < unpaid:
                share = min(unpaid, self._shares.usual_bytes)
                self._shares.take(share, self._check)
                paid, unpaid = paid + share, unpaid - share
            block = next(blocks, None)
            if block is None:
                return
            paid -= len(block)
            yield block

    def sharing(self, course: CourseId) -> list[CourseId]:
        """See CourseSource."""
        return self._source.sharing(course)
