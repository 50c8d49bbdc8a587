"""The S3 calls on objects, as S3 answers them: checksums, conditions, archives, key length."""

from typing import Any

from moto.core.common_types import TYPE_RESPONSE
from moto.core.request import Request
from moto.core.responses import ActionResult
from moto.s3.exceptions import (
    MissingKey,
    PreconditionFailed,
)
from moto.s3.models import FakeKey

from course_backfill.local.embedded_aws.blobs import Blob
from course_backfill.local.embedded_aws.checksums import (
    DEFAULT_ALGORITHM,
    DeclaredChecksums,
    encoded,
    header_name,
)
from course_backfill.local.embedded_aws.s3_copies import CopyCalls, same_etag
from course_backfill.local.embedded_aws.s3_errors import S3Refusal
from course_backfill.local.embedded_aws.s3_listing import ListingCalls
from course_backfill.local.embedded_aws.s3_objects import StoredObject
from course_backfill.local.embedded_aws.s3_restores import RestoreCalls
from course_backfill.local.embedded_aws.s3_signatures import require_region, require_unexpired
from course_backfill.local.embedded_aws.s3_uploads import UploadCalls

MAX_KEY_BYTES = 1024
PAYLOAD = "course_backfill.payload"
"""Where the request's environment holds the payload of PutObject and UploadPart: a Blob and a
DeclaredChecksums. moto sees an empty body then, and never holds the bytes."""


