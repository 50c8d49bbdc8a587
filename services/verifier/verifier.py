"""Verifies a replica: each packet by fresh reads, then the listing, then the source once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from itertools import chain

from course_backfill.claims import HeldClaim
from course_backfill.clock import Clock, to_text
from course_backfill.courses import CourseId
from course_backfill.errors import Fenced
from course_backfill.failures import ADVICE, Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepCompleted, StepFailed, StepResult, StepSucceeded
from course_backfill.ingest_store import IngestStore
from course_backfill.ingests import Ingest, Packet, Replica, SourceCheck, Stage
from course_backfill.inventory import Fault, SourceObject, changes
from course_backfill.locations import PRIMARY, Location, result_key
from course_backfill.manifests import Entry
from course_backfill.messages import Step, StepMessage
from course_backfill.packet_store import PacketStore
from course_backfill.ports import CourseSource, ObjectReader
from course_backfill.results import Copied, Results
from course_backfill.sorting import in_inventory_order
from course_backfill.source_reading import Removed
from services.verifier.fixity import FixityChecker, Method
from services.verifier.listing import listing_faults

EXAMPLES = 10


class Verifier:
    """Reads everything back; what it finds to differ fails the ingest, whatever was asked for."""

    def __init__(
        self,
        *,
        source: CourseSource,
        location: Location,
        reader: ObjectReader,
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        executor: Executor,
        method: Method,
        clock: Clock,
        new_id: Callable[[], str],
        renew_every: float,
    ) -> None:
        self._source = source
        self._location = location
        self._reader = reader
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._executor = executor
        self._method = method
        self._clock = clock
        self._new_id = new_id
        self._renew_every = renew_every

    def verify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Verifies the message's packet, or the replica as a whole where it names none."""
        if message.packet is None:
            return self._verify_replica(ingest, message)
        location = self._location.id
        if self._packets.get(ingest.id, location, message.packet).verified is None:
            packet = self._packets.claim(ingest, location, message.packet, claimant=self._new_id())
            if packet is not None:
                self._verify_packet(ingest, packet)
        if not self._all_verified(self._packets.replica(ingest.id, location)):
            return StepCompleted()
        whole = message.model_copy(update={"packet": None})
        return StepSucceeded([whole])

    def _verify_packet(self, ingest: Ingest, packet: Packet) -> None:
        with HeldClaim(self._packets, ingest, packet, every=self._renew_every) as claim:
            checker = FixityChecker(
                reader=self._reader,
                executor=self._executor,
                method=self._method,
                prefix=self._location.prefix_of(ingest),
                check=claim.check,
            )
            entries = self._entries_of(packet)
            bad = list(checker.mismatches(entries))
            attempt = packet.claimant or ""
            result = result_key(ingest.id, packet.replica, packet.number, attempt, "verified")
            self._results.write(result, bad)
            claim.check()
            size = _size(entry.source for entry in entries) - _size(one.source for one in bad)
            if not self._packets.verified_packet(
                ingest, packet, result=result, mismatched=len(bad), size=size
            ):
                raise Fenced(f"packet {packet.number} of ingest {ingest.id} was taken over")

    def _entries_of(self, packet: Packet) -> list[Entry]:
        outcomes = self._results.of_packet(packet.copied) if packet.copied else iter(())
        return [outcome.entry for outcome in outcomes if isinstance(outcome, Copied)]

    @staticmethod
    def _all_verified(replica: Replica) -> bool:
        return replica.packets_verified >= replica.packets

    def _verify_replica(self, ingest: Ingest, message: StepMessage) -> StepResult:
        replica = self._packets.replica(ingest.id, self._location.id)
        if not self._all_verified(replica):
            return StepCompleted()
        failures = self._failures(ingest, replica)
        first = next(failures, None)
        if first is not None:
            return self._failed(ingest, replica, first, failures)
        check = self._closing_check(ingest)

        def verified(now: Ingest) -> Ingest:
            moved = advanced(now, message, Stage.AGGREGATING)
            return moved.model_copy(update={"source_check": check})

        description = f"Verified {replica.objects_verified} objects, {replica.bytes_verified} bytes"
        aggregating = self._ingests.update(
            ingest.id,
            verified,
            event=self._ingests.event(
                Step.VERIFY, "succeeded", description + _freshness(check), replica=replica.location
            ),
            extra=lambda before, after: [self._packets.verified(ingest.id, replica.location)],
        )
        return StepSucceeded(self._flow.messages(aggregating))

    def _failed(
        self, ingest: Ingest, replica: Replica, first: Failure, others: Iterator[Failure]
    ) -> StepFailed:
        """Lists what differs after the bad objects that copying found and was to record."""
        recorded = self._results.copying_failures(ingest, replica.location)
        listed = self._results.write_failures(ingest, chain(recorded, [first], others))
        detail = (
            f"{listed - replica.bad} finding(s) where copies are not what was sent, "
            f"the first at {first.path!r}: {first.detail}"
        )
        whole = Failure.of_ingest(first.code, detail, stage=Stage.VERIFYING)
        return StepFailed(whole, objects=listed)

    def _failures(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        """Everything that differs: normally nothing."""
        yield from self._results.verification_failures(ingest, replica.location)
        prefix = self._location.prefix_of(ingest)
        for key, fault in listing_faults(prefix, self._entries(ingest), self._reader.list(prefix)):
            yield _listing_failure(key, fault)

    def _entries(self, ingest: Ingest) -> Iterator[Entry]:
        for outcome in self._results.copied(ingest, self._location.id):
            if isinstance(outcome, Copied):
                yield outcome.entry

    def _closing_check(self, ingest: Ingest) -> SourceCheck | None:
        """How the source differs by now from what was read; only the primary was read from it."""
        if self._location.id != PRIMARY:
            return ingest.source_check
        checked_date = to_text(self._clock())
        course = CourseId.parse(ingest.course)
        now = in_inventory_order(self._source.inventory(course, check_chunks=False))
        counts = {"added": 0, "changed": 0, "removed": 0}
        examples: list[str] = []
        for change in changes(self._as_read(ingest), now):
            counts[change.change] += 1
            if len(examples) < EXAMPLES:
                examples.append(change.path)
        return SourceCheck(
            checked_date=checked_date,
            stale=any(counts.values()),
            examples=tuple(examples),
            **counts,
        )

    def _as_read(self, ingest: Ingest) -> Iterator[SourceObject]:
        """Bad objects were read too; those that were removed are to be absent."""
        for outcome in self._results.copied(ingest, self._location.id):
            if not isinstance(outcome, Removed):
                yield outcome.source


def _size(objects: Iterable[SourceObject]) -> int:
    return sum(one.size for one in objects)


def _freshness(check: SourceCheck | None) -> str:
    if check is None or not check.stale:
        return "; the source is unchanged"
    return (
        f"; the source changed meanwhile: {check.added} added, "
        f"{check.changed} changed, {check.removed} removed"
    )


def _listing_failure(key: str, fault: Fault) -> Failure:
    return Failure(
        stage=Stage.VERIFYING,
        code=fault.code,
        detail=fault.detail,
        action=ADVICE[fault.code],
        path=key,
    )
