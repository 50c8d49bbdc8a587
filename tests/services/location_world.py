"""A course in several locations: every request to their buckets is recorded, none read MongoDB."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from awscrt.checksums import crc64nvme

from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.courses import VersionReplica
from course_backfill.crc import crc_text
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from tests.services.memory_pipeline import COURSE, MemoryPipeline

PRIMARY: dict[str, Any] = {"id": "primary", "bucket": "primary-bucket"}
SECOND: dict[str, Any] = {"id": "second", "bucket": "second-bucket", "prefix": "copies/"}
FAR: dict[str, Any] = {
    "id": "far",
    "bucket": "far-bucket",
    "endpoint_url": "https://s3.far.example.org",
}
ARCHIVE: dict[str, Any] = {
    "id": "archive",
    "bucket": "archive-bucket",
    "storage_class": "DEEP_ARCHIVE",
}
OPTIONAL: dict[str, Any] = {"id": "optional", "bucket": "optional-bucket", "required": False}
THIRD = {"id": "third", "bucket": "third-bucket", "prefix": "deep/er/"}
FAR_THIRD = THIRD | {"endpoint_url": "https://s3.third.example.org"}
COLD_THIRD = THIRD | {"storage_class": "GLACIER"}
FROM_S3: dict[str, Any] = {"provider": "amazon-s3", "locations": ("third",)}
"""Brings what the third location lacks, whatever MongoDB has."""
LARGE = bytes(range(256)) * (9 * 1024 * 1024 // 256)
COPYING = ("copy", "create", "complete_upload")
"""Verbs that make an object."""


class LocationWorld:
    """One course, and the locations of the settings."""

    def __init__(self, *locations: dict[str, Any], **settings: Any) -> None:
        self._numbers = 0
        self.requests: list[tuple[str, str, str]] = []
        """(location, verb, key) of every request to a bucket, in their order."""
        self.transactions: list[Sequence[Write]] = []
        self.on_request: Callable[[str, str], None] | None = None
        """Called with location and verb before each request."""
        self._settings = settings
        self.pipeline = MemoryPipeline(locations=list(locations), **settings)
        self.buckets = self.pipeline.wiring.buckets
        self.pipeline.discover(COURSE)
        self._record()

    def save(self, name: str, content: bytes) -> None:
        """Saves a file in the course."""
        self.pipeline.content.save(COURSE, name, content)

    def configure(self, *locations: dict[str, Any]) -> None:
        """Workers start anew with other locations; whatever is stored anywhere stays."""
        before = self.pipeline
        self.pipeline = MemoryPipeline(locations=list(locations), **self._settings)
        now = self.pipeline.wiring
        for name in ("clock", "content", "work_bucket", "_ids"):
            setattr(now, name, getattr(before.wiring, name))
        for name in ("state", "messages", "source", "work"):
            now.__dict__[name] = getattr(before.wiring, name)
        for location in now.buckets:
            now.buckets[location] = self.buckets.get(location, now.buckets[location])
        now.bucket = self.pipeline.bucket = now.buckets["primary"]
        self.pipeline.content = before.content
        self.pipeline._numbers = before._numbers
        self.buckets = self.buckets | now.buckets
        self._record()

    def without_source(self) -> None:
        """From now on nobody may read MongoDB."""

        def refuse(verb: str) -> None:
            raise AssertionError(f"{verb} reads MongoDB")

        self.pipeline.wiring.source.on_call = refuse

    def run_to(self, step: Step, replica: str | None = None) -> StepMessage:
        """Delivers up to the first message of the step (of that replica); gives it, undelivered."""

        def is_wanted(message: StepMessage) -> bool:
            return message.step is step and replica in {None, message.replica}

        message = self.pipeline.run(until=is_wanted)
        assert message is not None, f"no {step} came"
        return message

    def backfill(self, **request: Any) -> Ingest:
        """An ingest and everything that follows, its own requests recorded alone."""
        self.forget()
        return self.pipeline.backfill(**request)

    def forget(self) -> None:
        """Lets go of what was recorded."""
        self.requests.clear()
        self.transactions.clear()

    def made(self, location: str) -> Counter[str]:
        """Key → how often an object was made at it, or tried to be."""
        return Counter(
            key for where, verb, key in self.requests if where == location and verb in COPYING
        )

    def objects(self, location: str) -> dict[str, bytes]:
        """Key below the location's prefix → bytes of all that is there."""
        bucket, prefix = self.buckets[location], self._prefix(location)
        assert all(key.startswith(prefix) for key in bucket.versions)
        found = {key: bucket.latest(key) for key in bucket.versions}
        return {
            key.removeprefix(prefix): one.content
            for key, one in found.items()
            if one is not None and one.content is not None
        }

    def held(self, location: str, versions: Sequence[str]) -> tuple[int, int]:
        """How many objects and bytes lie with these versions, manifest files apart."""
        found = [
            len(content)
            for key, content in self.objects(location).items()
            if "/assets/" in key and key.split("/")[2] in versions
        ]
        return len(found), sum(found)

    def key(self, name: str, *, version: str = "v1", location: str = "primary") -> str:
        """The whole key of an object of the course."""
        where = self.pipeline.wiring.locations[location]
        return where.version_prefix(COURSE, version) + name

    def rot(self, key: str, content: bytes, *, location: str) -> None:
        """Other bytes are at a whole key, as today's tools store them: with the CRC64NVME of these
        bytes and no sha256."""
        self.buckets[location].change(
            key,
            content=content,
            etag=f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"',
            sha256=None,
            crc64=crc_text(crc64nvme(content, 0)),
        )

    def replicas(self) -> set[tuple[str, str]]:
        """(version, location) of every replica record."""
        return {(one.version, one.location) for one in self.replica_records()}

    def replica_records(self) -> list[VersionReplica]:
        """Where the course's versions are."""
        return self.pipeline.wiring.courses.all_replicas(str(COURSE))

    def versions(self) -> list[str]:
        """The registered versions, oldest first."""
        return [one.id for one in self.pipeline.wiring.courses.versions(str(COURSE))][::-1]

    def _prefix(self, location: str) -> str:
        known = self.pipeline.wiring.locations.get(location)
        return known.prefix if known else ""

    def _record(self) -> None:
        self.pipeline.wiring.state.before_write = self.transactions.append
        for location, bucket in self.buckets.items():
            if "request" not in vars(bucket):
                self._watch(location, bucket)

    def _watch(self, location: str, bucket: MemoryBucket) -> None:
        request = bucket.request

        @contextmanager
        def recorded(operation: str, key: str) -> Iterator[None]:
            self.requests.append((location, operation, key))
            if self.on_request:
                self.on_request(location, operation)
            with request(operation, key):
                yield

        bucket.request = recorded  # type: ignore[method-assign] # Looks at every request, and lets it pass.


def with_three_versions(**settings: Any) -> LocationWorld:
    """Three versions in two locations."""
    world = LocationWorld(PRIMARY, SECOND, **settings)
    for number in (1, 2, 3):
        world.save("a.txt", b"alpha" * number)
        world.save(f"{number}.txt", bytes(number))
        assert world.backfill().version == f"v{number}"
    return world


def code(ingest: Ingest) -> str | None:
    """Why the ingest failed."""
    assert ingest.status is IngestStatus.FAILED
    return ingest.failure.code if ingest.failure else None
