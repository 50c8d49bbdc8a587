"""Replaces damaged objects, each only in the state it was found damaged in."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, cast

from awscrt.checksums import crc64nvme
from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.http_headers import sendable_content_type
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_errors import (
    CONDITION_FAILED,
    CONFLICTS,
    DAMAGED,
    MISSING,
    object_changed,
    place,
    s3_errors,
    unavailable,
)
from course_backfill.adapters.s3_reader import S3ObjectReader
from course_backfill.adapters.s3_retries import Sleep, try_again
from course_backfill.adapters.s3_uploads import S3Uploads
from course_backfill.cold.storage import STANDARD
from course_backfill.crc import crc_text
from course_backfill.errors import (
    ObjectChanged,
    StorageRefused,
    StorageUnavailable,
    UploadLost,
)
from course_backfill.ports import Part
from course_backfill.uploads import PART_BYTES, part_size

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import StorageClassType


class S3ObjectRepairer:
    """The ObjectRepairer of one bucket; what it writes is of one storage class."""

    def __init__(
        self,
        clients: S3Clients,
        bucket: str,
        *,
        storage_class: str = STANDARD,
        whole: int = PART_BYTES,
        sleep: Sleep = time.sleep,
    ) -> None:
        """Larger objects than `whole` bytes are sent in parts."""
        self._clients = clients
        self._bucket = bucket
        self._storage_class = cast("StorageClassType", storage_class)
        self._whole = whole
        self._sleep = sleep
        self._reader = S3ObjectReader(clients, bucket, sleep=sleep)
        self._uploads = S3Uploads(clients, bucket, storage_class=storage_class, sleep=sleep)

    def replace(
        self, key: str, content: Iterable[bytes], *, etag: str, size: int, content_type: str
    ) -> None:
        """See ObjectRepairer; raises ValueError where the blocks add up to another size."""
        header = sendable_content_type(content_type)
        if size <= self._whole:
            whole = b"".join(self._measured(content, key, size))
            self._put_whole(key, whole, etag, header)
        else:
            self._put_parts(key, self._measured(content, key, size), etag, size, header)

    def _put_whole(self, key: str, content: bytes, etag: str, content_type: str) -> None:
        sha256 = hashlib.sha256(content)

        def attempt() -> str | None:
            with s3_errors("replace", self._bucket, key):
                try:
                    self._clients.boto.put_object(
                        Bucket=self._bucket,
                        Key=key,
                        Body=content,
                        ContentType=content_type,
                        StorageClass=self._storage_class,
                        ChecksumSHA256=base64.b64encode(sha256.digest()).decode(),
                        IfMatch=etag,
                    )
                except ClientError as error:
                    if error_code(error) in CONDITION_FAILED | MISSING:
                        self._require(key, len(content), sha256=sha256.hexdigest(), error=error)
                    elif error_code(error) in CONFLICTS | DAMAGED:
                        return error_code(error)
                    else:
                        raise
            return None

        if code := try_again(attempt, self._sleep):
            raise unavailable("replace", self._bucket, key, code)

    def _put_parts(
        self, key: str, blocks: Iterator[bytes], etag: str, size: int, content_type: str
    ) -> None:
        upload = self._uploads.begin(key, content_type)
        crc64 = ""
        try:
            parts, crc64 = self._send_parts(key, upload, blocks, part_size(size))
            self._uploads.complete(
                key, upload, parts, checksum=crc64, size=size, replaced_etag=etag
            )
        except ObjectChanged as error:
            self._require(key, size, crc64=crc64, error=error)
        except UploadLost as error:
            self._abort(key, upload)
            if not self._is_there(key, size, crc64=crc64):
                raise unavailable("replace", self._bucket, key, "the upload was lost") from error
        except BaseException:
            self._abort(key, upload)
            raise

    def _send_parts(
        self, key: str, upload: str, blocks: Iterator[bytes], part_bytes: int
    ) -> tuple[list[Part], str]:
        """Sends the parts one after the other; gives them and the checksum of the whole."""
        parts: list[Part] = []
        whole, held = 0, bytearray()
        for block in chain(blocks, [None]):
            held += block or b""
            while len(held) >= part_bytes or (block is None and held):
                piece = bytes(held[:part_bytes])
                del held[:part_bytes]
                whole = crc64nvme(piece, whole)
                parts.append(self._uploads.put_part(key, upload, len(parts) + 1, piece))
        return parts, crc_text(whole)

    def _require(
        self,
        key: str,
        size: int,
        *,
        sha256: str | None = None,
        crc64: str | None = None,
        error: Exception,
    ) -> None:
        """Raises ObjectChanged unless an earlier try, whose answer was lost, did the work."""
        if not self._is_there(key, size, sha256=sha256, crc64=crc64):
            raise object_changed(self._bucket, key) from error

    def _is_there(
        self, key: str, size: int, *, sha256: str | None = None, crc64: str | None = None
    ) -> bool:
        stat = self._reader.stat(key)
        if stat is None or stat.size != size:
            return False
        is_same = sha256 is not None and stat.sha256 == sha256
        return is_same or (crc64 is not None and stat.crc64 == crc64)

    def _abort(self, key: str, upload: str) -> None:
        # What is being raised says more than a failure to clean up; the bucket's lifecycle
        # removes an upload that stays.
        with suppress(StorageUnavailable, StorageRefused):
            self._uploads.abort(key, upload)

    def _measured(self, content: Iterable[bytes], key: str, size: int) -> Iterator[bytes]:
        """The same blocks; raises ValueError at the end, or once there are too many bytes."""
        came = 0
        for block in content:
            came += len(block)
            if came > size:
                break
            yield block
        if came != size:
            raise ValueError(
                f"{came} bytes or more came for {place(self._bucket, key)}: {size} were promised"
            )
