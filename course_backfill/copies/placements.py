"""Placements: what became of each expected object of a packet, in files of the work bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.failures import Failure
from course_backfill.inventory import Fault
from course_backfill.manifests import split_lines
from course_backfill.ports import WorkStore
from course_backfill.stores.packets import PacketStore


@dataclass(frozen=True, slots=True)
class Placement:
    """One expected object of a location, and what is wrong with it there, if anything is.

    `etag` and `sha256` are of what was found instead; `is_unread` tells what nobody could compare,
    because it is cold.
    """

    expected: ExpectedObject
    fault: Fault | None = None
    etag: str | None = None
    sha256: str | None = None
    is_unread: bool = False

    def to_line(self) -> bytes:
        """One JSON line."""
        fields = {
            "expected": orjson.Fragment(self.expected.to_line().rstrip()),
            "fault": {"code": self.fault.code, "detail": self.fault.detail} if self.fault else None,
            "etag": self.etag,
            "sha256": self.sha256,
            "isUnread": self.is_unread or None,
        }
        kept = {name: value for name, value in fields.items() if value is not None}
        return orjson.dumps(kept) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Placement:
        """The inverse of `to_line`."""
        fields = orjson.loads(line)
        fault = fields.get("fault")
        return cls(
            expected=ExpectedObject.from_line(orjson.dumps(fields["expected"])),
            fault=Fault(fault["code"], fault["detail"]) if fault else None,
            etag=fields.get("etag"),
            sha256=fields.get("sha256"),
            is_unread=fields.get("isUnread", False),
        )


class Placements:
    """Writes the placements of packets, and reads those of a replica joined by key."""

    def __init__(self, *, work: WorkStore, packets: PacketStore) -> None:
        self._work = work
        self._packets = packets

    def write(self, key: str, placements: Iterator[Placement] | list[Placement]) -> None:
        """Stores one packet's result."""
        self._work.put(key, (one.to_line() for one in placements))

    def of_packet(self, key: str) -> Iterator[Placement]:
        """One packet's result."""
        return map(Placement.from_line, split_lines(self._work.read(key)))

    def faults(self, ingest: str, replica: str, *, stage: str) -> Iterator[Failure]:
        """Everything that copying (or verifying) a replica found wrong."""
        for packet in self._packets.packets(ingest, replica):
            key = packet.copied if stage == "replicating" else packet.verified
            for one in self.of_packet(key) if key else ():
                if one.fault:
                    yield Failure.of_copy(
                        one.expected.key, one.fault, replica, stage=stage, attempts=packet.attempts
                    )
