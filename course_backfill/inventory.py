"""The inventory: what the source held when an ingest was planned, one line per object."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Literal

import orjson

from course_backfill.merging import Keyed, merged_by_key
from course_backfill.records import Record

KIND_FOLDERS = {"asset": "assets", "thumbnail": "thumbnails"}
"""The folder below a version's prefix that holds each kind."""

CONTENT_KINDS = {"assets": ("asset", "thumbnail")}
"""What a request's `content` asks for → the kinds of objects it covers."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one source object: a code of `failures.ADVICE` and the measured facts."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One object as the source's own document describes it; a line of the inventory.

    `source_id` is the document's `_id` as relaxed extended JSON with its key order kept.
    `metadata` holds, as extended JSON, every field that no other attribute holds. `size` is -1
    where the document has no usable length; `fault` then says so.
    """

    path: str
    kind: str
    size: int
    content_type: str | None
    source_id: Any
    upload_date: str | None
    metadata: dict[str, Any]
    fault: Fault | None = None

    @property
    def name(self) -> str:
        """The object's true name, without the folder of its kind."""
        return self.path.partition("/")[2]

    @property
    def declared_md5(self) -> str | None:
        """The digest that the source stored, if it stored one."""
        digest = self.metadata.get("md5") or self.metadata.get("custom_md5")
        return digest if isinstance(digest, str) else None

    def same_state(self, other: SourceObject) -> bool:
        """Whether both describe one state of the object; what was found about it does not count."""
        return _state_of(self) == _state_of(other)

    def to_dict(self) -> dict[str, Any]:
        """The fields that an inventory line and a manifest entry share."""
        return {
            "path": self.path,
            "kind": self.kind,
            "size": self.size,
            "contentType": self.content_type,
            "source": {"id": self.source_id, "uploadDate": self.upload_date},
            "metadata": self.metadata,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> SourceObject:
        """Reads an inventory line; of a manifest entry, the part that describes the source."""
        fault = fields.get("fault")
        return cls(
            path=fields["path"],
            kind=fields["kind"],
            size=fields["size"],
            content_type=fields["contentType"],
            source_id=fields["source"]["id"],
            upload_date=fields["source"]["uploadDate"],
            metadata=fields["metadata"],
            fault=Fault(fault["code"], fault["detail"]) if fault else None,
        )

    def to_line(self) -> bytes:
        """One JSON line; the fault, where there is one, travels with it."""
        fields = self.to_dict()
        if self.fault:
            fields["fault"] = {"code": self.fault.code, "detail": self.fault.detail}
        return orjson.dumps(fields) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> SourceObject:
        """The inverse of `to_line`."""
        return cls.from_dict(orjson.loads(line))

    @property
    def sort_key(self) -> bytes:
        """Inventories and entries are sorted bytewise by path."""
        return self.path.encode()


_state_of = attrgetter(*(one.name for one in fields(SourceObject) if one.name != "fault"))
"""Asked of every object that is copied: five times as fast as comparing copies without a fault."""


class Fingerprints:
    """Per kind, the sha256 over the sorted lines: equal fingerprints, unchanged source."""

    def __init__(self) -> None:
        self._hashes = {kind: hashlib.sha256() for kind in KIND_FOLDERS}

    def add(self, found: SourceObject) -> None:
        """Takes the next object, in the order of the inventory."""
        # An object at fault may be of a kind that has no folder; it is part of the source too.
        running = self._hashes.setdefault(found.kind, hashlib.sha256())
        running.update(orjson.dumps(found.to_dict(), option=orjson.OPT_SORT_KEYS))

    def hexdigests(self) -> dict[str, str]:
        """kind → sha256 in hex."""
        return {kind: running.hexdigest() for kind, running in self._hashes.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """How one path differs between two inventories."""

    path: str
    change: Literal["added", "changed", "removed"]


class InventorySummary(Record):
    """The inventory that an ingest is planned from."""

    key: str
    """Its file in the work bucket."""
    database: str
    """Of the source, as it was called then."""
    taken_date: str
    """When reading the source for it began."""
    objects: int
    bytes: int
    fingerprints: dict[str, str]


def changes(before: Iterable[SourceObject], after: Iterable[SourceObject]) -> Iterator[Change]:
    """How two inventories sorted by path differ; holds one path of each at a time.

    Of several objects with one path the first counts: inventories put the one that is good there.
    """
    for key, old, new in merged_by_key(_by_path(before), _by_path(after)):
        if not old:
            yield Change(key.decode(), "added")
        elif not new:
            yield Change(key.decode(), "removed")
        elif not old[0].same_state(new[0]):
            yield Change(key.decode(), "changed")


def _by_path(objects: Iterable[SourceObject]) -> Iterator[Keyed[SourceObject]]:
    return ((one.sort_key, one) for one in objects)
