"""What must hold of courses and ingests at every moment, whoever did what and whenever."""

from __future__ import annotations

from collections.abc import Sequence

from course_backfill.courses import CourseId, CourseStatus, Version
from course_backfill.ingest_states import is_over
from course_backfill.ingests import Ingest, IngestStatus, Stage
from tests.domain.life_services import PRIMARY
from tests.generators import Stores

FINAL = {IngestStatus.SUCCEEDED, IngestStatus.FAILED, IngestStatus.CANCELLED}
LEGAL = {
    IngestStatus.ACCEPTED: {IngestStatus.PROCESSING, *FINAL},
    IngestStatus.PROCESSING: FINAL,
    IngestStatus.FAILED: {IngestStatus.PROCESSING, IngestStatus.CANCELLED},
    IngestStatus.SUCCEEDED: set(),
    IngestStatus.CANCELLED: set(),
}


class Invariants:
    """Remembers what it saw, because some rules are about what may never change again."""

    def __init__(self, stores: Stores, courses: Sequence[CourseId]) -> None:
        self._stores = stores
        self._courses = [str(course) for course in courses]
        self.seen: dict[str, Ingest] = {}
        self._versions: dict[tuple[str, str], Version] = {}

    def check(self) -> None:
        """Every rule, of everything there is."""
        ingests, cursor = self._stores.ingests.listing(limit=1_000)
        assert cursor is None
        for ingest in ingests:
            self._life(ingest)
            self._timers(ingest)
            self._counters(ingest)
        for course in self._courses:
            self._lease(course, [one for one in ingests if one.course == course])
            self._registered(course)

    def _life(self, now: Ingest) -> None:
        """Epochs and revisions only rise, statuses go legal ways, a version's number stays.

        Whoever worked before a rollback, an end with a kept failure or a retry is fenced by it.
        """
        before = self.seen.get(now.id, now)
        assert now.epoch >= before.epoch
        assert now.revision >= before.revision
        assert (now.revision == before.revision) == (now == before)
        assert now.status is before.status or now.status in LEGAL[before.status]
        assert before.version in {None, now.version}
        is_turned = now.kept != before.kept or (
            now.stage is Stage.ROLLING_BACK and before.stage is not Stage.ROLLING_BACK
        )
        assert not is_turned or now.epoch > before.epoch
        self.seen[now.id] = now

    def _timers(self, ingest: Ingest) -> None:
        """Whatever is not over is watched, and what is kept expires."""
        timers = self._stores.timers(ingest.id)
        assert ("watch" in timers) == (not is_over(ingest))
        assert ("expiry" in timers) == ingest.kept

    def _counters(self, ingest: Ingest) -> None:
        """A replica's counters are the sums of its packets; nothing is verified but copies."""
        for replica in self._stores.packets.replicas(ingest.id):
            packets = list(self._stores.packets.packets(ingest.id, PRIMARY))
            copied = [one for one in packets if one.copied]
            verified = [one for one in packets if one.verified]
            assert all(one.copied for one in verified)
            assert replica.packets_copied == len(copied)
            assert replica.packets_verified == len(verified)
            assert replica.bad == sum(one.bad for one in packets)
            assert replica.objects_done == sum(one.objects - one.bad for one in copied)
            read = sum(one.objects - one.bad for one in verified)
            assert replica.objects_verified == replica.objects_looked_at == read
            assert replica.bytes_looked_at == sum(one.bytes_copied for one in verified)

    def _lease(self, course: str, ingests: list[Ingest]) -> None:
        """A course is leased to its one active ingest, and remembers its one kept failure."""
        row = self._stores.courses.get(course)
        active = [one.id for one in ingests if not one.dry_run and one.status not in FINAL]
        assert active == ([row.active_ingest] if row.active_ingest else [])
        kept = [one.id for one in ingests if one.kept]
        assert kept == ([row.kept_ingest] if row.kept_ingest else [])
        numbers = {one.version for one in ingests if one.version}
        assert len(numbers) == sum(one.version is not None for one in ingests)
        assert len(numbers) == row.last_version_number

    def _registered(self, course: str) -> None:
        """A registered version stays as it is, and its course stays migrated."""
        row = self._stores.courses.get(course)
        there = {(course, version.id): version for version in self._stores.courses.versions(course)}
        before = {key: version for key, version in self._versions.items() if key[0] == course}
        assert before.items() <= there.items()
        self._versions |= there
        for version in there.values():
            owner = self._stores.ingests.get(version.ingest)
            assert (owner.status, owner.version) == (IngestStatus.SUCCEEDED, version.id)
        assert (row.status is CourseStatus.MIGRATED) == bool(there)
        assert (row.latest_version is not None) == bool(there)
