"""Ports: the few verbs through which the domain reaches the outside; each has a memory twin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from course_backfill.cold.storage import Restore
from course_backfill.courses import CourseId
from course_backfill.inventory import Fault, SourceObject
from course_backfill.messages import StepMessage

# --- the source ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadObject:
    """What one read of one source object gave: its bytes, or what is wrong with them."""

    source: SourceObject
    content: bytes | Fault


class CourseSource(Protocol):
    """Where course content is now. Never written to; memory stays bounded whatever the course.

    Every verb raises SourceUnavailable when trying again may help and SourceRefused when not.
    """

    @property
    def database(self) -> str:
        """The name of its database, which may have to be found first."""
        ...

    def discover(self) -> Iterator[CourseId]:
        """Every course the source knows of, each once."""
        ...

    def inventory(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """The course's objects as their documents stand now (primary, majority), in any order.

        With `check_chunks`, what the index of the chunks shows to be wrong is in `fault`.
        """
        ...

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """How the documents of these objects stand now, in the same order; None for one gone."""
        ...

    def read_batch(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        """The bytes of small objects, each once, in any order, a few queries for all of them.

        Chunk numbers and lengths are checked against the document; digests are not.
        """
        ...

    def stream(self, found: SourceObject) -> Iterator[bytes]:
        """The bytes of one object, block by block; raises BadObject where chunks do not fit."""
        ...

    def sharing(self, course: CourseId) -> list[CourseId]:
        """The other courses that the same files belong to."""
        ...


class BadObject(Exception):
    """A stream met chunks that do not fit the document; `fault` says which."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


# --- object storage -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What S3 says of an object; checksums only where S3 stored one of the whole object.

    `sha256` is hex, `crc64` base64. `archive` is the class by which it must be restored before it
    can be read. Listings tell no checksums, no version, and no archive tier of Intelligent-Tiering.
    """

    key: str
    size: int
    sha256: str | None = None
    etag: str | None = None
    version_id: str | None = None
    crc64: str | None = None
    storage_class: str = "STANDARD"
    archive: str | None = None
    restore: Restore | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One uploaded part; `checksum` is the full CRC64NVME of its bytes, as S3 stored it."""

    number: int
    size: int
    etag: str
    checksum: str


class ObjectReader(Protocol):
    """Reads one location (or the work bucket). Keys are whole keys within the bucket.

    Every verb of the object ports raises StorageUnavailable when trying again may help and
    StorageRefused when not.
    """

    def stat(self, key: str) -> ObjectStat | None:
        """Size, stored checksum and version of the object; None where there is none."""
        ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `[start, end)` in blocks; raises NotFound, or ObjectCold where it is cold."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """Every object below the prefix with size, ETag, class and restore, in bytewise order."""
        ...

    def presign(self, key: str, *, version_id: str | None, seconds: int, file_name: str) -> str:
        """A URL that reads exactly this object, as a download, for so many seconds."""
        ...


class ObjectWriter(Protocol):
    """Writes one location, create-only: no verb of it replaces an existing object."""

    def create(self, key: str, content: bytes, *, sha256: str, content_type: str) -> None:
        """Stores a small object whole; raises ObjectExists.

        S3 checks the bytes that arrive by their sha256, and stores that. `sha256` (hex) must be
        it: nobody computes it again, but a verifier finds out.
        """
        ...

    def open_upload(self, key: str, *, content_type: str) -> tuple[str, dict[int, Part]]:
        """The id of the key's multipart upload, continued if one is open, and its parts so far."""
        ...

    def put_part(self, key: str, upload: str, number: int, content: bytes) -> Part:
        """Sends one part, checked by S3 on arrival; raises UploadLost."""
        ...

    def complete_upload(
        self, key: str, upload: str, parts: Sequence[Part], *, checksum: str, size: int
    ) -> None:
        """Makes the object of its parts; raises ObjectExists, or UploadLost to begin again.

        `checksum` is the CRC64NVME of the whole object, base64, which S3 checks.
        """
        ...

    def abort_upload(self, key: str, upload: str) -> None:
        """Gives the upload up; no error where it is gone already."""
        ...


class WorkStore(Protocol):
    """The work bucket: inventories, results, failures. Its files are made once and read often."""

    def put(self, key: str, content: Iterable[bytes]) -> None:
        """Stores a file, replacing one of the same name; memory stays bounded."""
        ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `[start, end)` in blocks; raises NotFound where there is no such file."""
        ...


# --- state --------------------------------------------------------------------------------------

Item = dict[str, Any]
"""Attributes of JSON types, numbers whole; what is null is left out."""


@dataclass(frozen=True, slots=True)
class Key:
    """Names an item: the table (`ingests` or `courses`), its partition and its sort key."""

    table: str
    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One demand on one attribute. Null is never stored: to equal None is to be absent."""

    attribute: str
    op: Literal["exists", "absent", "equals"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction; `when` must hold (all of it) or nothing is written.

    `item` replaces the whole item; otherwise `assign`, `remove` and `add` change attributes; with
    none of them, and `delete` unset, the write only checks. On an item that does not exist only
    `absent` conditions hold.
    """

    key: Key
    item: Item | None = None
    assign: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    add: Mapping[str, int] = field(default_factory=dict)
    delete: bool = False
    when: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a query; `cursor` continues after them, None at the end."""

    items: list[Item]
    cursor: str | None = None


class StateStore(Protocol):
    """The tables, reached by key or index; reads by key are strongly consistent."""

    def get(self, key: Key) -> Item | None:
        """The item, with `pk` and `sk` among its attributes, or None."""
        ...

    def query(
        self, table: str, pk: str, *, sk_prefix: str = "", limit: int = 1000, after: str = ""
    ) -> Page:
        """Items of a partition whose sort key begins so and comes after `after`, in its order."""
        ...

    def query_index(
        self,
        index: str,
        partition: str,
        *,
        limit: int,
        after: str = "",
        before: str = "",
        descending: bool = False,
    ) -> Page:
        """Items of an index's partition whose sort attribute lies between the bounds, exclusively.

        The page's cursor is the last sort attribute given out: the next `after`, or `before` when
        descending. An index follows the table with a delay.
        """
        ...

    def write(self, *writes: Write) -> None:
        """Applies at most 100 writes, all or none; on ConditionFailed nothing was written."""
        ...


# --- messages and callbacks ---------------------------------------------------------------------


class MessageSender(Protocol):
    """Sends messages to the queues of their steps' services."""

    def send(self, messages: Sequence[StepMessage]) -> None:
        """Sends all of them; a crash in between is mended by sending all again."""
        ...


class Queues(MessageSender, Protocol):
    """The queues as workers use them: to send, and to have a message come again later."""

    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None:
        """Lets a received message come again after so many seconds; no error where it is gone."""
        ...


class CallbackSender(Protocol):
    """Calls out, once, to an address that passed the rules."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Posts the body and gives the answer's HTTP status.

        Raises CallbackFailed with a sentence that names no secret.
        """
        ...


class CallbackFailed(Exception):
    """The receiver could not be reached, or its address is not allowed; `str()` says which."""
