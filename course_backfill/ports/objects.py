"""Object storage: locations, and the work bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from course_backfill.cold.storage import Restore


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
