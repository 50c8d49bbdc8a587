"""CopyObject and UploadPartCopy as S3 answers them; neither moves a byte."""

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult
from moto.s3.exceptions import MissingKey, MissingVersion, PreconditionFailed
from moto.s3.models import FakeKey

from course_backfill.local.embedded_aws.checksums import ALGORITHMS, DEFAULT_ALGORITHM
from course_backfill.local.embedded_aws.digests_wanted import require_counted
from course_backfill.local.embedded_aws.s3_errors import S3Refusal
from course_backfill.local.embedded_aws.s3_objects import StoredObject
from course_backfill.local.embedded_aws.s3_uploads import UploadCalls

MAX_COPY_BYTES = 5 * 1024**3


class CopyCalls(UploadCalls):
    """A mixin of EmbeddedS3Response. Raises DigestsWanted, which no client sees."""

    def copy_object(self) -> TYPE_RESPONSE:
        """moto knows neither the destination's conditions nor x-amz-copy-source-if-match."""
        source = self._copy_source()
        self.require_destination(self.backend.get_object(self.bucket_name, self.parse_key_name()))
        _require_copyable(source.size)
        # S3 answers with the MD5 of the bytes, which nobody has counted of an uploaded object.
        wanted = self.headers.get("x-amz-checksum-algorithm") or source.checksum_algorithm
        algorithm = str(wanted or DEFAULT_ALGORITHM).upper()
        if algorithm not in ALGORITHMS:
            message = "Checksum algorithm provided is unsupported."
            raise S3Refusal(400, "InvalidRequest", message)
        require_counted(source.value, {"MD5", algorithm})
        self.request.environ.pop("HTTP_X_AMZ_CHECKSUM_ALGORITHM", None)
        status, headers, _ = super().copy_object()
        copied = self.stored(self.parse_key_name())
        # A copy is one part, whatever its source was.
        copied.multipart = None
        copied.set_checksum(algorithm, copied.value.digest(algorithm), "FULL_OBJECT", None)
        kind = {"ChecksumType": "FULL_OBJECT"}
        return status, headers, self._copied("CopyObject", "CopyObjectResult", copied, **kind)

    def upload_part_copy(self) -> TYPE_RESPONSE:
        """moto ignores the conditions, copies what there is of a range, and counts its MD5."""
        source = self._copy_source()
        upload_id = self.querystring["uploadId"][0]
        upload = self.backend.upload(self.bucket_name, upload_id, self.parse_key_name())
        copied = source.value.cut(*self._copied_span(source.size))
        _require_copyable(copied.size)
        require_counted(copied, {"MD5", upload.algorithm})
        part = upload.copied_part(int(self.querystring["partNumber"][0]), copied)
        return 200, {}, self._copied("UploadPartCopy", "CopyPartResult", part)

    def stored(self, key_name: str) -> StoredObject:
        """The object that a call has just stored."""
        key = self.backend.get_object(self.bucket_name, key_name)
        if not isinstance(key, StoredObject):
            raise TypeError("the embedded S3 was not installed")
        return key

    def _copied(self, action: str, name: str, copied: StoredObject, **fields: str) -> Any:
        result = {
            "ETag": copied.etag,
            "LastModified": copied.last_modified_ISO8601,
            f"Checksum{copied.checksum_algorithm}": copied.checksum_value,
            **fields,
        }
        self.data["Action"] = action
        _, _, body = self.serialized(ActionResult({name: result}))
        return body

    def _copied_span(self, size: int) -> tuple[int, int]:
        wanted = self.headers.get("x-amz-copy-source-range")
        if wanted is None:
            return 0, size
        numbers = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
        first, last = (int(number) for number in numbers.groups()) if numbers else (1, 0)
        if first > last:
            message = (
                "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                "first and last are the zero-based offsets of the first and last bytes to copy"
            )
            raise S3Refusal(400, "InvalidArgument", message)
        if last >= size:
            message = f"Range specified is not valid for source object of size: {size}"
            raise S3Refusal(400, "InvalidArgument", message)
        return first, last + 1

    def _copy_source(self) -> StoredObject:
        address = urlsplit(self.headers["x-amz-copy-source"])
        bucket_name, _, key_name = unquote(address.path).lstrip("/").partition("/")
        version = parse_qs(address.query).get("versionId", [None])[0]
        source = self.backend.get_object(bucket_name, key_name, version_id=version)
        if not isinstance(source, StoredObject):
            raise MissingVersion() if version else MissingKey(key=key_name)
        wanted = self.headers.get("x-amz-copy-source-if-match")
        if wanted is not None and not same_etag(wanted, source):
            raise PreconditionFailed("x-amz-copy-source-If-Match")
        unwanted = self.headers.get("x-amz-copy-source-if-none-match")
        if unwanted is not None and same_etag(unwanted, source):
            raise PreconditionFailed("x-amz-copy-source-If-None-Match")
        # moto names another error, which S3 gives for other reasons.
        source.require_active("Operation is not valid for the source object's storage class")
        return source


def same_etag(wanted: str, key: FakeKey) -> bool:
    """Whether a condition names this object; S3 does not care about the quotes."""
    return wanted == "*" or wanted.strip('"') == key.etag.strip('"')


def _require_copyable(size: int) -> None:
    if size > MAX_COPY_BYTES:
        message = (
            "The specified copy source is larger than the maximum allowable size "
            f"for a copy source: {MAX_COPY_BYTES}"
        )
        raise S3Refusal(400, "InvalidRequest", message)
