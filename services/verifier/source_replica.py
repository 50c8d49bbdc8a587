"""Checks the primary after the first leg: its copies, its listing, and the source once more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

from course_backfill.audits import SURPLUS, Method
from course_backfill.claims import HeldClaim
from course_backfill.clock import Clock, to_text
from course_backfill.courses import CourseId
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, Packet, Replica, SourceCheck, Stage
from course_backfill.inventory import SourceObject, changes
from course_backfill.locations import Location
from course_backfill.manifests import MANIFEST_FILES, Entry
from course_backfill.ports import CourseSource, ObjectReader
from course_backfill.results import Copied, Results
from course_backfill.run_time import in_time
from course_backfill.sorting import in_inventory_order
from course_backfill.source_reading import Bad, Removed
from services.verifier.fixity import FixityChecker, Wanted
from services.verifier.listing import listing_faults

EXAMPLES = 10


class SourceReplica:
    """Holds the primary against the results of the copying, entry by entry."""

    def __init__(
        self,
        *,
        source: CourseSource,
        location: Location,
        reader: ObjectReader,
        results: Results,
        executor: Executor,
        method: Method,
        clock: Clock,
    ) -> None:
        self._source = source
        self._location = location
        self._reader = reader
        self._results = results
        self._executor = executor
        self._method = method
        self._clock = clock

    def check_packet(
        self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        """See ReplicaChecking."""
        checker = FixityChecker(
            reader=self._reader, executor=self._executor, method=self._method, check=claim.check
        )
        prefix = self._location.prefix_of(ingest)
        outcomes = self._results.of_packet(packet.copied) if packet.copied else iter(())
        entries = [outcome.entry for outcome in outcomes if isinstance(outcome, Copied)]
        compared = checker.compare(
            Wanted(prefix + entry.key, entry.source.size, entry.sha256) for entry in entries
        )
        bad = [
            Bad(entry.source, found.fault)
            for entry, found in zip(entries, compared, strict=True)
            if found.fault
        ]
        self._results.write(result, bad)
        right = sum(one.source.size for one in entries) - sum(one.source.size for one in bad)
        return len(bad), right

    def failures(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        """See ReplicaChecking."""
        yield from self._results.verification_failures(ingest, replica.location)
        prefix = self._location.prefix_of(ingest)
        expected = ((entry.key, entry.source.size) for entry in self._entries(ingest))
        listed = (
            (stat.key.removeprefix(prefix), stat.size)
            for stat in in_time(self._reader.list(prefix))
        )
        for key, fault in listing_faults(expected, listed):
            # Manifest files may be there already, from an attempt that got further.
            if not (fault.code == SURPLUS and key in MANIFEST_FILES):
                yield Failure.of_copy(key, fault, replica.location, stage=Stage.VERIFYING)

    def source_check(self, ingest: Ingest) -> SourceCheck:
        """How the source stands by now to what was copied.

        By an inventory from the primary of the replica set, with read concern majority.
        """
        checked_date = to_text(self._clock())
        course = CourseId.parse(ingest.course)
        now = in_inventory_order(in_time(self._source.inventory(course, check_chunks=False)))
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

    def _entries(self, ingest: Ingest) -> Iterator[Entry]:
        for outcome in self._results.copied(ingest, self._location.id):
            if isinstance(outcome, Copied):
                yield outcome.entry

    def _as_read(self, ingest: Ingest) -> Iterator[SourceObject]:
        """Bad objects were read too; those that were removed are to be absent."""
        for outcome in self._results.copied(ingest, self._location.id):
            if not isinstance(outcome, Removed):
                yield outcome.source
