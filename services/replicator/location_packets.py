"""Packets of the second leg: from one location to another, an expected object a line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from course_backfill.claims import HeldClaim
from course_backfill.copies.placements import Placements
from course_backfill.copies.places import Places
from course_backfill.copies.replica_planning import packet_objects
from course_backfill.crc import Crc64
from course_backfill.ingests import Ingest, Packet, Replica
from course_backfill.ports import WorkStore
from course_backfill.stores.packet_counters import PacketEnd
from course_backfill.stores.packets import PacketStore
from services.replicator.location_copier import LocationCopier


class LocationPackets:
    """Copies one packet of a replica from the location that its plan names."""

    def __init__(
        self,
        *,
        places: Places,
        work: WorkStore,
        packets: PacketStore,
        placements: Placements,
        executor: ThreadPoolExecutor,
        crc64: Crc64,
    ) -> None:
        self._places = places
        self._work = work
        self._packets = packets
        self._placements = placements
        self._executor = executor
        self._crc64 = crc64

    def copy(self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str) -> PacketEnd:
        """Copies the packet; its placements go to the work bucket's file `result`."""
        replica = self._packets.replica(ingest.id, packet.replica)
        copier = self._copier(replica, claim, is_repeat=packet.attempts > 1)
        placements = copier.copy(list(packet_objects(self._work, replica, packet)))
        claim.check()
        self._placements.write(result, placements)
        placed = [one.expected.size for one in placements if one.fault is None]
        return PacketEnd(result, size=sum(placed), bad=len(placements) - len(placed))

    def _copier(self, replica: Replica, claim: HeldClaim, *, is_repeat: bool) -> LocationCopier:
        source = self._places.source(replica.source)
        target = self._places.get(replica.location)
        writing = self._places.writing(source.location, target.location)
        return LocationCopier(
            source=source,
            target=target,
            writing=writing,
            executor=self._executor,
            crc64=self._crc64,
            is_repeat=is_repeat,
            check=claim.check,
        )