class EmbeddedS3Response(CopyCalls, UploadCalls, ListingCalls, RestoreCalls):
    """Answers one request; made anew for each."""

    def setup_class(  # type: ignore[override] # Its own base class does the same.
        self, request: Request, full_url: str | None = None, headers: Any = None
    ) -> None:
        super().setup_class(request, full_url, headers)
        self.payload: Blob | None = None
        self.declared = DeclaredChecksums()
        if PAYLOAD in request.environ:
            self.payload, self.declared = request.environ[PAYLOAD]
            self.body = self.payload

    @staticmethod
    def subdomain_based_buckets(request: Any) -> bool:
        """No: there is one host only, so every address is path-style."""
        return False

    def serialized(self, action_result: ActionResult) -> TYPE_RESPONSE:
        status, headers, body = super().serialized(action_result)
        refusal = action_result.result
        if isinstance(refusal, S3Refusal):
            return refusal.status, {**headers, **refusal.headers}, body
        return status, headers, body

    def _bucket_response(self, request: Any, full_url: str) -> str | TYPE_RESPONSE:
        query = self.querystring
        if request.method != "PUT" or query:
            require_region(self.backend, self.bucket_name, self.headers, query)
        return super()._bucket_response(request, full_url)

    def _key_response(self, request: Any, full_url: str) -> TYPE_RESPONSE:
        # moto takes keys of any length, and signed addresses of any age and region.
        if len(self.parse_key_name().encode()) > MAX_KEY_BYTES:
            raise S3Refusal(400, "KeyTooLongError", "Your key is too long")
        require_unexpired(self.querystring)
        require_region(self.backend, self.bucket_name, self.headers, self.querystring)
        if request.method == "POST" and "uploadId" in request.args:
            return self.complete_upload()
        if request.method == "POST" and "restore" in request.args:
            return self.restore_object()
        return super()._key_response(request, full_url)

    def put_object(self) -> TYPE_RESPONSE:
        """moto stores whatever arrives; S3 refuses bytes that differ from what was declared."""
        algorithm, digest = self._verified_digest()
        status, headers, body = super().put_object()
        key = self.stored(self.parse_key_name())
        key.set_checksum(algorithm, digest, "FULL_OBJECT", None)
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
        return status, headers, body

    def upload_part(self) -> TYPE_RESPONSE:
        upload_id = self.querystring["uploadId"][0]
        upload = self.backend.upload(self.bucket_name, upload_id, self.parse_key_name())
        named = upload.metadata.get("x-amz-checksum-algorithm")
        declared = self.declared.algorithm
        # Of the whole S3 counts a checksum without those of the parts.
        if declared is None and upload.checksum_kind == "FULL_OBJECT":
            named = None
        if named and declared != named.upper():
            message = (
                f"Checksum Type mismatch occurred, expected checksum Type: {named.lower()}, "
                f"actual checksum Type: {declared.lower() if declared else 'null'}"
            )
            raise S3Refusal(400, "InvalidRequest", message)
        algorithm, digest = self._verified_digest()
        answer = super().upload_part()
        part = upload.parts[int(self.querystring["partNumber"][0])]
        if isinstance(part, StoredObject):
            part.set_checksum(algorithm, digest, "FULL_OBJECT", None)
        return answer

    def _verified_digest(self) -> tuple[str, bytes]:
        payload = self.payload if self.payload is not None else Blob.of(self.raw_body)
        self.declared.verify(payload.digest)
        algorithm = self.declared.algorithm or DEFAULT_ALGORITHM
        return algorithm, payload.digest(algorithm)

    def _get_checksum(self, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        # moto believes the header, and only beside an x-amz-sdk-checksum-algorithm.
        if self.payload is None:
            return "", None
        algorithm = self.declared.algorithm or DEFAULT_ALGORITHM
        value = encoded(self.payload.digest(algorithm))
        response_headers[header_name(algorithm)] = value
        return algorithm, value

    def _get_key(self, validate_storage_class: bool = True) -> tuple[FakeKey, bool]:
        key, not_modified = super()._get_key(validate_storage_class)
        if validate_storage_class and isinstance(key, StoredObject):
            # moto does not know the tiers of INTELLIGENT_TIERING.
            key.require_active()
        return key, not_modified

    def get_object(self) -> TYPE_RESPONSE:
        status, headers, body = super().get_object()
        number = int(self.querystring.get("partNumber", ["0"])[0])
        key = self._source_of_get()
        if status != 200 or not number or key is None or not key.multipart:
            return status, headers, body
        # moto answers a part of an uploaded object with the whole.
        parts = key.multipart.parts
        if number not in parts:
            raise S3Refusal(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
        start = sum(part.size for name, part in parts.items() if name < number)
        stop = start + parts[number].size
        for name in [name for name in headers if name.startswith("x-amz-checksum-")]:
            del headers[name]
        headers["content-range"] = f"bytes {start}-{stop - 1}/{key.size}"
        headers["x-amz-mp-parts-count"] = str(len(parts))
        return 206, headers, key.value[start:stop]  # type: ignore[return-value] # See `call`.

    def head_object(
        self, bucket_name: str, query: dict[str, Any], key_name: str, headers: dict[str, Any]
    ) -> TYPE_RESPONSE:
        status, answer, body = super().head_object(bucket_name, query, key_name, headers)
        reported = [name for name in answer if name.startswith("x-amz-checksum-")]
        key = self._source_of_get()
        if status in (200, 206) and reported and key is not None and key.reported_checksum:
            # moto leaves out the type, and the number of parts behind a checksum of checksums.
            for name in reported:
                del answer[name]
            answer[header_name(str(key.checksum_algorithm))] = key.reported_checksum
            answer["x-amz-checksum-type"] = str(key.checksum_type)
        return status, answer, body

    def _source_of_get(self) -> StoredObject | None:
        version = self.querystring.get("versionId", [None])[0]
        key = self.backend.get_object(self.bucket_name, self.parse_key_name(), version_id=version)
        return key if isinstance(key, StoredObject) else None

    def require_destination(self, existing: FakeKey | None) -> None:
        """Raises moto's PreconditionFailed or MissingKey where If-None-Match or If-Match fails."""
        if self.headers.get("If-None-Match") == "*" and existing is not None:
            raise PreconditionFailed("If-None-Match")
        wanted = self.headers.get("If-Match")
        if wanted is not None and existing is None:
            raise MissingKey(key=self.parse_key_name())
        if wanted is not None and existing is not None and not same_etag(wanted, existing):
            raise PreconditionFailed("If-Match")
