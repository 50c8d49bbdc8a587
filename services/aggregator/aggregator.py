"""Writes a verified version's manifest files, and sends on what is verified everywhere."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from course_backfill.checksums import checksums_of
from course_backfill.copies.leg_planning import LegPlanner, PlannedReplica
from course_backfill.crc import Crc64
from course_backfill.errors import Fenced
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced, allotted_version, require_current
from course_backfill.ingest_step import StepFailed, StepResult, StepSucceeded
from course_backfill.ingests import PRIMARY, Ingest, Leg, Replica, ReplicaStatus, Stage
from course_backfill.locations import Location
from course_backfill.manifests import (
    ENTRIES_NAME,
    INDEX_NAME,
    MANIFEST_NAME,
    AggregatedVersion,
    ManifestCourse,
    ManifestSource,
    StorageManifest,
)
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import ObjectReader, ObjectWriter
from course_backfill.results import Results
from course_backfill.stores.courses import version_of
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.uploads import ObjectDiffers, store_file
from services.aggregator.version_summary import VersionSummary

BLOCK = 1024 * 1024


class Aggregator:
    """A pure function of the stored results, so that a repeat writes the same bytes."""

    def __init__(
        self,
        *,
        location: Location,
        reader: ObjectReader,
        writer: ObjectWriter,
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        legs: LegPlanner,
        flow: Flow,
        executor: Executor,
        crc64: Crc64,
    ) -> None:
        self._location = location
        self._reader = reader
        self._writer = writer
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._legs = legs
        self._flow = flow
        self._executor = executor
        self._crc64 = crc64

    def aggregate(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """After the first leg writes the manifest files and opens the second; then registers."""
        replicas = [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]
        if any(replica.status is not ReplicaStatus.VERIFIED for replica in replicas):
            raise Fenced(f"not every replica of ingest {ingest.id} is verified")
        if ingest.leg is Leg.LOCATIONS:
            return self._register(ingest, message, _verified(replicas))
        if ingest.aggregated is None:
            aggregated = self._write_manifest(ingest, message)
            if isinstance(aggregated, StepFailed):
                return aggregated
            ingest = self._ingests.update(ingest.id, _aggregated(message, aggregated))
        others = [one for one in ingest.locations if one != self._location.id]
        if not others:
            return self._register(ingest, message, f"Wrote the manifest of {ingest.version}")
        version = version_of(ingest, ingest.created_date)
        wanted = [PlannedReplica(one, [version], source=PRIMARY) for one in others]
        listed = self._legs.write_lists(ingest, message, wanted)
        if isinstance(listed, StepFailed):
            return listed
        description = f"Wrote the manifest of {ingest.version}"
        return self._legs.begin(listed, message, wanted, description=description)

    def _register(self, ingest: Ingest, message: StepMessage, description: str) -> StepSucceeded:
        event = self._ingests.event(Step.AGGREGATE, "succeeded", description)
        moved = self._ingests.update(
            ingest.id, lambda now: advanced(now, message, Stage.REGISTERING), event=event
        )
        return StepSucceeded(self._flow.messages(moved))

    def _write_manifest(
        self, ingest: Ingest, message: StepMessage
    ) -> AggregatedVersion | StepFailed:
        """Writes the files to the primary and reads them back; a repeat writes the same bytes."""
        if ingest.inventory is None:
            raise Fenced(f"ingest {ingest.id} has no inventory")
        with tempfile.TemporaryDirectory(prefix="course-backfill-") as directory:
            entries = Path(directory) / ENTRIES_NAME
            version = self._summarise(ingest, entries)
            if version.found() != ingest.inventory.objects:
                return _disagreement(ingest.inventory.objects, version)
            manifest = _manifest(ingest, ingest.inventory.database, version).to_bytes()
            files: list[tuple[str, Path | bytes]] = [
                (ENTRIES_NAME, entries),
                (INDEX_NAME, version.summary.index_bytes()),
                (MANIFEST_NAME, manifest),
            ]
            prefix = self._location.prefix_of(ingest)
            for name, content in files:
                failed = self._store(ingest, message, prefix + name, content)
                if failed:
                    return failed
        return version.record(prefix + MANIFEST_NAME, manifest)

    def _summarise(self, ingest: Ingest, entries: Path) -> VersionSummary:
        """One pass over the results, the entries going to a file on the way."""
        version = VersionSummary(allotted_version(ingest))
        with entries.open("wb") as file:
            for outcome in self._results.copied(ingest, self._location.id):
                line = version.add(outcome)
                if line:
                    file.write(line)
        return version

    def _store(
        self, ingest: Ingest, message: StepMessage, key: str, content: Path | bytes
    ) -> StepFailed | None:
        """Stores a file and compares what can be read back with what was sent."""
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        try:
            stored = store_file(
                _blocks(content),
                reader=self._reader,
                writer=self._writer,
                executor=self._executor,
                crc64=self._crc64,
                check=lambda: require_current(self._ingests.get(ingest.id), message),
                key=key,
                size=size,
                content_type="application/json",
            )
        except ObjectDiffers as other:
            return _failed("different-object", str(other))
        if checksums_of(self._reader.read(key)) != stored:
            return _failed("fixity-mismatch", f"{key!r} does not read back as it was sent")
        return None


def _aggregated(message: StepMessage, written: AggregatedVersion) -> Callable[[Ingest], Ingest]:
    def aggregated(now: Ingest) -> Ingest:
        require_current(now, message)
        return now.model_copy(update={"aggregated": written})

    return aggregated


def _verified(replicas: Sequence[Replica]) -> str:
    parts = [f"{one.location}: {one.objects_verified} objects" for one in replicas]
    return "Verified in every location: " + ", ".join(parts)


def _manifest(ingest: Ingest, database: str, version: VersionSummary) -> StorageManifest:
    return StorageManifest(
        course=ManifestCourse(id=ingest.course, version=allotted_version(ingest)),
        ingest=ingest.id,
        # The one date that stays, because a repeat or a retry must write the same bytes.
        created_date=ingest.created_date,
        source=ManifestSource(
            provider=ingest.provider,
            database=database,
            fingerprints=version.fingerprints,
        ),
        totals=version.summary.manifest_totals(),
        removed=version.removed,
        exceptions=tuple(version.exceptions),
        previous_version=ingest.previous_version,
        entries_sha256=version.summary.entries_sha256,
    )


def _disagreement(planned: int, version: VersionSummary) -> StepFailed:
    detail = (
        f"the inventory has {planned} objects, but {version.entries} were copied, "
        f"{version.removed} removed and {len(version.exceptions)} bad"
    )
    return _failed("counts-disagree", detail)


def _failed(code: str, detail: str) -> StepFailed:
    return StepFailed(Failure.of_ingest(code, detail, stage=Stage.AGGREGATING))


def _blocks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
