"""Reads a bucket: what S3 says of an object, its bytes, listings, and links for browsers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from obstore.exceptions import BaseError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.http_headers import attachment
from course_backfill.adapters.s3_clients import S3Clients, carries
from course_backfill.adapters.s3_errors import (
    COLD,
    CONDITION_FAILED,
    MISSING,
    not_found,
    object_cold,
    s3_errors,
    unavailable,
)
from course_backfill.adapters.s3_retries import TRIES, Sleep, pause
from course_backfill.adapters.s3_stats import list_pages, listed_stat, stat_of
from course_backfill.ports import ObjectStat

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

BLOCK = 1024 * 1024


class S3ObjectReader:
    """The ObjectReader of one bucket."""

    def __init__(self, clients: S3Clients, bucket: str, *, sleep: Sleep = time.sleep) -> None:
        self._clients = clients
        self._bucket = bucket
        self._sleep = sleep

    def stat(self, key: str) -> ObjectStat | None:
        """See ObjectReader."""
        with s3_errors("look at", self._bucket, key):
            try:
                head = self._clients.boto.head_object(
                    Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"
                )
            except ClientError as error:
                if error_code(error) in MISSING:
                    return None
                raise
            return stat_of(key, head)

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See ObjectReader; blocks are of about 1 MiB.

        A connection that drops is taken up again at the byte reached, from the same object: one
        that was replaced meanwhile is StorageUnavailable. NotFound comes with the first block.
        """
        if end is not None and end <= start:
            if self.stat(key) is None:
                raise not_found(self._bucket, key)
            return
        reading = _Reading(key, start, end)
        if carries(key):
            yield from self._read_fast(reading)
        fruitless = 0
        while not reading.is_done:
            reached = reading.position
            yield from self._read_surely(reading)
            fruitless = 0 if reading.position > reached else fruitless + 1
            if fruitless == TRIES:
                raise unavailable("read", self._bucket, key, "the connection keeps dropping")
            if fruitless:
                self._sleep(pause(fruitless))

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ObjectReader; one page of 1,000 is held at a time."""
        with s3_errors("list", self._bucket, prefix):
            for page in list_pages(self._clients.boto, self._bucket, prefix):
                yield from map(listed_stat, page.get("Contents", []))

    def presign(self, key: str, *, version_id: str | None, seconds: int, file_name: str) -> str:
        """See ObjectReader; nothing is asked of S3."""
        params = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": attachment(file_name),
        }
        if version_id is not None:
            params["VersionId"] = version_id
        with s3_errors("sign a link to", self._bucket, key):
            return self._clients.boto.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=seconds
            )

    def _read_fast(self, reading: _Reading) -> Iterator[bytes]:
        """Reads with obstore for as long as nothing goes wrong."""
        try:
            answer = obstore.get(
                self._clients.fast_store(self._bucket), reading.key, options=reading.fast_options()
            )
            reading.etag = answer.meta["e_tag"]
            for buffer in answer.stream(min_chunk_size=BLOCK):
                block = bytes(buffer)
                reading.position += len(block)
                yield block
            reading.is_done = reading.position == answer.range[1]
        except (BaseError, OSError):
            # Whatever it was: boto3 goes on from the byte reached, and its errors have codes.
            return

    def _read_surely(self, reading: _Reading) -> Iterator[bytes]:
        """Reads with boto3 to the end, or until the connection drops."""
        with s3_errors("read", self._bucket, reading.key):
            try:
                answer = self._clients.boto.get_object(**reading.sure_request(self._bucket))
            except ClientError as error:
                if error_code(error) == "InvalidRange":
                    reading.is_done = True
                    return
                if error_code(error) in MISSING:
                    raise not_found(self._bucket, reading.key) from error
                if error_code(error) in COLD:
                    raise object_cold(self._bucket, reading.key) from error
                if error_code(error) in CONDITION_FAILED:
                    raise unavailable(
                        "read", self._bucket, reading.key, "it was replaced meanwhile"
                    ) from error
                raise
        reading.etag = answer["ETag"]
        with closing(answer["Body"]) as body:
            try:
                while block := body.read(BLOCK):
                    reading.position += len(block)
                    yield block
                reading.is_done = True
            except (HTTPClientError, IncompleteReadError):
                # The caller goes on from the byte reached, a bounded number of times.
                return


@dataclass(slots=True)
class _Reading:
    """How far the reading of one object is, and which state of it is being read."""

    key: str
    position: int
    end: int | None
    etag: str | None = None
    is_done: bool = False

    def fast_options(self) -> obstore.GetOptions:
        if self.end is not None:
            return {"range": (self.position, self.end)}
        return {"range": {"offset": self.position}} if self.position else {}

    def sure_request(self, bucket: str) -> GetObjectRequestTypeDef:
        request: GetObjectRequestTypeDef = {"Bucket": bucket, "Key": self.key}
        if self.etag is not None:
            request["IfMatch"] = self.etag
        if self.position or self.end is not None:
            last = "" if self.end is None else str(self.end - 1)
            request["Range"] = f"bytes={self.position}-{last}"
        return request
