"""One large object copied part by part, several parts at a time, continued where one was left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import suppress

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_copy_sources import COPY_REFUSALS, S3CopySource
from course_backfill.adapters.s3_errors import CONFLICTS, s3_errors, unavailable
from course_backfill.adapters.s3_retries import Sleep, try_again
from course_backfill.adapters.s3_uploads import GONE, S3Uploads
from course_backfill.errors import ObjectChanged, StorageRefused, StorageUnavailable
from course_backfill.ports import Part


class S3CopiedParts:
    """The copy of one state of one object in one upload."""

    def __init__(
        self,
        clients: S3Clients,
        uploads: S3Uploads,
        source: S3CopySource,
        *,
        source_key: str,
        etag: str,
        target: str,
        key: str,
        size: int,
        part_size: int,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._clients = clients
        self._uploads = uploads
        self._source = source
        self._source_key = source_key
        self._etag = etag
        self._target = target
        self._key = key
        self._size = size
        self._part_size = part_size
        self._sleep = sleep

    def make(self, content_type: str, crc64: str | None) -> None:
        """Makes the object; raises UploadLost to begin again.

        Without a checksum of the whole nothing could tell parts of another state of the source,
        so then no upload of another try is continued, and none is left to be.
        """
        there: dict[int, Part] = {}
        if crc64 is None:
            upload = self._uploads.begin(self._key, content_type)
        else:
            upload, there = self._uploads.open(self._key, content_type)
        try:
            parts = self._copied(upload, there)
            self._uploads.complete(self._key, upload, parts, checksum=crc64, size=self._size)
        except BaseException as error:
            if crc64 is None or isinstance(error, ObjectChanged):
                # What is being raised says more than a failure to clean up; the bucket's
                # lifecycle removes an upload that stays.
                with suppress(StorageUnavailable, StorageRefused):
                    self._uploads.abort(self._key, upload)
            raise

    def _copied(self, upload: str, there: dict[int, Part]) -> list[Part]:
        pool = self._clients.copying
        wanted = list(self._ranges())
        missing = [
            pool.submit(self._copy_part, upload, number, start, end)
            for number, start, end in wanted
            if not _is_copied(there.get(number), end - start)
        ]
        try:
            wait(missing, return_when=FIRST_EXCEPTION)
        finally:
            for part in missing:
                part.cancel()
            # Parts in flight must not land in an upload after it was given up.
            wait(missing)
        done = there | {part.number: part for part in _results(missing)}
        return [done[number] for number, _, _ in wanted]

    def _ranges(self) -> Iterator[tuple[int, int, int]]:
        """Of each part its number, first byte and the byte after its last."""
        starts = range(0, self._size, self._part_size)
        for number, start in enumerate(starts, start=1):
            yield number, start, min(start + self._part_size, self._size)

    def _copy_part(self, upload: str, number: int, start: int, end: int) -> Part:
        part = Part(number, end - start, etag="", checksum="")

        def attempt() -> str | None:
            nonlocal part
            with s3_errors("copy a part to", self._target, self._key):
                try:
                    result = self._clients.boto.upload_part_copy(
                        Bucket=self._target,
                        Key=self._key,
                        UploadId=upload,
                        PartNumber=number,
                        CopySource=self._source.of(self._source_key),
                        CopySourceIfMatch=self._etag,
                        CopySourceRange=f"bytes={start}-{end - 1}",
                    )["CopyPartResult"]
                except ClientError as error:
                    if error_code(error) in CONFLICTS:
                        return error_code(error)
                    if error_code(error) == GONE:
                        raise self._uploads.lost(self._key) from error
                    if error_code(error) in COPY_REFUSALS:
                        raise self._source.refusal(
                            error, self._source_key, self._etag, self._key
                        ) from error
                    raise
            checksum = result.get("ChecksumCRC64NVME", "")
            part = Part(number, end - start, result.get("ETag", ""), checksum)
            return None if part.etag else "no ETag"

        if code := try_again(attempt, self._sleep):
            raise unavailable("copy a part to", self._target, self._key, code)
        return part


def _is_copied(part: Part | None, size: int) -> bool:
    return part is not None and part.size == size and part.checksum != ""


def _results(futures: Sequence[Future[Part]]) -> list[Part]:
    """All results; raises what went wrong first, and not that others were called off for it."""
    for future in futures:
        if not future.cancelled() and (error := future.exception()):
            raise error
    return [future.result() for future in futures]
