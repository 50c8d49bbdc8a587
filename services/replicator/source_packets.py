"""Packets of the first leg: from the source to the primary, a line of the inventory each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from course_backfill.claims import HeldClaim
from course_backfill.crc import Crc64
from course_backfill.errors import Fenced
from course_backfill.ingest_states import allotted_version
from course_backfill.ingests import Ingest, Packet
from course_backfill.inventory import SourceObject
from course_backfill.locations import Location
from course_backfill.manifests import split_lines
from course_backfill.ports import CourseSource, ObjectReader, ObjectWriter, WorkStore
from course_backfill.results import Copied, Outcome, Results
from course_backfill.source_reading import Bad, Removed
from course_backfill.stores.packet_counters import PacketEnd
from course_backfill.stores.read_shares import Check
from services.replicator.packet_copier import PacketCopier


class SourcePackets:
    """Copies one packet of the inventory, and stores what became of each object."""

    def __init__(
        self,
        *,
        source_for: Callable[[Check], CourseSource],
        location: Location,
        reader: ObjectReader,
        writer: ObjectWriter,
        work: WorkStore,
        results: Results,
        executor: ThreadPoolExecutor,
        crc64: Crc64,
    ) -> None:
        """`source_for`: the source, where reading may wait, and calls that check meanwhile."""
        self._source_for = source_for
        self._location = location
        self._reader = reader
        self._writer = writer
        self._work = work
        self._results = results
        self._executor = executor
        self._crc64 = crc64

    def copy(self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str) -> PacketEnd:
        """Copies the packet; its outcomes go to the work bucket's file `result`."""
        copier = PacketCopier(
            source=self._source_for(claim.check),
            reader=self._reader,
            writer=self._writer,
            executor=self._executor,
            crc64=self._crc64,
            prefix=self._location.prefix_of(ingest),
            location_prefix=self._location.prefix,
            version=allotted_version(ingest),
            is_repeat=packet.attempts > 1,
            check=claim.check,
        )
        outcomes = copier.copy(self._planned(ingest, packet))
        claim.check()
        self._results.write(result, outcomes)
        return PacketEnd(
            result,
            size=sum(one.source.size for one in outcomes if isinstance(one, Copied)),
            bad=_count(outcomes, Bad),
            removed=_count(outcomes, Removed),
        )

    def _planned(self, ingest: Ingest, packet: Packet) -> list[SourceObject]:
        if ingest.inventory is None:
            raise Fenced(f"ingest {ingest.id} has no inventory")
        blocks = self._work.read(
            ingest.inventory.key, start=packet.offset, end=packet.offset + packet.length
        )
        return [SourceObject.from_line(line) for line in split_lines(blocks)]


def _count(outcomes: list[Outcome], kind: type[Outcome]) -> int:
    return sum(isinstance(outcome, kind) for outcome in outcomes)
