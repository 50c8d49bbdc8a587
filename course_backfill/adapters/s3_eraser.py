"""Erases a version's prefix from a bucket: uploads, objects, old versions and delete markers."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_errors import (
    answered_error,
    is_passing,
    s3_errors,
    unavailable,
)
from course_backfill.adapters.s3_retries import TRIES, Sleep, pause
from course_backfill.adapters.s3_uploads import S3Uploads
from course_backfill.erasure import check_abortable, check_erasable
from course_backfill.run_time import deadline

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

# XML 1.0 has no way to write these, not even escaped, and a line break does not survive it.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class S3ObjectEraser:
    """The ObjectEraser of one bucket, with versions or without.

    Everything is deleted by version id (`null` in a bucket that never had versions), so that no
    delete marker is left where versions are kept or once were.
    """

    def __init__(self, clients: S3Clients, bucket: str, *, sleep: Sleep = time.sleep) -> None:
        self._clients = clients
        self._bucket = bucket
        self._sleep = sleep
        self._uploads = S3Uploads(clients, bucket, sleep=sleep)

    def erase(self, prefix: str) -> int:
        """See ObjectEraser; raises NotErasable for any but a version's prefix.

        A page of at most 1,000 things is held at a time. A repeat goes on where a run broke off;
        raises OutOfTime between two pages once the present run has to stop.
        """
        check_erasable(prefix)
        return self._abort_all(prefix) + self._delete_versions(prefix)

    def abort_uploads(self, prefix: str) -> int:
        """See ObjectEraser; raises NotErasable for any but a course's prefix."""
        check_abortable(prefix)
        return self._abort_all(prefix)

    def _abort_all(self, prefix: str) -> int:
        """Aborts the first page of uploads again and again, until there is none."""
        aborted, fruitless = 0, 0
        before: set[tuple[str, str]] = set()
        while page := self._open_uploads(prefix):
            fruitless = fruitless + 1 if page == before else 0
            if fruitless == TRIES:
                raise unavailable("abort uploads below", self._bucket, prefix, "they stay")
            if fruitless:
                self._sleep(pause(fruitless))
            for key, upload in page:
                self._uploads.abort(key, upload)
            aborted += len(page - before)
            before = page
            deadline().check()
        return aborted

    def _delete_versions(self, prefix: str) -> int:
        """Deletes the first page of versions again and again, until there is none."""
        deleted, fruitless = 0, 0
        before: list[ObjectIdentifierTypeDef] = []
        while page := self._versions(prefix):
            fruitless = fruitless + 1 if page == before else 0
            if fruitless == TRIES:
                key = page[0]["Key"]
                raise unavailable("delete", self._bucket, key, "it stays")
            if fruitless:
                self._sleep(pause(fruitless))
            failures = self._delete(prefix, page)
            for key, code in failures.items():
                if not is_passing(code):
                    raise answered_error(code, 0, "delete", self._bucket, key)
            deleted += len(page) - len(failures)
            before = page
            deadline().check()
        return deleted

    def _open_uploads(self, prefix: str) -> set[tuple[str, str]]:
        with s3_errors("list the uploads below", self._bucket, prefix):
            page = self._clients.boto.list_multipart_uploads(
                Bucket=self._bucket, Prefix=prefix, EncodingType="url"
            )
        is_encoded = page.get("EncodingType") == "url"
        return {
            (unquote_plus(found["Key"]) if is_encoded else found["Key"], found["UploadId"])
            for found in page.get("Uploads", [])
        }

    def _versions(self, prefix: str) -> list[ObjectIdentifierTypeDef]:
        with s3_errors("list the versions below", self._bucket, prefix):
            page = self._clients.boto.list_object_versions(Bucket=self._bucket, Prefix=prefix)
        return [
            {"Key": found["Key"], "VersionId": found["VersionId"]}
            for found in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]

    def _delete(self, prefix: str, page: list[ObjectIdentifierTypeDef]) -> dict[str, str]:
        """Deletes a page; gives key and code of what S3 did not delete."""
        batch = [found for found in page if not _NOT_IN_XML.search(found["Key"])]
        with s3_errors("delete what lies below", self._bucket, prefix):
            for found in page:
                if _NOT_IN_XML.search(found["Key"]):
                    self._clients.boto.delete_object(
                        Bucket=self._bucket, Key=found["Key"], VersionId=found["VersionId"]
                    )
            if not batch:
                return {}
            answer = self._clients.boto.delete_objects(
                Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True}
            )
        return {error["Key"]: error["Code"] for error in answer.get("Errors", [])}
