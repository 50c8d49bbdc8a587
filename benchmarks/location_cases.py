"""Objects of one location brought to another and audited, beside the bounds of the same run."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from benchmarks.content import Content
from benchmarks.location_bounds import LocationBounds
from benchmarks.measuring import CORES, Measured, Stopwatch, typical
from benchmarks.servers import EMBEDDED, Server
from benchmarks.worker import FULL, TARGET, connections, empty, make_buckets
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.checksums import checksums_of
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.places import Writing
from course_backfill.packets import cut_packets
from services.replicator.location_copier import LocationCopier
from services.verifier.fixity import FixityChecker, Wanted

CONTENT_TYPE = "video/mp4"
CPU_TICK = 0.01
"""Seconds of CPU that Linux counts at once: a short run may have used none."""
COPY, READ, HASH, PUT = "copy requests alone", "read alone", "sha256 alone", "PUT alone"
COPIER, STREAMED, AUDIT = "copied inside S3", "streamed", "audited"
BOUNDS = {COPIER: (COPY,), STREAMED: (READ, HASH, PUT), AUDIT: (READ, HASH)}
"""What each part of the product cannot be faster than."""


@dataclass(frozen=True, slots=True)
class LocationFigures:
    """Typical runs of everything about objects of one size on one server."""

    objects: str
    server: str
    runs: dict[str, Measured]

    def of_bound(self, name: str) -> float:
        """A part's throughput as a share of that of its slowest bound."""
        return max(one.seconds for one in self._bounds(name)) / self.runs[name].seconds

    def of_machine(self, name: str) -> float:
        """The same of what the cores allow its bounds together."""
        bounds = self._bounds(name)
        cpu = sum(sum(one.cpu.values()) for one in bounds) / CORES
        return max(cpu, *(one.seconds for one in bounds)) / self.runs[name].seconds

    def of_cpu(self, name: str) -> float:
        """The CPU of its bounds as a share of a part's own, whatever else was running."""
        own = max(CPU_TICK, sum(self.runs[name].cpu.values()))
        return sum(sum(one.cpu.values()) for one in self._bounds(name)) / own

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "objects": self.objects,
            "server": self.server,
            "ratioToBound": {name: self.of_bound(name) for name in BOUNDS},
            "ratioToMachine": {name: self.of_machine(name) for name in BOUNDS},
            "ratioOfCpu": {name: self.of_cpu(name) for name in BOUNDS},
            "runs": {name: run.to_dict() for name, run in self.runs.items()},
        }

    def _bounds(self, name: str) -> list[Measured]:
        return [self.runs[bound] for bound in BOUNDS[name]]


class LocationCase:
    """Objects of zeros in the full location of one server, and what is done with them.

    Packet by packet, as one poller gets them.
    """

    def __init__(self, content: Content, name: str, server: Server, *, patience: float) -> None:
        self._content = content
        self._name = name
        self._worker = connections(server.address)
        self._stopwatch = Stopwatch({"s3": server.process}, patience=patience)
        make_buckets(self._worker)
        self._packets = _packets(_objects(self._worker, content, is_filled=name == EMBEDDED))

    def compare(self, rounds: int, *, tell: Callable[[str], None]) -> LocationFigures:
        """Everything by turns, so many times; the typical run of each."""
        bounds = LocationBounds(self._worker, self._packets)
        self._count_digests(bounds)
        works = {
            COPY: bounds.copy,
            READ: bounds.read,
            HASH: bounds.hash,
            PUT: bounds.put,
            COPIER: lambda: self._bring(self._writing()),
            STREAMED: lambda: self._bring(Writing(self._writing().writers, copiers=None)),
            AUDIT: self._audit,
        }
        runs: dict[str, list[Measured]] = defaultdict(list)
        files, size = self._content.files, self._content.bytes
        for number in range(rounds):
            tell(f"{self._content.title} between locations: {self._name}, {number + 1} of {rounds}")
            for kind, work in works.items():
                runs[kind].append(self._stopwatch.measure(work, files=files, size=size))
                empty(self._worker, self._worker.locations[TARGET].bucket)
        chosen = {kind: typical(own) for kind, own in runs.items()}
        return LocationFigures(self._content.title, self._name, chosen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Removes the objects."""
        empty(self._worker, self._worker.locations[FULL].bucket)
        self._worker.close()

    def _count_digests(self, bounds: LocationBounds) -> None:
        """Copies once for nothing: the embedded S3 counts the digests of bytes but once."""
        bounds.copy()
        empty(self._worker, self._worker.locations[TARGET].bucket)

    def _writing(self) -> Writing:
        locations = self._worker.locations
        return self._worker.places.writing(locations[FULL], locations[TARGET])

    def _bring(self, writing: Writing) -> None:
        copier = LocationCopier(
            source=self._worker.places.get(FULL),
            target=self._worker.places.get(TARGET),
            writing=writing,
            executor=self._worker.executor,
            crc64=self._worker.crc64,
            check=lambda: None,
        )
        for packet in self._packets:
            faults = [one.fault for one in copier.copy(packet) if one.fault]
            if faults:
                raise RuntimeError(f"the copying did not succeed: {faults[0]}")

    def _audit(self) -> None:
        checker = FixityChecker(
            reader=self._worker.places.get(FULL).reader,
            executor=self._worker.executor,
            method="bytes",
            check=lambda: None,
        )
        for packet in self._packets:
            wanted = (Wanted(one.key, one.size, one.sha256) for one in packet)
            faults = [one.fault for one in checker.compare(wanted) if one.fault]
            if faults:
                raise RuntimeError(f"the audit found: {faults[0]}")


def _objects(worker: ConnectedWiring, content: Content, *, is_filled: bool) -> list[ExpectedObject]:
    """What the full location has, each key ending in its size; stored first if `is_filled`."""
    keys = {f"courses/c/v1/assets/{n:05d}.{size}": size for n, size in enumerate(content.sizes)}
    zeros = {size: bytes(size) for size in set(content.sizes)}
    s3, bucket = worker.buckets.boto, worker.locations[FULL].bucket
    if is_filled:
        for key, size in keys.items():
            s3.put_object(Bucket=bucket, Key=key, Body=zeros[size], ChecksumAlgorithm="CRC64NVME")
    sha256 = {size: hashlib.sha256(body).hexdigest() for size, body in zeros.items()}
    sample = {size: key for key, size in keys.items()}
    md5 = {size: checksums_of([body]).md5 for size, body in zeros.items()}
    etags = {size: s3.head_object(Bucket=bucket, Key=sample[size])["ETag"] for size in sample}
    return [
        ExpectedObject(key, size, sha256[size], CONTENT_TYPE, md5[size], etags[size])
        for key, size in keys.items()
    ]


def _packets(objects: list[ExpectedObject]) -> list[list[ExpectedObject]]:
    remaining = iter(objects)
    cut = cut_packets((1, one.size) for one in objects)
    return [list(islice(remaining, packet.objects)) for packet in cut]
