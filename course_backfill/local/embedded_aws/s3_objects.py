"""moto's S3 objects and multipart uploads, holding blobs instead of bytes in memory."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from moto.s3.exceptions import EntityTooSmall, InvalidPart, InvalidPartOrder, MalformedXML
from moto.s3.models import FakeKey, FakeMultipart
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from course_backfill.local.embedded_aws.blobs import Blob
from course_backfill.local.embedded_aws.checksums import (
    DEFAULT_ALGORITHM,
    JOINS,
    encoded,
    new_digest,
    verify_value,
)
from course_backfill.local.embedded_aws.s3_archives import ArchivableObject
from course_backfill.local.embedded_aws.s3_errors import S3Refusal

MAX_PARTS = 10_000


class StoredObject(ArchivableObject):
    """An object, or a part: its `value` is a Blob, its checksum the one S3 would report."""

    _blob = Blob()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # moto's place for the bytes, which stay in the blob.
        self._value_buffer.close()

    @property  # type: ignore[override] # A blob serves wherever moto wants the bytes.
    def value(self) -> Blob:
        """The bytes."""
        return self._blob

    @value.setter
    def value(self, new_value: Blob | bytes) -> None:
        self._blob = new_value if isinstance(new_value, Blob) else Blob.of(bytes(new_value))
        self.contentsize = self._blob.size

    @property
    def etag(self) -> str:
        if self._etag is None:
            self._etag = self._blob.digest("MD5").hex()
        return f'"{self._etag}"'

    @property
    def last_modified_ISO8601(self) -> datetime:  # type: ignore[override] # Its own base says so, too.
        # As text, moto would parse it again for every line of a listing.
        return self.last_modified.replace(tzinfo=UTC)

    def set_metadata(self, metadata: Any, replace: bool = False) -> None:
        # S3 checks Content-MD5 and the payload's hash; it stores neither.
        for name in ("content-md5", "x-amz-content-sha256"):
            metadata.pop(name, None)
        super().set_metadata(metadata, replace)

    def set_checksum(self, algorithm: str, digest: bytes, kind: str, parts: int | None) -> None:
        """`kind` is FULL_OBJECT or COMPOSITE; `parts` counts for the latter."""
        self.checksum_algorithm = algorithm
        self.checksum_value = encoded(digest)
        self.checksum_type = kind
        self.checksum_parts = parts

    @property
    def reported_checksum(self) -> str | None:
        """With the number of parts behind it, where it was counted over the parts' checksums."""
        if self.checksum_type == "COMPOSITE":
            return f"{self.checksum_value}-{self.checksum_parts}"
        return self.checksum_value

    def dispose(self, garbage: bool = False) -> None:
        self._blob = Blob()
        if self.multipart:
            self.multipart.dispose()
        self.disposed = True

    def __del__(self) -> None:
        """Nothing to close: a blob's file goes with the last blob that uses it."""


class StoredUpload(FakeMultipart):
    """A multipart upload whose completion moves no byte and checks what was declared."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initiated = datetime.now(UTC)

    @property
    def algorithm(self) -> str:
        """What the checksums of its parts, and of the whole, are counted by."""
        named: str | None = self.metadata.get("x-amz-checksum-algorithm")
        return named.upper() if named else DEFAULT_ALGORITHM

    @property
    def checksum_kind(self) -> str:
        """FULL_OBJECT or COMPOSITE; raises S3Refusal for a pair that S3 does not have."""
        named: str | None = self.metadata.get("x-amz-checksum-type")
        kind = named or ("FULL_OBJECT" if self.algorithm == DEFAULT_ALGORITHM else "COMPOSITE")
        allowed = {"FULL_OBJECT"} if self.algorithm == DEFAULT_ALGORITHM else {"COMPOSITE"}
        if self.algorithm in JOINS:
            allowed.add("FULL_OBJECT")
        if kind not in allowed:
            message = (
                f"The {kind} checksum type cannot be used with the {self.algorithm} algorithm."
            )
            raise S3Refusal(400, "InvalidRequest", message)
        return kind

    def copied_part(self, number: int, copied: Blob) -> StoredObject:
        """A part that shares the bytes of another object."""
        if not 1 <= number <= MAX_PARTS:
            message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
            raise S3Refusal(400, "InvalidArgument", message)
        part = self.set_part(number, copied)  # type: ignore[arg-type] # See StoredObject.
        if not isinstance(part, StoredObject):
            raise TypeError("the embedded S3 was not installed")
        part.set_checksum(self.algorithm, copied.digest(self.algorithm), "FULL_OBJECT", None)
        return part

    def chosen_parts(self, listed: Iterable["ListedPart"]) -> list[StoredObject]:
        """The parts a completion lists. Raises moto's errors of S3 where the list is wrong."""
        chosen: list[StoredObject] = []
        previous = 0
        for entry in listed:
            if entry.number <= previous:
                raise InvalidPartOrder()
            previous = entry.number
            part = self.parts.get(entry.number)
            if not isinstance(part, StoredObject) or part.etag.strip('"') != entry.etag.strip('"'):
                raise InvalidPart()
            if chosen and chosen[-1].size < S3_UPLOAD_PART_MIN_SIZE:
                raise EntityTooSmall()
            for algorithm, value in entry.checksums.items():
                _verify_part(algorithm, value, part)
            chosen.append(part)
        if not chosen:
            raise MalformedXML()
        return chosen

    def counted_digest(self, parts: list[StoredObject]) -> bytes:
        """The checksum of the object that `parts` make: of its bytes, or of their checksums."""
        digests = [part.value.digest(self.algorithm) for part in parts]
        if self.checksum_kind == "COMPOSITE":
            whole = new_digest(self.algorithm)
            whole.update(b"".join(digests))
            return whole.digest()
        joined = int.from_bytes(digests[0], "big")
        for digest, part in zip(digests[1:], parts[1:], strict=True):
            joined = JOINS[self.algorithm](joined, int.from_bytes(digest, "big"), part.size)
        return joined.to_bytes(len(digests[0]), "big")

    def list_parts(self, part_number_marker: int, max_parts: int) -> Iterator[FakeKey]:
        # The marker is a part's number, which moto takes for a position in the list.
        after = (number for number in self.partlist if number > part_number_marker)
        return (self.parts[number] for number in islice(after, max_parts))


class ListedPart:
    """One part as CompleteMultipartUpload names it; `checksums` by algorithm, base64."""

    def __init__(self, number: int, etag: str, checksums: dict[str, str]) -> None:
        self.number = number
        self.etag = etag
        self.checksums = checksums


def _verify_part(algorithm: str, value: str, part: StoredObject) -> None:
    try:
        verify_value(algorithm, value, part.value.digest(algorithm))
    except S3Refusal:
        raise InvalidPart() from None
