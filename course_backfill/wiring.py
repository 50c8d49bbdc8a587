"""Wiring: the ports one installation runs on, and the stores that stand on them, made once."""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from datetime import timedelta
from functools import cached_property

from course_backfill.addresses import Address
from course_backfill.clock import Clock
from course_backfill.cold.costs import RestoreCosts
from course_backfill.cold.reads import ColdReads
from course_backfill.cold.tiers import RestoreTiers
from course_backfill.copies.leg_planning import LegPlanner
from course_backfill.copies.location_ports import (
    ObjectCopier,
    ObjectEraser,
    ObjectRepairer,
    ObjectRestorer,
)
from course_backfill.copies.placements import Placements
from course_backfill.copies.places import Places
from course_backfill.crc import Crc64
from course_backfill.dead_letters import DeadLetterStore
from course_backfill.flow import Flow
from course_backfill.ingest_step import IngestStep, Parking, Work
from course_backfill.lifecycle import Lifecycle, Patience
from course_backfill.locations import Location
from course_backfill.ports import (
    CourseSource,
    EventBus,
    Meter,
    ObjectReader,
    ObjectWriter,
    Queues,
    StateStore,
    WorkStore,
)
from course_backfill.rated_source import RatedSource
from course_backfill.results import Results
from course_backfill.settings import Settings
from course_backfill.stores.audits import AuditStore
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.discoveries import DiscoveryStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.stores.read_shares import Check, ReadShares
from course_backfill.work_context import WorkThreads


