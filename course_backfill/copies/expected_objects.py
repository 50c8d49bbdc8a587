"""Expected objects: what a location must hold of a course's versions, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

import orjson

from course_backfill.copies.object_keys import version_of
from course_backfill.inventory import Fault
from course_backfill.manifests import MANIFEST_FILES
from course_backfill.ports import ObjectStat
from course_backfill.sorting import sort_records


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """One object, the same in every location; `key` is relative to the location's prefix.

    `md5` is of the entry's bytes, where it is known. The rest says how it is to come there. `etag`
    is of the object it is copied from, `archive` the
    class that must be restored from first, `is_present` that something of this size is there
    already. A repair names the location `source` that a good copy is in and, in `damaged_etag`,
    the object that it replaces, unless the object is missing; `damaged_sha256` is of that one's
    bytes, where an audit read them.
    """

    key: str
    size: int
    sha256: str
    content_type: str
    md5: str | None = None
    etag: str | None = None
    archive: str | None = None
    is_present: bool = False
    source: str | None = None
    damaged_etag: str | None = None
    damaged_sha256: str | None = None

    @property
    def is_manifest_file(self) -> bool:
        """Whether it describes a version, and so is never cold."""
        return self.key.count("/") == MANIFEST_FILE_DEPTH and self.name in MANIFEST_FILES

    @property
    def name(self) -> str:
        """The key's last part."""
        return self.key.rpartition("/")[2]

    @property
    def version(self) -> str:
        """The version whose prefix it lies below."""
        return version_of(self.key)

    @property
    def is_proven_by_etag(self) -> bool:
        """Whether the ETag of what it is copied from is the md5 of the entry's bytes.

        It is of what was stored in one piece, unless KMS encrypts it.
        """
        return self.md5 is not None and self.etag == f'"{self.md5}"'

    def to_line(self) -> bytes:
        """One JSON line; what is not set is left out."""
        fields = {
            "key": self.key,
            "size": self.size,
            "sha256": self.sha256,
            "contentType": self.content_type,
            "md5": self.md5,
            "etag": self.etag,
            "archive": self.archive,
            "isPresent": self.is_present or None,
            "source": self.source,
            "damagedEtag": self.damaged_etag,
            "damagedSha256": self.damaged_sha256,
        }
        kept = {name: value for name, value in fields.items() if value is not None}
        return orjson.dumps(kept) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> ExpectedObject:
        """The inverse of `to_line`."""
        fields = orjson.loads(line)
        return cls(
            key=fields["key"],
            size=fields["size"],
            sha256=fields["sha256"],
            content_type=fields["contentType"],
            md5=fields.get("md5"),
            etag=fields.get("etag"),
            archive=fields.get("archive"),
            is_present=fields.get("isPresent", False),
            source=fields.get("source"),
            damaged_etag=fields.get("damagedEtag"),
            damaged_sha256=fields.get("damagedSha256"),
        )


MANIFEST_FILE_DEPTH = 3
"""`courses/{course}/v1/manifest.json`: entries lie deeper, in the folders of their kinds."""


class ManifestsDisagree(Exception):
    """Two manifests say different things of one key; `str()` names it."""


def distinct(objects: Iterable[ExpectedObject]) -> Iterator[ExpectedObject]:
    """Each object once, in the bytewise order of keys; memory stays bounded.

    Raises ManifestsDisagree where two manifests expect different objects at a key.
    """
    records = ((one.key.encode(), one.to_line()) for one in objects)
    for key, group in groupby(sort_records(records), key=lambda record: record[0]):
        found = [
            ExpectedObject.from_line(line) for line in dict.fromkeys(line for _, line in group)
        ]
        first = found[0]
        if any((one.size, one.sha256) != (first.size, first.sha256) for one in found):
            raise ManifestsDisagree(f"two manifests expect different objects at {key.decode()!r}")
        yield first


def listed_fault(one: ExpectedObject, listed: ObjectStat | None) -> Fault:
    """What is wrong with an object that a listing has not, or has with another size."""
    if listed is None:
        return Fault("object-missing", f"there is no object {one.key!r}")
    detail = f"{one.key!r} has {listed.size} bytes, the entry says {one.size}"
    return Fault("fixity-mismatch", detail)
