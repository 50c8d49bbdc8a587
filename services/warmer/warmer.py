"""Has cold objects restored, and holds the ingest back until they can be read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.cold_storage import Warmth, warmth
from course_backfill.courses import CourseId
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepResult, StepSucceeded, StepWaiting
from course_backfill.ingest_store import IngestStore
from course_backfill.ingests import Ingest, Stage
from course_backfill.location_ports import ObjectRestorer
from course_backfill.locations import Location
from course_backfill.messages import StepMessage
from course_backfill.packet_store import PacketStore
from course_backfill.places import Place, Places
from course_backfill.ports import WorkStore
from course_backfill.replica_planning import expected_objects, joined


class Warmer:
    """The listing is the truth: nothing is stored about single objects."""

    def __init__(
        self,
        *,
        places: Places,
        restorer: Callable[[Location], ObjectRestorer],
        work: WorkStore,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        clock: Clock,
        patience: timedelta,
    ) -> None:
        self._places = places
        self._restorer = restorer
        self._work = work
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._clock = clock
        self._patience = patience

    def warm(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Asks for what is cold; goes on once everything that must be read can be."""
        waiting = sum(
            self._ask(ingest, self._places.get(replica.source), replica.expected)
            for replica in self._packets.replicas(ingest.id)
            if replica.expected and replica.source
        )
        if waiting:
            return StepWaiting(
                f"{waiting} object(s) are being restored from cold storage",
                patience=self._patience,
            )
        moved = self._ingests.update(
            ingest.id, lambda now: advanced(now, message, Stage.REPLICATING)
        )
        return StepSucceeded(self._flow.messages(moved))

    def _ask(self, ingest: Ingest, source: Place, expected: str) -> int:
        """How many cannot be read yet, every one of them asked for."""
        restorer = self._restorer(source.location)
        now, waiting = self._clock(), 0
        listing = source.list(CourseId.parse(ingest.course))
        for one, stat, _ in joined(expected_objects(self._work, expected), listing):
            if one.archive is None or one.is_present or stat is None:
                continue
            state = warmth(one.archive, stat.restore, now)
            if state is Warmth.COLD:
                wish = ingest.restore
                restorer.restore(source.location.prefix + one.key, days=wish.days, tier=wish.tier)
            waiting += state is not Warmth.READABLE
        return waiting
