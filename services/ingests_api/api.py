"""What the API stands on: stores, readers and a few settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from course_backfill.callbacks import CallbackRules
from course_backfill.clock import Clock
from course_backfill.cold.tiers import RestoreTiers
from course_backfill.cold.warming import RestoreWish
from course_backfill.courses import CourseId
from course_backfill.dead_letters import DeadLetterStore
from course_backfill.display import ShownIngest, show_ingest
from course_backfill.entries import VersionFiles
from course_backfill.errors import NotFound
from course_backfill.ingests import PRIMARY, Ingest
from course_backfill.lifecycle import Lifecycle
from course_backfill.locations import Location
from course_backfill.ports import MessageSender, ObjectReader, WorkStore
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.discoveries import DiscoveryStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.wiring import Wiring
from services.ingests_api.openapi import TokenIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The dependencies of all routes."""

    ingests: IngestStore
    courses: CourseStore
    packets: PacketStore
    lifecycle: Lifecycle
    discoveries: DiscoveryStore
    dead_letters: DeadLetterStore
    restore_tiers: RestoreTiers
    messages: MessageSender
    work: WorkStore
    locations: Mapping[str, Location]
    """The configured ones by id, in their order."""
    readers: Mapping[str, ObjectReader]
    """Location → reader."""
    restore: RestoreWish
    """How cold objects are restored where a request does not say."""
    callback_rules: CallbackRules | None
    """None where callbacks cannot be signed, so that none are accepted."""
    clock: Clock
    new_id: Callable[[], str]
    stalled_after: timedelta
    presign_seconds: int
    issuer: TokenIssuer
    """Who gives the tokens that are asked for."""
    is_described_to_all: bool
    """Whether the API's description can be read without a token."""

    @classmethod
    def of(cls, wiring: Wiring) -> Self:
        """The dependencies as an installation has them."""
        settings = wiring.settings
        return cls(
            ingests=wiring.ingests,
            courses=wiring.courses,
            packets=wiring.packets,
            lifecycle=wiring.lifecycle,
            discoveries=wiring.discoveries,
            dead_letters=wiring.dead_letters,
            restore_tiers=wiring.restore_tiers,
            messages=wiring.messages,
            work=wiring.work,
            locations=wiring.locations,
            readers={name: wiring.reader(one) for name, one in wiring.locations.items()},
            restore=settings.restore_wish,
            callback_rules=CallbackRules.of(settings) if settings.signs_callbacks else None,
            clock=wiring.clock,
            new_id=wiring.new_id,
            stalled_after=wiring.resend_after,
            presign_seconds=settings.presign_seconds,
            issuer=TokenIssuer(settings.token_url, settings.scope_prefix),
            is_described_to_all=settings.open_description,
        )

    def version_files(self, course: str, version: str) -> VersionFiles:
        """The files of a registered version in the primary; raises NotFound."""
        return VersionFiles(self.readers[PRIMARY], self.version_prefix(course, version))

    def version_prefix(self, course: str, version: str) -> str:
        """Where a registered version is in the primary; raises NotFound."""
        self.courses.version(course, version)
        for replica in self.courses.replicas(course, version):
            if replica.location == PRIMARY:
                where = Location(bucket=replica.bucket, prefix=replica.prefix)
                return where.version_prefix(CourseId.parse(course), version)
        raise NotFound(f"{version} of course {course} is in no location that can be read")

    def show(self, ingest: Ingest) -> ShownIngest:
        """The ingest as it stands now."""
        return show_ingest(
            ingest,
            self.packets.replicas(ingest.id),
            self.ingests.events(ingest.id),
            now=self.clock(),
            stalled_after=self.stalled_after,
        )
