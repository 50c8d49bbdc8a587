"""What the services do to the state, without their work: enough to live an ingest's whole life."""

from __future__ import annotations

import itertools

from course_backfill.courses import Version, version_id
from course_backfill.ingest_states import advanced, is_current, is_over, require_current
from course_backfill.ingests import Ingest, IngestStatus, Packet, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from course_backfill.stores.packet_counters import PacketEnd
from tests.generators import Stores, create_failure, create_packet, create_replica

PRIMARY = "primary"
PACKETS = 2
ORDER = [Stage.REPLICATING, Stage.VERIFYING, Stage.AGGREGATING, Stage.REGISTERING]
STEPS = {
    Stage.REPLICATING: Step.REPLICATE,
    Stage.VERIFYING: Step.VERIFY,
    Stage.AGGREGATING: Step.AGGREGATE,
}

Claim = tuple[Ingest, Packet]


class Services:
    """Each verb is one service's turn on one message; raises what the stores raise."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self._workers = (f"worker-{number}" for number in itertools.count(1))

    def current(self, message: StepMessage) -> Ingest | None:
        """The message's ingest, if the message still counts."""
        ingest = self.stores.ingests.find(message.ingest)
        return ingest if ingest and is_current(ingest, message) else None

    def plan(self, message: StepMessage) -> None:
        """Ends a dry run; resumes a retry; otherwise allots version and packets."""
        ingest = self.current(message)
        if ingest is None:
            return
        if ingest.status is IngestStatus.ACCEPTED:
            change = {"status": IngestStatus.PROCESSING, "stage": Stage.PLANNING}
            ingest = self.stores.ingests.update(
                ingest.id, lambda now: now.model_copy(update=change)
            )
        if ingest.dry_run:
            self.stores.lifecycle.end(ingest, IngestStatus.SUCCEEDED, description="Dry run")
            return
        moved = self._resumed(ingest, message) if ingest.version else self._planned(ingest, message)
        self.stores.outbox.send(self.stores.flow.messages(moved))

    def _planned(self, ingest: Ingest, message: StepMessage) -> Ingest:
        self.stores.packets.plan(ingest, PRIMARY, [create_packet(n) for n in range(PACKETS)])
        course = self.stores.courses.get(ingest.course)
        number = course.last_version_number + 1
        change = {"version": version_id(number), "previous_version": course.latest_version}

        def allotted(before: Ingest, after: Ingest) -> list[Write]:
            return [
                self.stores.courses.allot_version(after, number, last=number - 1),
                *self.stores.packets.replica_writes(after, [create_replica(PACKETS)]),
            ]

        return self.stores.ingests.update(
            ingest.id,
            lambda now: advanced(now, message, Stage.REPLICATING).model_copy(update=change),
            extra=allotted,
        )

    def _resumed(self, ingest: Ingest, message: StepMessage) -> Ingest:
        for packet in self.stores.packets.packets(ingest.id, PRIMARY):
            if packet.copied and packet.bad:
                self.stores.packets.reopen(ingest, packet)
        return self.stores.ingests.update(
            ingest.id, lambda now: advanced(now, message, Stage.REPLICATING)
        )

    def claim(self, message: StepMessage) -> Claim | None:
        """Begins the work on a packet."""
        ingest = self.current(message)
        if ingest is None or message.packet is None:
            return None
        worker = next(self._workers)
        packet = self.stores.packets.claim(ingest, PRIMARY, message.packet, claimant=worker)
        return (ingest, packet) if packet else None

    def end_packet(self, claim: Claim, *, bad: int) -> bool:
        """Records the work on a packet; False where it came too late."""
        ingest, packet = claim
        if ingest.stage is Stage.REPLICATING:
            return self.stores.packets.copied(ingest, packet, PacketEnd("r", size=100, bad=bad))
        return self.stores.packets.verified_packet(
            ingest, packet, result="v", mismatched=0, size=100
        )

    def move_on(self, ingest: str) -> None:
        """Once all packets of the stage are done: fails for bad objects, or opens the next."""
        now = self.stores.ingests.get(ingest)
        if now.status is not IngestStatus.PROCESSING or now.stage not in STEPS:
            return
        replica = self.stores.packets.replica(ingest, PRIMARY)
        done = {ORDER[0]: replica.packets_copied, ORDER[1]: replica.packets_verified}
        if done.get(now.stage, PACKETS) < PACKETS:
            return
        is_fatal = replica.bad and now.corrupt_objects == "fail"
        if now.stage is Stage.REPLICATING and is_fatal:
            failure = create_failure("digest-mismatch")
            self.stores.lifecycle.fail(now, failure, objects=replica.bad)
            return
        message = StepMessage(ingest=ingest, epoch=now.epoch, step=STEPS[now.stage])
        following = ORDER[ORDER.index(now.stage) + 1]
        moved = self.stores.ingests.update(ingest, lambda now: advanced(now, message, following))
        self.stores.outbox.send(self.stores.flow.messages(moved))

    def register(self, message: StepMessage) -> None:
        """Makes the version a registered one."""
        ingest = self.stores.ingests.get(message.ingest)
        version = _version_of(ingest)

        def still_current(now: Ingest) -> Ingest:
            require_current(now, message)
            return now

        self.stores.lifecycle.end(
            ingest,
            IngestStatus.SUCCEEDED,
            description="Registered",
            change=still_current,
            course_writes=lambda after: self.stores.courses.registered(after, version, []),
        )

    def roll_back(self, message: StepMessage) -> None:
        """Ends an ingest as its rollback intends."""
        ingest = self.current(message)
        if ingest is not None and ingest.intended_end is not None:
            self.stores.lifecycle.end(ingest, ingest.intended_end, description="Rolled back")

    def drain(self, ingest: str, *, turns: int = 40) -> None:
        """No more faults: what a sweep sends is done, until the ingest is over."""
        for _ in range(turns):
            if is_over(self.stores.ingests.get(ingest)):
                return
            self.stores.clock.advance(minutes=16)
            self.turn(ingest)
        raise AssertionError(f"{self.stores.ingests.get(ingest)} hangs")

    def turn(self, ingest: str) -> None:
        """Does everything that the present stage waits for."""
        for message in self.stores.flow.messages(self.stores.ingests.get(ingest)):
            self._do(message)
        self.move_on(ingest)

    def _do(self, message: StepMessage) -> None:
        match message.step:
            case Step.PLAN:
                self.plan(message)
            case Step.REPLICATE | Step.VERIFY:
                claim = self.claim(message)
                if claim:
                    assert self.end_packet(claim, bad=0)
            case Step.REGISTER:
                self.register(message)
            case Step.ROLL_BACK:
                self.roll_back(message)
            case Step.DISCOVER | Step.WARM | Step.AGGREGATE | Step.NOTIFY:
                pass  # Nothing of these is a turn of an ingest's life.


def _version_of(ingest: Ingest) -> Version:
    return Version(
        course=ingest.course,
        id=ingest.version or "",
        ingest=ingest.id,
        created_date=ingest.created_date,
        objects=1,
        bytes=1,
        stored_objects=1,
        stored_bytes=1,
        exceptions=0,
        manifest_key="m",
        manifest_sha256="0",
        entries_sha256="0",
        fingerprints={},
        previous_version=ingest.previous_version,
    )
