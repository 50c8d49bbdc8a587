"""Plans the second leg of an ingest: what each location is to hold, cut into packets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from course_backfill.clock import Clock, to_text
from course_backfill.cold.costs import RestoreCosts
from course_backfill.copies.expected_objects import ManifestsDisagree
from course_backfill.copies.places import Places
from course_backfill.copies.replica_planning import (
    ExpectedScan,
    UncopiableObjects,
    expected_objects,
    write_expected,
)
from course_backfill.copies.version_objects import ManifestDamaged
from course_backfill.copies.wanted_objects import WantedList
from course_backfill.courses import Version
from course_backfill.errors import NotFound, ObjectCold
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced, require_current
from course_backfill.ingest_step import StepFailed, StepResult, StepSucceeded
from course_backfill.ingests import Ingest, Leg, Packet, Replica, ReplicaStatus, Stage
from course_backfill.locations import expected_key
from course_backfill.messages import StepMessage
from course_backfill.packets import PacketRange
from course_backfill.ports import WorkStore, Write
from course_backfill.results import Results
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore


@dataclass(frozen=True, slots=True)
class PlannedReplica:
    """What one location is to hold: registered versions, and the one that is being made."""

    location: str
    versions: Sequence[Version]
    source: str | None = None
    """The location that it is read from; None where each of its objects names its own."""


ListWriter = Callable[[str], StepFailed | None]
"""Writes a location's list to the file of the work bucket that it is given."""