class Wiring(ABC):
    """Subclasses give the ports; everything else follows. Nothing is made before it is used."""

    settings: Settings
    clock: Clock
    crc64: Crc64

    @cached_property
    @abstractmethod
    def state(self) -> StateStore:
        """The tables."""

    @cached_property
    @abstractmethod
    def messages(self) -> Queues:
        """The queues."""

    @cached_property
    @abstractmethod
    def source(self) -> CourseSource:
        """The content's present home."""

    @cached_property
    @abstractmethod
    def work(self) -> WorkStore:
        """The work bucket."""

    @abstractmethod
    def reader(self, location: Location) -> ObjectReader:
        """Reads a location."""

    @abstractmethod
    def writer(self, location: Location, storage_class: str | None = None) -> ObjectWriter:
        """Writes a location, in its own storage class if none is named."""

    @abstractmethod
    def copier(
        self, source: Location, target: Location, storage_class: str | None = None
    ) -> ObjectCopier | None:
        """Copies inside S3; None where locations do not share their endpoint and credentials."""

    @abstractmethod
    def restorer(self, location: Location) -> ObjectRestorer:
        """Restores cold objects of a location."""

    @abstractmethod
    def repairer(self, location: Location, storage_class: str | None = None) -> ObjectRepairer:
        """Replaces damaged objects of a location."""

    @abstractmethod
    def eraser(self, location: Location) -> ObjectEraser:
        """Erases in a location."""

    @cached_property
    @abstractmethod
    def bus(self) -> EventBus | None:
        """The bus of domain events; None where the settings name none."""

    @cached_property
    @abstractmethod
    def meter(self) -> Meter:
        """What takes metrics."""

    def callback_key(self) -> bytes | None:
        """What callbacks are signed with; None where nothing is."""
        secret = self.settings.callback_secret
        return secret.get_secret_value().encode() if secret else None

    def new_id(self) -> str:
        """An id that nothing had before."""
        return str(uuid.uuid4())

    def pause(self, seconds: float) -> None:
        """Waits in this thread."""
        time.sleep(seconds)

    def source_for(self, check: Check) -> CourseSource:
        """The source, to read content from; `check` is called every second that reading waits."""
        shares = self.read_shares
        return RatedSource(self.source, shares, check) if shares else self.source

    @cached_property
    def read_shares(self) -> ReadShares | None:
        """What is read of the source in a second by all workers; None where there is no rate."""
        rate = self.settings.source_bytes_per_second
        if rate is None:
            return None
        return ReadShares(self.state, self.clock, rate=rate, pause=self.pause)

    @cached_property
    def locations(self) -> dict[str, Location]:
        """The configured locations by id."""
        return {location.id: location for location in self.settings.locations}

    @cached_property
    def addresses(self) -> dict[str, Address]:
        """Where the configured locations are, by id."""
        endpoint_url = self.settings.aws_endpoint_url
        return {name: one.address(endpoint_url) for name, one in self.locations.items()}

    @cached_property
    def places(self) -> Places:
        """The configured locations with the ports that reach them."""
        return Places(self.locations, reader=self.reader, writer=self.writer, copier=self.copier)

    @cached_property
    def placements(self) -> Placements:
        """Results of packets between locations."""
        return Placements(work=self.work, packets=self.packets)

    @cached_property
    def primary(self) -> Location:
        """The location that every ingest fills first."""
        return self.settings.primary

    @cached_property
    def executor(self) -> WorkThreads:
        """The threads of one worker, shared by all that it has in flight."""
        return WorkThreads(self.settings.files_in_flight, thread_name_prefix="objects")

    @cached_property
    def renew_every(self) -> float:
        """Seconds between two signs of life of a claim."""
        return self.settings.lease_seconds / 4

    @cached_property
    def ingests(self) -> IngestStore:
        """The ingests table."""
        return IngestStore(self.state, self.clock, resend_after=self.resend_after)

    @cached_property
    def courses(self) -> CourseStore:
        """The courses table."""
        return CourseStore(self.state, self.clock)

    @cached_property
    def audits(self) -> AuditStore:
        """What audits leave in the courses table."""
        return AuditStore(self.state, self.courses, self.clock)

    @cached_property
    def packets(self) -> PacketStore:
        """Replicas and packets."""
        lease = timedelta(seconds=self.settings.lease_seconds)
        return PacketStore(self.state, self.ingests, self.clock, lease=lease, meter=self.meter)

    @cached_property
    def results(self) -> Results:
        """Results and failures in the work bucket."""
        return Results(work=self.work, packets=self.packets)

    @cached_property
    def legs(self) -> LegPlanner:
        """What plans the second leg of ingests."""
        return LegPlanner(
            places=self.places,
            work=self.work,
            results=self.results,
            ingests=self.ingests,
            packets=self.packets,
            flow=self.flow,
            clock=self.clock,
            new_id=self.new_id,
            costs=self.restore_costs,
        )

    @cached_property
    def restore_costs(self) -> RestoreCosts:
        """What restoring would cost."""
        return RestoreCosts(places=self.places, prices=self.settings.price_table, clock=self.clock)

    @cached_property
    def flow(self) -> Flow:
        """What is to be sent next."""
        return Flow(self.packets)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """Starts and ends of ingests."""
        resweep = tuple(timedelta(seconds=one) for one in self.settings.resweep_seconds)
        keep = timedelta(days=self.settings.kept_failure_days)
        return Lifecycle(
            ingests=self.ingests,
            courses=self.courses,
            messages=self.messages,
            meter=self.meter,
            clock=self.clock,
            patience=Patience(keep_failures=keep, resweep_after=resweep),
            announces=self.settings.event_bus is not None,
        )

    @cached_property
    def dead_letters(self) -> DeadLetterStore:
        """Messages that no worker could do."""
        return DeadLetterStore(self.state, self.ingests, self.messages, self.clock)

    @cached_property
    def discoveries(self) -> DiscoveryStore:
        """Requests to find courses."""
        return DiscoveryStore(self.state, self.clock)

    @cached_property
    def resend_after(self) -> timedelta:
        """How long an ingest may show no progress before its messages are sent again."""
        return timedelta(seconds=self.settings.resend_after_seconds)

    @cached_property
    def restore_patience(self) -> timedelta:
        """How long restores from cold storage may take before an ingest gives up."""
        return timedelta(hours=self.settings.restore_give_up_hours)

    @cached_property
    def cold_reads(self) -> ColdReads:
        """What a step does that finds something cold."""
        return ColdReads(
            state=self.state,
            ingests=self.ingests,
            clock=self.clock,
            patience=self.restore_patience,
        )

    @cached_property
    def restore_tiers(self) -> RestoreTiers:
        """What speeds restores up."""
        return RestoreTiers(
            ingests=self.ingests, messages=self.messages, prices=self.settings.price_table
        )

    def step(self, work: Work) -> IngestStep:
        """A service's work as a step of the pipeline."""
        parking = Parking(
            longest=timedelta(seconds=self.settings.park_max_seconds),
            give_up_after=timedelta(hours=self.settings.give_up_after_hours),
        )
        return IngestStep(
            work,
            state=self.state,
            ingests=self.ingests,
            lifecycle=self.lifecycle,
            flow=self.flow,
            messages=self.messages,
            clock=self.clock,
            parking=parking,
            addresses=self.addresses,
        )
