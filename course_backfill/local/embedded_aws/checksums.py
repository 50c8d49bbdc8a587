"""The checksums that S3 counts, and the refusal of bytes that differ from what was declared."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from awscrt import checksums as crt

from course_backfill.local.embedded_aws.s3_errors import S3Refusal

DEFAULT_ALGORITHM = "CRC64NVME"
"""What S3 counts by itself where the client declares nothing."""


class Digest(Protocol):
    """A running checksum, as hashlib has it."""

    def update(self, data: bytes, /) -> None:
        """Takes the next bytes."""
        ...

    def digest(self) -> bytes:
        """The raw checksum of all bytes taken."""
        ...


class _Crc:
    def __init__(self, count: Callable[[bytes, int], int], size: int) -> None:
        self._count = count
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._count(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


ALGORITHMS: Mapping[str, Callable[[], Digest]] = {
    "CRC32": lambda: _Crc(crt.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
}

JOINS: Mapping[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}
"""Of two checksums and the second one's length: the checksum of both byte strings in a row."""


def new_digest(algorithm: str) -> Digest:
    """Of `ALGORITHMS`, or MD5."""
    if algorithm == "MD5":
        return hashlib.md5(usedforsecurity=False)
    return ALGORITHMS[algorithm]()


def encoded(digest: bytes) -> str:
    """A checksum as S3 writes it: in base64."""
    return base64.b64encode(digest).decode("ascii")


def header_name(algorithm: str) -> str:
    """The header that declares and reports a checksum."""
    return f"x-amz-checksum-{algorithm.lower()}"


@dataclass(frozen=True)
class DeclaredChecksums:
    """What a request says of its own bytes: one checksum at most, and Content-MD5."""

    algorithm: str | None = None
    value: str | None = None
    content_md5: str | None = None

    @classmethod
    def of(
        cls, headers: Mapping[str, str], trailers: Mapping[str, str] | None = None
    ) -> "DeclaredChecksums":
        """Raises S3Refusal where two checksums are declared, as S3 does."""
        arrived = (*headers.items(), *(trailers or {}).items())
        named = {name.lower(): value for name, value in arrived}
        found = [name for name in ALGORITHMS if header_name(name) in named]
        if len(found) > 1:
            raise S3Refusal(400, "InvalidRequest", "Expecting a single x-amz-checksum- header")
        algorithm = found[0] if found else announced_algorithm(named)
        value = named[header_name(found[0])].strip() if found else None
        return cls(algorithm, value, named.get("content-md5"))

    def verify(self, digest: Callable[[str], bytes]) -> None:
        """Raises S3Refusal where the bytes are not the declared ones; S3 stores nothing then."""
        if self.content_md5 is not None:
            expected = _decoded(self.content_md5, "MD5")
            if expected is None:
                raise S3Refusal(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
            if expected != digest("MD5"):
                raise S3Refusal(
                    400,
                    "BadDigest",
                    "The Content-MD5 you specified did not match what we received.",
                )
        if self.algorithm is not None and self.value is not None:
            verify_value(self.algorithm, self.value, digest(self.algorithm))


def announced_algorithm(headers: Mapping[str, str]) -> str | None:
    """The algorithm a request names without, or before, giving the checksum itself."""
    trailer = headers.get("x-amz-trailer", "").strip().lower()
    for name in ALGORITHMS:
        if name == headers.get("x-amz-sdk-checksum-algorithm", "").upper():
            return name
        if trailer == header_name(name):
            return name
    return None


def verify_value(algorithm: str, value: str, digest: bytes) -> None:
    """Raises S3Refusal where `value` is no checksum, or another one than `digest`."""
    expected = _decoded(value, algorithm)
    if expected is None:
        message = f"Value for {header_name(algorithm)} header is invalid."
        raise S3Refusal(400, "InvalidRequest", message)
    if expected != digest:
        message = f"The {algorithm} you specified did not match the calculated checksum."
        raise S3Refusal(400, "BadDigest", message)


def _decoded(value: str, algorithm: str) -> bytes | None:
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if len(digest) == len(new_digest(algorithm).digest()) else None