class LegPlanner:
    """Used by whoever opens the second leg; a repeat finds the lists of the first."""

    def __init__(
        self,
        *,
        places: Places,
        work: WorkStore,
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        clock: Clock,
        new_id: Callable[[], str],
        costs: RestoreCosts,
    ) -> None:
        self._places = places
        self._work = work
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._clock = clock
        self._new_id = new_id
        self._costs = costs

    def write_lists(
        self, ingest: Ingest, message: StepMessage, wanted: Sequence[PlannedReplica]
    ) -> Ingest | StepFailed:
        """Writes what each location is to hold, as it is copied from the ingest's source.

        Of several planners at once the first that is done counts, so that all cut the same
        packets. What cannot be copied from there fails the ingest.
        """
        for one in wanted:
            if not one.versions:
                ingest = self._ingests.update(ingest.id, _listed(message, one.location, ""))
                continue
            listed = self.write_list(
                ingest, message, one.location, partial(self._write_list, ingest, one)
            )
            if isinstance(listed, StepFailed):
                return listed
            ingest = listed
        return ingest

    def write_list(
        self, ingest: Ingest, message: StepMessage, location: str, write: ListWriter
    ) -> Ingest | StepFailed:
        """Has one location's list written, unless it was before."""
        if location in ingest.lists:
            return ingest
        key = expected_key(ingest.id, location, self._new_id())
        failed = write(key)
        if failed:
            return failed
        return self._ingests.update(ingest.id, _listed(message, location, key))

    def begin(
        self,
        ingest: Ingest,
        message: StepMessage,
        wanted: Sequence[PlannedReplica],
        *,
        description: str,
        work: Stage = Stage.REPLICATING,
        change: Callable[[Ingest], Ingest] = lambda ingest: ingest,
    ) -> StepResult:
        """Stores the packets of the lists and opens the leg, at warming where anything is cold.

        `work` is the stage that the packets are cut for; for warming alone there are none. An
        ingest whose restores would cost more than it allows is failed.
        """
        scans = {one.location: ExpectedScan() for one in wanted}
        cut = {one.location: self._cut(ingest, one, scans[one.location], work) for one in wanted}
        replicas = [
            self._replica(one, ingest, scans[one.location], cut[one.location], work)
            for one in wanted
        ]
        is_cold = any(scan.cold for scan in scans.values())
        if is_cold and (refused := self._too_expensive(ingest, wanted)):
            return refused
        has_packets = any(cut.values())
        stage = work if has_packets or work is Stage.WARMING else Stage.VERIFYING
        stage = Stage.WARMING if is_cold else stage

        def begun(now: Ingest) -> Ingest:
            return change(advanced(now, message, stage, Leg.LOCATIONS))

        def stored(before: Ingest, after: Ingest) -> list[Write]:
            return self._packets.replica_writes(ingest, replicas)

        event = self._ingests.event(message.step, "planned", description + _totals(scans, work))
        moved = self._ingests.update(ingest.id, begun, event=event, extra=stored)
        return StepSucceeded(self._flow.messages(moved))

    def _too_expensive(self, ingest: Ingest, wanted: Sequence[PlannedReplica]) -> StepFailed | None:
        if ingest.restore.max_cost_cents is None:
            return None
        tally = self._costs.tally(ingest, self.lists(ingest, wanted))
        return self._costs.refusal(ingest, tally)

    def lists(self, ingest: Ingest, wanted: Sequence[PlannedReplica]) -> list[WantedList]:
        """The lists that were written, to be read again."""
        return [
            WantedList(one.source, partial(expected_objects, self._work, key))
            for one in wanted
            if (key := ingest.lists[one.location])
        ]

    def _write_list(self, ingest: Ingest, one: PlannedReplica, key: str) -> StepFailed | None:
        if one.source is None:
            raise ValueError(f"nothing says what the list of {one.location} is to be copied from")
        source = one.source
        try:
            uncopiable = write_expected(
                self._work,
                key,
                versions=one.versions,
                source=self._places.get(source),
                target=self._places.get(one.location),
            )
        except (ManifestDamaged, ManifestsDisagree, NotFound) as damaged:
            detail = f"{damaged} (in location {source})"
            return StepFailed(Failure.of_ingest("manifest-damaged", detail, stage=ingest.standing))
        except ObjectCold as cold:
            detail = f"{cold} (in location {source})"
            return StepFailed(Failure.of_ingest("manifest-cold", detail, stage=ingest.standing))
        return self._refused(ingest, uncopiable, source) if uncopiable.count else None

    def _refused(self, ingest: Ingest, uncopiable: UncopiableObjects, source: str) -> StepFailed:
        failures = (
            Failure.of_copy(key, fault, source, stage=ingest.standing)
            for key, fault in uncopiable.first
        )
        self._results.write_failures(ingest, failures)
        key, fault = uncopiable.first[0]
        detail = (
            f"{uncopiable.count} object(s) cannot be copied from {source}, "
            f"the first is {key!r}: {fault.detail}"
        )
        whole = Failure.of_ingest("source-copy-damaged", detail, stage=ingest.standing)
        return StepFailed(whole, objects=len(uncopiable.first))

    def _cut(
        self, ingest: Ingest, one: PlannedReplica, scan: ExpectedScan, work: Stage
    ) -> list[PacketRange]:
        key = ingest.lists[one.location]
        ranges = scan.packets(self._work, key) if key else []
        if work is Stage.WARMING:
            return []
        self._packets.plan(ingest, one.location, packets_of(one.location, ranges))
        return ranges

    def _replica(
        self,
        one: PlannedReplica,
        ingest: Ingest,
        scan: ExpectedScan,
        ranges: list[PacketRange],
        work: Stage,
    ) -> Replica:
        # Where there is nothing to copy, the listing is to be verified.
        is_copied_already = work is Stage.REPLICATING and not ranges
        return Replica(
            location=one.location,
            status=ReplicaStatus.VERIFYING if is_copied_already else ReplicaStatus(work.value),
            versions=tuple(version.id for version in one.versions),
            source=one.source,
            expected=ingest.lists[one.location] or None,
            packets=len(ranges),
            objects=scan.objects,
            bytes=scan.size,
            started_date=to_text(self._clock()),
        )


def packets_of(replica: str, ranges: Sequence[PacketRange]) -> list[Packet]:
    """The packets of a replica, one for each range."""
    return [
        Packet(
            replica=replica,
            number=number,
            offset=one.offset,
            length=one.length,
            objects=one.objects,
            bytes=one.bytes,
        )
        for number, one in enumerate(ranges)
    ]


def _listed(message: StepMessage, location: str, key: str) -> Callable[[Ingest], Ingest]:
    def listed(now: Ingest) -> Ingest:
        require_current(now, message)
        if location in now.lists:
            return now
        return now.model_copy(update={"lists": {**now.lists, location: key}})

    return listed


def _totals(scans: Mapping[str, ExpectedScan], work: Stage) -> str:
    done = {Stage.REPLICATING: "copied", Stage.VERIFYING: "read", Stage.WARMING: "warmed"}
    parts = [
        f"{location}: {scan.objects - scan.present} of {scan.objects} objects to be {done[work]}, "
        f"{scan.to_copy} bytes"
        for location, scan in scans.items()
    ]
    return "; ".join(["", *parts])
