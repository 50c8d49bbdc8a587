"""One course of a million objects: time, memory and sizes of every step that handles all of it.

Planning, the closing inventory and the aggregating are the real ones, from a real MongoDB, with
work files, manifest files and tables in the embedded AWS. No object is copied: the results of
packets, and the listing of the primary, are made up.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from pymongo import MongoClient

from benchmarks.content import DATABASE
from benchmarks.memory import peak_rss, reset_peak_rss
from benchmarks.scale_content import CONTENT, COURSE, name_of, write_tiny_files
from benchmarks.scale_rows import Rows, measure_rows
from benchmarks.servers import EMBEDDED, Servers
from benchmarks.worker import QueuelessWiring, accept, worker_settings
from course_backfill.adapters.mongodb import Document
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.setup import create_resources
from course_backfill.copies.object_keys import relative_key
from course_backfill.entries import VersionFiles
from course_backfill.ingest_states import advanced, allotted_version
from course_backfill.ingests import PRIMARY, Ingest, Packet, ReplicaStatus, Stage
from course_backfill.inventory import SourceObject
from course_backfill.local.bound_process import bound
from course_backfill.locations import result_key
from course_backfill.manifests import Entry, split_lines
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import ObjectStat, Write
from course_backfill.results import Copied
from course_backfill.stores.packet_counters import PacketEnd
from services.aggregator.handler import build_step as build_aggregator_step
from services.planner.handler import build_step as build_planner_step
from services.replicator.handler import build_step as build_replicator_step
from services.verifier.source_replica import SourceReplica

DIGESTS = (
    hashlib.sha256(CONTENT).hexdigest(),
    hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
)
LOOKUPS = 20


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one step took, and the most memory that its process held meanwhile."""

    step: str
    seconds: float
    peak: int


@dataclass(slots=True)
class ScaleFigures:
    """Everything that was measured of one course; sizes in bytes."""

    objects: int
    packets: int = 0
    steps: list[StepCost] = field(default_factory=list)
    work_files: dict[str, int] = field(default_factory=dict)
    manifest_files: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    """Kind of item → the size of its largest."""
    partition: int = 0
    """Of all items of the ingest together."""
    rows: list[Rows] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure_scale(number: int, servers: Servers) -> ScaleFigures:
    """Writes the course, has a process of its own go through its ingest, and drops it."""
    with closing(MongoClient[Document](servers.mongod.address)) as client:
        write_tiny_files(number, client[DATABASE])
        arguments = [servers.mongod.address, servers.destinations[EMBEDDED].address, str(number)]
        command = [sys.executable, "-m", "benchmarks.scale", *arguments]
        # It would otherwise go on when this process is killed.
        done = subprocess.run(bound(command), stdout=subprocess.PIPE, check=True)  # noqa: S603  # Our own.
        client.drop_database(DATABASE)
    fields = json.loads(done.stdout)
    fields["steps"] = [StepCost(**one) for one in fields["steps"]]
    fields["rows"] = [measure_rows(5_000), measure_rows(50_000)]
    return ScaleFigures(**fields)


