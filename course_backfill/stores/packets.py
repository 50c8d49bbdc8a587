"""Replicas and packets of ingests: claims, results, and the counters that packets' ends add to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from course_backfill.audits import FindingsTally
from course_backfill.clock import Clock, to_text
from course_backfill.errors import ConditionFailed, Fenced, NotFound
from course_backfill.ingests import PRIMARY, Ingest, Packet, Replica, ReplicaStatus, Stage
from course_backfill.messages import Step
from course_backfill.metrics import BAD_OBJECTS, BYTES, OBJECTS
from course_backfill.ports import Condition, Key, Meter, StateStore, Write
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packet_counters import (
    PacketEnd,
    copied_counters,
    reopened_counters,
    verified_counters,
)
from course_backfill.stores.still_wanted import StillWanted

TABLE = "ingests"
_EXISTS = (Condition("pk", "exists"),)
PLANNED_TOGETHER = 50
"""Packets stored in one transaction, which holds 100 writes at most."""


class PacketStore:
    """Stores the packets of each replica; an item per packet, none grows with its files."""

    def __init__(
        self,
        state: StateStore,
        ingests: IngestStore,
        clock: Clock,
        *,
        lease: timedelta,
        meter: Meter,
    ) -> None:
        self._state = state
        self._ingests = ingests
        self._clock = clock
        self._lease = lease
        self._meter = meter

    # --- planning ---

    def plan(self, ingest: Ingest, replica: str, packets: Sequence[Packet]) -> None:
        """Stores the planned packets of a replica, in place of what an earlier plan left of its.

        Raises Fenced once the ingest is past planning: from then on packets belong to workers.
        """
        earlier = [packet.number for packet in self.packets(ingest.id, replica)]
        writes = [
            Write(_packet_key(ingest.id, replica, one.number), item=one.to_item())
            for one in packets
        ]
        writes += [
            Write(_packet_key(ingest.id, replica, number), delete=True)
            for number in earlier
            if number >= len(packets)
        ]
        for start in range(0, len(writes), PLANNED_TOGETHER):
            some = writes[start : start + PLANNED_TOGETHER]
            try:
                self._state.write(self._ingests.current(ingest), *some)
            except ConditionFailed:
                raise Fenced(f"ingest {ingest.id} has been planned already") from None

    def replica_writes(self, ingest: Ingest, planned: Sequence[Replica]) -> list[Write]:
        """Stores planned replicas, for the transaction that ends planning.

        What an earlier plan left of others goes, but for the primary that a version came to first.
        """
        staying = {one.location for one in planned} | ({PRIMARY} if ingest.version else set())
        left = {one.location for one in self.replicas(ingest.id)} - staying
        put = [Write(_replica_key(ingest.id, one.location), item=one.to_item()) for one in planned]
        return put + [Write(_replica_key(ingest.id, one), delete=True) for one in sorted(left)]

    def status_write(self, ingest: str, replica: str, status: ReplicaStatus) -> Write:
        """The replica's status, for the transaction that moves the ingest."""
        return Write(_replica_key(ingest, replica), assign={"status": status.value}, when=_EXISTS)

    def told(self, ingest: str, replica: str, tally: FindingsTally) -> Write:
        """What was found in the replica, for the transaction that moves the stage."""
        found: dict[str, object] = {
            "damaged": tally.damaged,
            "beyondRepair": tally.beyond_repair,
            "surplus": tally.surplus,
            "unread": tally.unread,
            "status": ReplicaStatus.VERIFIED.value,
        } | ({"refusal": tally.refusal} if tally.refusal else {})
        return Write(_replica_key(ingest, replica), assign=found, when=_EXISTS)

    def refused(self, ingest: str, replica: str, refusal: str) -> None:
        """The replica's location could not be read."""
        key = _replica_key(ingest, replica)
        self._state.write(Write(key, assign={"refusal": refusal}, when=_EXISTS))

    # --- reading ---

    def replica(self, ingest: str, location: str) -> Replica:
        """One replica; raises NotFound."""
        item = self._state.get(_replica_key(ingest, location))
        if item is None:
            raise NotFound(f"ingest {ingest} has no replica in {location}")
        return Replica.from_item(item)

    def replicas(self, ingest: str) -> list[Replica]:
        """All replicas of an ingest; none before it is planned."""
        page = self._state.query(TABLE, ingest, sk_prefix="REPLICA#")
        return [Replica.from_item(item) for item in page.items]

    def get(self, ingest: str, replica: str, number: int) -> Packet:
        """One packet; raises NotFound."""
        item = self._state.get(_packet_key(ingest, replica, number))
        if item is None:
            raise NotFound(f"ingest {ingest} has no packet {number} in {replica}")
        return Packet.from_item(item)

    def packets(self, ingest: str, replica: str) -> Iterator[Packet]:
        """The replica's packets in the order of the inventory."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._state.query(TABLE, ingest, sk_prefix=f"PACKET#{replica}#", after=cursor)
            yield from (Packet.from_item(item) for item in page.items)
            cursor = page.cursor

    # --- working ---

    def is_claimed(self, packet: Packet) -> bool:
        """Whether a worker holds it now."""
        return packet.is_claimed(self._clock(), self._lease)

    def claim(self, ingest: Ingest, replica: str, number: int, *, claimant: str) -> Packet | None:
        """Claims a packet for `claimant` and counts the attempt.

        None while another claim lives, or where the stage's work on the packet is done already.
        """
        packet = self.get(ingest.id, replica, number)
        if self.is_claimed(packet):
            return None
        try:
            self._state.write(
                self._ingests.current(ingest),
                Write(
                    _packet_key(ingest.id, replica, number),
                    assign={"claimant": claimant, "claimedUntil": self._lease_end()},
                    add={"attempts": 1},
                    when=(
                        Condition("claimedUntil", "equals", packet.claimed_until),
                        Condition(_done_in(ingest), "absent"),
                    ),
                ),
            )
        except ConditionFailed:
            return None
        return packet.model_copy(update={"claimant": claimant, "attempts": packet.attempts + 1})

    def renew(self, ingest: Ingest, packet: Packet) -> bool:
        """Renews the claim; False where the claim or the ingest's epoch is no longer ours."""
        try:
            self._state.write(
                self._ingests.current(ingest),
                Write(
                    _packet_key(ingest.id, packet.replica, packet.number),
                    assign={"claimedUntil": self._lease_end()},
                    when=(Condition("claimant", "equals", packet.claimant),),
                ),
            )
        except ConditionFailed:
            return False
        return True

    def still_wanted(self, ingest: Ingest) -> StillWanted:
        """The checks of whoever works on a packet for long, besides those of the claim."""
        every = self._ingests.sign_every
        return StillWanted(self._ingests, ingest, self._clock, every=every)

    def release(self, ingest: Ingest, packet: Packet) -> None:
        """Gives the claim back unfinished, so that the next delivery need not wait."""
        key = _packet_key(ingest.id, packet.replica, packet.number)
        mine = (Condition("claimant", "equals", packet.claimant),)
        try:
            self._state.write(Write(key, remove=["claimant", "claimedUntil"], when=mine))
        except ConditionFailed:
            return

    def copied(self, ingest: Ingest, packet: Packet, end: PacketEnd) -> bool:
        """Ends the copying of a packet: its result and the replica's counters, in one transaction.

        False where the claim or the epoch was lost: nothing was recorded.
        """
        changes = {
            "copied": end.result,
            "bytesCopied": end.size,
            "bad": end.bad,
            "removed": end.removed,
        }
        counters = copied_counters(packet, end)
        if not self._end(ingest, packet, "copied", changes, counters):
            return False
        done = {OBJECTS: counters["objectsDone"], BYTES: end.size, BAD_OBJECTS: end.bad}
        self._meter.emit(done, by=Step.REPLICATE)
        return True

    def verified_packet(
        self, ingest: Ingest, packet: Packet, *, result: str, mismatched: int, size: int
    ) -> bool:
        """Ends the verification of a packet, likewise; `size` counts the bytes that were right."""
        counters = verified_counters(packet, mismatched=mismatched, size=size)
        changes = {"verified": result, "mismatched": mismatched, "bytesVerified": size}
        if not self._end(ingest, packet, "verified", changes, counters):
            return False
        done = {OBJECTS: counters["objectsVerified"], BYTES: size, BAD_OBJECTS: mismatched}
        self._meter.emit(done, by=Step.VERIFY)
        return True

    def reopen(self, ingest: Ingest, packet: Packet) -> None:
        """Takes a packet with bad objects or copies back, so that a retry does it again."""
        key = _packet_key(ingest.id, packet.replica, packet.number)
        same = (Condition("copied", "equals", packet.copied),)
        counts = ("bytesCopied", "bad", "removed", "mismatched", "bytesVerified")
        self._state.write(
            self._ingests.current(ingest),
            Write(key, assign=dict.fromkeys(counts, 0), remove=["copied", "verified"], when=same),
            Write(_replica_key(ingest.id, packet.replica), add=reopened_counters(packet)),
        )

    def _end(
        self,
        ingest: Ingest,
        packet: Packet,
        done: str,
        changes: dict[str, Any],
        counters: dict[str, int],
    ) -> bool:
        try:
            self._state.write(
                self._ingests.current(ingest),
                Write(
                    _packet_key(ingest.id, packet.replica, packet.number),
                    assign=changes,
                    remove=["claimant", "claimedUntil"],
                    when=(
                        Condition("claimant", "equals", packet.claimant),
                        Condition(done, "absent"),
                    ),
                ),
                Write(
                    _replica_key(ingest.id, packet.replica),
                    add=counters,
                    assign={"progressDate": to_text(self._clock())},
                ),
            )
        except ConditionFailed:
            return False
        return True

    def _lease_end(self) -> str:
        return to_text(self._clock() + self._lease)


def _done_in(ingest: Ingest) -> str:
    """The attribute by which a packet is done in the ingest's present stage."""
    return "verified" if ingest.stage is Stage.VERIFYING else "copied"


def _packet_key(ingest: str, replica: str, number: int) -> Key:
    return Key(TABLE, ingest, f"PACKET#{replica}#{number:06d}")


def _replica_key(ingest: str, replica: str) -> Key:
    return Key(TABLE, ingest, f"REPLICA#{replica}")
