"""What one pass over the results of a version tells: entries, exceptions, counts. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from course_backfill.failures import Failure
from course_backfill.ingests import Stage
from course_backfill.inventory import Fingerprints
from course_backfill.manifests import AggregatedVersion, EntriesSummary
from course_backfill.results import Copied, Outcome
from course_backfill.source_reading import Bad, Removed


@dataclass(slots=True)
class VersionSummary:
    """Feed it every outcome in the order of the inventory."""

    version: str
    summary: EntriesSummary = field(default_factory=EntriesSummary)
    exceptions: list[Failure] = field(default_factory=list)
    removed: int = 0
    stored_objects: int = 0
    stored_bytes: int = 0
    _fingerprints: Fingerprints = field(default_factory=Fingerprints)

    def add(self, outcome: Outcome) -> bytes | None:
        """Takes the next outcome; gives the entry's line where there is an entry."""
        match outcome:
            case Copied(entry):
                self._fingerprints.add(entry.source)
                if entry.version == self.version:
                    self.stored_objects += 1
                    self.stored_bytes += entry.source.size
                return self.summary.add(entry)
            case Bad(source, fault):
                self._fingerprints.add(source)
                failure = Failure.of_object(source, fault, stage=Stage.REPLICATING)
                self.exceptions.append(failure)
            case Removed():
                self.removed += 1
        return None

    @property
    def entries(self) -> int:
        """How many objects have a copy."""
        return self.summary.manifest_totals().objects

    @property
    def fingerprints(self) -> dict[str, str]:
        """kind → fingerprint of the source as it was read, bad objects too."""
        return self._fingerprints.hexdigests()

    def found(self) -> int:
        """Entries, removed and bad objects together: what the inventory had."""
        return self.entries + self.removed + len(self.exceptions)

    def record(self, manifest_key: str, manifest: bytes) -> AggregatedVersion:
        """What the version's record says of the files."""
        totals = self.summary.manifest_totals()
        return AggregatedVersion(
            manifest_key=manifest_key,
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            entries_sha256=self.summary.entries_sha256,
            objects=totals.objects,
            bytes=totals.bytes,
            stored_objects=self.stored_objects,
            stored_bytes=self.stored_bytes,
            exceptions=len(self.exceptions),
            fingerprints=self.fingerprints,
        )
