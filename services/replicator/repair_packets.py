"""Packets of repairs, a damaged object a line; each names the location that it is mended from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from course_backfill.claims import HeldClaim
from course_backfill.cold.storage import STANDARD
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.location_ports import ObjectRepairer
from course_backfill.copies.placements import Placement, Placements
from course_backfill.copies.places import ForEachClass, Place, Places
from course_backfill.copies.replica_planning import packet_objects
from course_backfill.crc import Crc64
from course_backfill.ingests import Ingest, Packet
from course_backfill.locations import Location
from course_backfill.ports import WorkStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packet_counters import PacketEnd
from course_backfill.stores.packets import PacketStore
from services.replicator.location_copier import LocationCopier
from services.replicator.repair_copier import RepairCopier, beyond_repair


class RepairPackets:
    """Mends one packet of a location; what cannot be mended does not keep the rest from it."""

    def __init__(
        self,
        *,
        places: Places,
        repairer: Callable[[Location, str | None], ObjectRepairer],
        work: WorkStore,
        ingests: IngestStore,
        packets: PacketStore,
        placements: Placements,
        executor: ThreadPoolExecutor,
        crc64: Crc64,
    ) -> None:
        self._places = places
        self._repairer = repairer
        self._work = work
        self._ingests = ingests
        self._packets = packets
        self._placements = placements
        self._executor = executor
        self._crc64 = crc64

    def copy(self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str) -> PacketEnd:
        """See PacketCopying; verifying tells what could not be mended, and no fault is counted."""
        replica = self._packets.replica(ingest.id, packet.replica)
        target = self._places.get(replica.location)
        by_source: dict[str | None, list[ExpectedObject]] = defaultdict(list)
        for one in packet_objects(self._work, replica, packet):
            by_source[one.source].append(one)
        done: dict[str, Placement] = {}
        for source, objects in by_source.items():
            if source is None:
                mended = [beyond_repair(one, replica.location) for one in objects]
            else:
                mended = self._copier(ingest, self._places.get(source), target, claim).mend(objects)
            done |= {one.expected.key: one for one in mended}
        claim.check()
        # In the order of the keys, as the packet is.
        placements = [done[key] for key in sorted(done, key=str.encode)]
        self._placements.write(result, placements)
        return PacketEnd(
            result, size=sum(one.expected.size for one in placements if one.fault is None)
        )

    def _copier(
        self, ingest: Ingest, source: Place, target: Place, claim: HeldClaim
    ) -> RepairCopier:
        writing = self._places.writing(source.location, target.location)
        copier = LocationCopier(
            source=source,
            target=target,
            # Inside S3 no byte would be hashed again.
            writing=replace(writing, copiers=None),
            executor=self._executor,
            crc64=self._crc64,
            check=claim.check,
        )
        return RepairCopier(
            source=source,
            target=target,
            copier=copier,
            repairers=ForEachClass(
                self._repairer(target.location, None),
                self._repairer(target.location, STANDARD),
            ),
            executor=self._executor,
            crc64=self._crc64,
            check=claim.check,
            note=partial(self._note, ingest, target.location.id),
        )

    def _note(self, ingest: Ingest, location: str, one: ExpectedObject, outcome: str) -> None:
        found = one.damaged_sha256 or "not known"
        before = f"sha256 {found}, ETag {one.damaged_etag}" if one.damaged_etag else "missing"
        said = "Repaired from" if outcome == "repaired" else "Found good by now, as in"
        event = self._ingests.event(
            "repair",
            outcome,
            f"{said} {one.source}: {one.key!r} was {before}; it is sha256 {one.sha256}",
            replica=location,
            object=one.key,
        )
        self._ingests.note(ingest, event)
