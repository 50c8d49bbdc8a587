"""Copies one packet to one location, and sends the replica on when all its packets are done."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from course_backfill.claims import HeldClaim
from course_backfill.crc import Crc64
from course_backfill.errors import Fenced
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced, allotted_version
from course_backfill.ingest_step import StepCompleted, StepFailed, StepResult, StepSucceeded
from course_backfill.ingest_store import IngestStore
from course_backfill.ingests import Ingest, Packet, Replica, Stage
from course_backfill.inventory import SourceObject
from course_backfill.locations import Location, result_key
from course_backfill.manifests import split_lines
from course_backfill.messages import Step, StepMessage
from course_backfill.packet_store import PacketEnd, PacketStore
from course_backfill.ports import CourseSource, ObjectReader, ObjectWriter, WorkStore
from course_backfill.results import DESTINATION_FAULTS, Copied, Outcome, Results
from course_backfill.source_reading import Bad, Removed
from services.replicator.packet_copier import PacketCopier


class Replicator:
    """Idempotent per packet: whatever an earlier delivery did is found and not done again."""

    def __init__(
        self,
        *,
        source: CourseSource,
        location: Location,
        reader: ObjectReader,
        writer: ObjectWriter,
        work: WorkStore,
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        executor: ThreadPoolExecutor,
        crc64: Crc64,
        new_id: Callable[[], str],
        renew_every: float,
    ) -> None:
        self._source = source
        self._location = location
        self._reader = reader
        self._writer = writer
        self._work = work
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._executor = executor
        self._crc64 = crc64
        self._new_id = new_id
        self._renew_every = renew_every

    def replicate(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Copies the message's packet unless that is done or being done, then decides."""
        location, number = self._location.id, message.packet
        if number is not None and self._packets.get(ingest.id, location, number).copied is None:
            packet = self._packets.claim(ingest, location, number, claimant=self._new_id())
            if packet is not None:
                self._copy(ingest, packet)
        return self._decide(ingest, message)

    def _copy(self, ingest: Ingest, packet: Packet) -> None:
        with HeldClaim(self._packets, ingest, packet, every=self._renew_every) as claim:
            copier = self._copier(ingest, packet, claim)
            outcomes = copier.copy(self._planned(ingest, packet))
            claim.check()
            result = self._result(ingest, packet)
            self._results.write(result, outcomes)
            end = PacketEnd(
                result,
                size=sum(one.source.size for one in outcomes if isinstance(one, Copied)),
                bad=_count(outcomes, Bad),
                removed=_count(outcomes, Removed),
            )
            if not self._packets.copied(ingest, packet, end):
                raise Fenced(f"packet {packet.number} of ingest {ingest.id} was taken over")

    def _copier(self, ingest: Ingest, packet: Packet, claim: HeldClaim) -> PacketCopier:
        return PacketCopier(
            source=self._source,
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

    def _planned(self, ingest: Ingest, packet: Packet) -> list[SourceObject]:
        if ingest.inventory is None:
            raise Fenced(f"ingest {ingest.id} has no inventory")
        blocks = self._work.read(
            ingest.inventory.key, start=packet.offset, end=packet.offset + packet.length
        )
        return [SourceObject.from_line(line) for line in split_lines(blocks)]

    def _result(self, ingest: Ingest, packet: Packet) -> str:
        attempt = packet.claimant or ""
        return result_key(ingest.id, packet.replica, packet.number, attempt, "copied")

    def _decide(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Whether the ingest fails is decided once: when all packets are done."""
        replica = self._packets.replica(ingest.id, self._location.id)
        if replica.packets_copied < replica.packets:
            return StepCompleted()
        if replica.bad:
            failed = self._failed(ingest, replica)
            if failed:
                return failed
        description = f"Copied {replica.objects_done} objects, {replica.bytes_done} bytes"
        event = self._ingests.event(
            Step.REPLICATE, "succeeded", description, replica=replica.location
        )

        def copied(now: Ingest) -> Ingest:
            moved = advanced(now, message, Stage.VERIFYING)
            return moved.model_copy(update={"failure_count": replica.bad})

        verifying = self._ingests.update(
            ingest.id,
            copied,
            event=event,
            extra=lambda before, after: [self._packets.verifying(ingest.id, replica.location)],
        )
        return StepSucceeded(self._flow.messages(verifying))

    def _failed(self, ingest: Ingest, replica: Replica) -> StepFailed | None:
        """The failure that bad objects make, unless the request has them recorded."""
        listed = self._results.write_failures(
            ingest, self._results.copying_failures(ingest, replica.location)
        )
        failures = self._results.copying_failures(ingest, replica.location)
        fatal = (
            one
            for one in failures
            if ingest.corrupt_objects == "fail" or one.code in DESTINATION_FAULTS
        )
        first = next(fatal, None)
        if first is None:
            return None
        detail = f"{listed} object(s) could not be copied, the first is {first.path!r}: "
        whole = Failure.of_ingest(first.code, detail + first.detail, stage=Stage.REPLICATING)
        return StepFailed(whole, objects=listed)


def _count(outcomes: list[Outcome], kind: type[Outcome]) -> int:
    return sum(isinstance(outcome, kind) for outcome in outcomes)