class ScaleRun:
    """One ingest, step by step."""

    def __init__(self, wiring: QueuelessWiring, number: int) -> None:
        self._wiring = wiring
        self._number = number
        self.figures = ScaleFigures(number)
        create_resources(wiring.settings, wiring.clients)
        wiring.courses.add(COURSE)
        self._id = accept(wiring, COURSE)

    def go(self) -> ScaleFigures:
        """All steps in their order."""
        with self._measured("plan: inventory, sorting, packets"):
            for message in self._wiring.messages.take():
                build_planner_step(self._wiring).handle(message)
        packets = self._wiring.messages.take()
        self.figures.packets = len(packets)
        self._end_packets(packets)
        self._conclude()
        with self._measured("aggregate: manifest files, read back"):
            aggregate = StepMessage(ingest=self._id, epoch=1, step=Step.AGGREGATE)
            build_aggregator_step(self._wiring).handle(aggregate)
        self._look_up()
        self._weigh()
        return self.figures

    @property
    def _ingest(self) -> Ingest:
        return self._wiring.ingests.get(self._id)

    def _end_packets(self, messages: Iterable[StepMessage]) -> None:
        """Claims each packet, stores a result that says all is copied, and ends it."""
        claiming = ending = 0.0
        ingest = self._ingest
        with self._measured("results of all packets"):
            for message in messages:
                number = message.packet or 0
                began = time.perf_counter()
                packet = self._wiring.packets.claim(ingest, PRIMARY, number, claimant="bench")
                claiming += time.perf_counter() - began
                if packet is None:
                    raise RuntimeError(f"packet {number} is claimed by nobody")
                end = self._store(ingest, packet)
                began = time.perf_counter()
                self._wiring.packets.copied(ingest, packet, end)
                ending += time.perf_counter() - began
        self.figures.steps.append(StepCost("of these: claims and ends", claiming + ending, 0))
        decide = StepMessage(ingest=self._id, epoch=1, step=Step.REPLICATE, replica=PRIMARY)
        with self._measured("decide, and send for verifying"):
            build_replicator_step(self._wiring).handle(decide)
        self._wiring.messages.take()

    def _store(self, ingest: Ingest, packet: Packet) -> PacketEnd:
        outcomes = [Copied(one) for one in self._entries(ingest, packet)]
        key = result_key(ingest.id, PRIMARY, packet.number, "bench", "copied")
        self._wiring.results.write(key, outcomes)
        return PacketEnd(key, size=sum(one.source.size for one in outcomes))

    def _entries(self, ingest: Ingest, packet: Packet) -> Iterator[Entry]:
        inventory = ingest.inventory.key if ingest.inventory else ""
        end = packet.offset + packet.length
        prefix = self._wiring.primary.prefix_of(ingest)
        for line in split_lines(self._wiring.work.read(inventory, start=packet.offset, end=end)):
            found = SourceObject.from_line(line)
            key = relative_key(found.path, version_prefix=prefix)
            yield Entry(found, key, allotted_version(ingest), *DIGESTS)

    def _conclude(self) -> None:
        """What the verifier does with the whole once all packets are read."""
        ingest = self._ingest
        for packet in self._wiring.packets.packets(ingest.id, PRIMARY):
            claimed = self._wiring.packets.claim(ingest, PRIMARY, packet.number, claimant="bench")
            key = result_key(ingest.id, PRIMARY, packet.number, "bench", "verified")
            self._wiring.results.write(key, ())
            if claimed is not None:
                self._wiring.packets.verified_packet(
                    ingest, claimed, result=key, mismatched=0, size=packet.bytes
                )
        checking = self._checking(ingest)
        with self._measured("compare the listing with the entries"):
            faults = list(
                checking.failures(ingest, self._wiring.packets.replica(self._id, PRIMARY))
            )
        with self._measured("closing inventory"):
            check = checking.source_check(ingest)
        if faults or check.stale:
            raise RuntimeError(f"what was made up does not fit: {faults[:1]} {check}")
        message = StepMessage(ingest=self._id, epoch=1, step=Step.VERIFY, replica=PRIMARY)

        def verified(before: Ingest, after: Ingest) -> list[Write]:
            packets = self._wiring.packets
            return [packets.status_write(self._id, PRIMARY, ReplicaStatus.VERIFIED)]

        self._wiring.ingests.update(
            self._id, lambda now: advanced(now, message, Stage.AGGREGATING), extra=verified
        )

    def _checking(self, ingest: Ingest) -> SourceReplica:
        wiring = self._wiring
        return SourceReplica(
            source=wiring.source,
            location=wiring.primary,
            reader=_Listing(wiring, self._listed(ingest)),
            results=wiring.results,
            executor=wiring.executor,
            method="bytes",
            clock=wiring.clock,
        )

    def _listed(self, ingest: Ingest) -> Iterator[ObjectStat]:
        prefix = self._wiring.primary.prefix_of(ingest)
        for packet in self._wiring.packets.packets(ingest.id, PRIMARY):
            for entry in self._entries(ingest, packet):
                yield ObjectStat(key=prefix + entry.key, size=entry.source.size, etag='"e"')

    def _look_up(self) -> None:
        location = self._wiring.primary
        files = VersionFiles(self._wiring.reader(location), location.prefix_of(self._ingest))
        began = time.perf_counter()
        with self._measured(f"find an entry, of {LOOKUPS} on average"):
            for number in range(LOOKUPS):
                files.find(f"assets/{name_of(number * (self._number // LOOKUPS))}")
        last = self.figures.steps.pop()
        seconds = (time.perf_counter() - began) / LOOKUPS
        self.figures.steps.append(StepCost(last.step, seconds, last.peak))

    def _weigh(self) -> None:
        """Sizes of files, and of items as DynamoDB counts them."""
        settings, prefix = self._wiring.settings, self._wiring.primary.prefix_of(self._ingest)
        figures = self.figures
        for key, size in self._sizes(settings.work_bucket, f"ingests/{self._id}/"):
            kind = "results" if "/results/" in key else "inventory"
            figures.work_files[kind] = figures.work_files.get(kind, 0) + size
        for key, size in self._sizes(settings.primary.bucket, prefix):
            figures.manifest_files[key.removeprefix(prefix)] = size
        cursor: str | None = ""
        while cursor is not None:
            page = self._wiring.state.query("ingests", self._id, after=cursor)
            for item in page.items:
                kind = str(item["sk"]).partition("#")[0]
                size = len(orjson.dumps(item))
                figures.items[kind] = max(figures.items.get(kind, 0), size)
                figures.partition += size
            cursor = page.cursor

    def _sizes(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        pages = self._wiring.buckets.boto.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield found["Key"], found["Size"]

    @contextmanager
    def _measured(self, step: str) -> Iterator[None]:
        reset_peak_rss()
        began = time.perf_counter()
        yield
        self.figures.steps.append(StepCost(step, time.perf_counter() - began, peak_rss()))


class _Listing(S3ObjectReader):
    """A bucket that is said to hold these objects."""

    def __init__(self, wiring: QueuelessWiring, listed: Iterator[ObjectStat]) -> None:
        super().__init__(wiring.buckets, wiring.primary.bucket)
        self._listed = listed

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Everything there is."""
        return self._listed


def _main(mongo_uri: str, endpoint: str, number: str) -> None:
    with closing(QueuelessWiring(worker_settings(endpoint, mongo_uri, DATABASE))) as wiring:
        print(json.dumps(ScaleRun(wiring, int(number)).go().to_dict()))


if __name__ == "__main__":
    _main(*sys.argv[1:])
