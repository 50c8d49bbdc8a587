"""Results: what a packet's worker found, object by object, in files of the work bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from course_backfill.failures import Failure
from course_backfill.ingests import Ingest
from course_backfill.inventory import Fault, SourceObject
from course_backfill.locations import failures_key
from course_backfill.manifests import Entry, split_lines
from course_backfill.ports import WorkStore
from course_backfill.source_reading import Bad, Removed
from course_backfill.stores.packets import PacketStore

DESTINATION_FAULTS = frozenset(
    {"different-object", "interrupted-copy", "object-missing", "fixity-mismatch"}
)
"""Faults of a copy, not of the source: no request can have them recorded and passed over."""


@dataclass(frozen=True, slots=True)
class Copied:
    """An object that has its copy, as the entry of the version to be."""

    entry: Entry

    @property
    def source(self) -> SourceObject:
        """The object as it was read."""
        return self.entry.source


Outcome = Copied | Removed | Bad


def to_line(outcome: Outcome) -> bytes:
    """One JSON line of a result."""
    match outcome:
        case Copied(entry):
            fields = {"outcome": "copied", "entry": entry.to_dict()}
        case Removed(source):
            fields = {"outcome": "removed", "source": source.to_dict()}
        case Bad(source, fault):
            fields = {
                "outcome": "bad",
                "source": source.to_dict(),
                "fault": {"code": fault.code, "detail": fault.detail},
            }
    return orjson.dumps(fields) + b"\n"


def from_line(line: bytes) -> Outcome:
    """The inverse of `to_line`."""
    fields = orjson.loads(line)
    match fields["outcome"]:
        case "copied":
            return Copied(Entry.from_dict(fields["entry"]))
        case "removed":
            return Removed(SourceObject.from_dict(fields["source"]))
        case _:
            fault = Fault(fields["fault"]["code"], fields["fault"]["detail"])
            return Bad(SourceObject.from_dict(fields["source"]), fault)


class Results:
    """Writes the results of packets, and reads them joined in the order of the inventory."""

    def __init__(self, *, work: WorkStore, packets: PacketStore) -> None:
        self._work = work
        self._packets = packets

    def write(self, key: str, outcomes: Iterable[Outcome]) -> None:
        """Stores one packet's result."""
        self._work.put(key, map(to_line, outcomes))

    def of_packet(self, key: str) -> Iterator[Outcome]:
        """One packet's result."""
        return map(from_line, split_lines(self._work.read(key)))

    def copied(self, ingest: Ingest, replica: str) -> Iterator[Outcome]:
        """Everything the copying of a replica found, in the order of the inventory."""
        for packet in self._packets.packets(ingest.id, replica):
            if packet.copied:
                yield from self.of_packet(packet.copied)

    def write_failures(self, ingest: Ingest, failures: Iterable[Failure]) -> int:
        """Stores the list of failed objects, for good; returns their number."""
        count = 0

        def lines() -> Iterator[bytes]:
            nonlocal count
            for failure in failures:
                count += 1
                yield failure.to_line()

        self._work.put(failures_key(ingest.id), lines())
        return count

    def failures(self, ingest: str) -> Iterator[Failure]:
        """What was written so, of any ingest; raises NotFound where nothing was."""
        return map(Failure.from_line, split_lines(self._work.read(failures_key(ingest))))

    def copying_failures(self, ingest: Ingest, replica: str) -> Iterator[Failure]:
        """The bad objects that copying found."""
        yield from self._failures(ingest, replica, "copied")

    def verification_failures(self, ingest: Ingest, replica: str) -> Iterator[Failure]:
        """The copies that verification found to differ."""
        yield from self._failures(ingest, replica, "verified")

    def _failures(self, ingest: Ingest, replica: str, which: str) -> Iterator[Failure]:
        stage = "replicating" if which == "copied" else "verifying"
        for packet in self._packets.packets(ingest.id, replica):
            key = packet.copied if which == "copied" else packet.verified
            for outcome in self.of_packet(key) if key else ():
                if isinstance(outcome, Bad):
                    yield Failure.of_object(
                        outcome.source, outcome.fault, stage=stage, attempts=packet.attempts
                    )
