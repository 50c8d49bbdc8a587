"""The S3 calls on multipart uploads, as S3 answers them."""

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult
from moto.s3.exceptions import MalformedXML
from moto.s3.responses import S3Response

from course_backfill.local.embedded_aws.checksums import ALGORITHMS, DeclaredChecksums, verify_value
from course_backfill.local.embedded_aws.digests_wanted import require_counted
from course_backfill.local.embedded_aws.s3_backend import EmbeddedS3Backend
from course_backfill.local.embedded_aws.s3_errors import S3Refusal
from course_backfill.local.embedded_aws.s3_objects import ListedPart, StoredObject, StoredUpload

PAGE = 1000
OWNER = {"ID": "embedded", "DisplayName": "embedded"}


class UploadCalls(S3Response):
    """Listing and completing uploads; a mixin of EmbeddedS3Response, which sends calls here."""

    @property
    def backend(self) -> EmbeddedS3Backend:
        """moto's backend, which is the embedded one."""
        backend = super().backend
        if not isinstance(backend, EmbeddedS3Backend):
            raise TypeError("the embedded S3 was not installed")
        return backend

    def require_destination(self, existing: Any) -> None:
        """Raises where a condition on what is at the key fails; the response has it."""
        raise NotImplementedError

    def complete_upload(self) -> TYPE_RESPONSE:
        """moto ignores the declared checksums, the order of the parts and their total size."""
        key_name = self.parse_key_name()
        upload_id = self.querystring["uploadId"][0]
        existing = self.backend.get_object(self.bucket_name, key_name)
        repeated = existing and existing.multipart and existing.multipart.id == upload_id
        if repeated and isinstance(existing, StoredObject):
            # S3 answers a repeated completion with success for a while after the first.
            return self._completed(existing)
        upload = self.backend.upload(self.bucket_name, upload_id, key_name)
        self.require_destination(existing)
        listed = list(_listed_parts(self.raw_body))
        for entry in listed:
            if isinstance(part := upload.parts.get(entry.number), StoredObject):
                require_counted(part.value, {upload.algorithm, *entry.checksums})
        parts = upload.chosen_parts(listed)
        digest = self._checked(upload, parts)
        return self._completed(self.backend.finish_upload(self.bucket_name, upload, parts, digest))

    def _checked(self, upload: StoredUpload, parts: list[StoredObject]) -> bytes:
        size = sum(part.size for part in parts)
        if self.headers.get("x-amz-mp-object-size", str(size)) != str(size):
            message = "The provided 'x-amz-mp-object-size' does not match what was computed."
            raise S3Refusal(400, "InvalidRequest", message)
        digest = upload.counted_digest(parts)
        declared = DeclaredChecksums.of(self.headers)
        if declared.algorithm is not None and declared.value is not None:
            if declared.algorithm != upload.algorithm:
                message = f"The upload was created using the {upload.algorithm} checksum mode."
                raise S3Refusal(400, "InvalidRequest", message)
            verify_value(declared.algorithm, declared.value.split("-")[0], digest)
        return digest

    def _completed(self, key: StoredObject) -> TYPE_RESPONSE:
        self.data["Action"] = "CompleteMultipartUpload"
        return self.serialized(
            ActionResult(
                {
                    "Location": f"http://{self.headers['host']}/{self.bucket_name}/{key.name}",
                    "Bucket": self.bucket_name,
                    "Key": key.name,
                    "ETag": key.etag,
                    "VersionId": key.version_id if key.version_id != "null" else None,
                    f"Checksum{key.checksum_algorithm}": key.reported_checksum,
                    "ChecksumType": key.checksum_type,
                }
            )
        )

    def list_parts(self) -> TYPE_RESPONSE:
        """With every part's checksum, and pages by part number, neither of which moto gives."""
        key_name = self.parse_key_name()
        upload_id = self.querystring["uploadId"][0]
        upload = self.backend.upload(self.bucket_name, upload_id, key_name)
        marker = int(self.querystring.get("part-number-marker", ["0"])[0])
        limit = int(self.querystring.get("max-parts", [str(PAGE)])[0])
        found = list(upload.list_parts(marker, min(limit, PAGE) + 1))
        page = found[: min(limit, PAGE)]
        self.data["Action"] = "ListParts"
        return self.serialized(
            ActionResult(
                {
                    "Bucket": self.bucket_name,
                    "Key": key_name,
                    "UploadId": upload_id,
                    "StorageClass": upload.storage or "STANDARD",
                    "Initiator": OWNER,
                    "Owner": OWNER,
                    "PartNumberMarker": marker,
                    "NextPartNumberMarker": page[-1].name if page else 0,
                    "MaxParts": limit,
                    "IsTruncated": len(found) > len(page),
                    "ChecksumAlgorithm": upload.algorithm,
                    "ChecksumType": upload.checksum_kind,
                    "Parts": [_part_entry(part) for part in page],
                }
            )
        )

    def list_multipart_uploads(self) -> TYPE_RESPONSE:
        """By key and age, with the time each was begun, where moto says 2010 of all of them."""
        prefix = self.querystring.get("prefix", [""])[0]
        key_marker = self.querystring.get("key-marker", [""])[0]
        id_marker = self.querystring.get("upload-id-marker", [""])[0]
        limit = int(self.querystring.get("max-uploads", [str(PAGE)])[0])
        all_uploads = self.backend.list_multipart_uploads(self.bucket_name).values()
        found = sorted(
            (u for u in all_uploads if isinstance(u, StoredUpload)),
            key=lambda upload: (upload.key_name, upload.initiated, upload.id),
        )
        found = [upload for upload in found if upload.key_name.startswith(prefix)]
        found = _uploads_after(found, key_marker, id_marker)
        page = found[:limit]
        more = len(found) > len(page)
        self.data["Action"] = "ListMultipartUploads"
        return self.serialized(
            ActionResult(
                {
                    "Bucket": self.bucket_name,
                    "Prefix": prefix,
                    "KeyMarker": key_marker,
                    "UploadIdMarker": id_marker,
                    "NextKeyMarker": page[-1].key_name if more and page else None,
                    "NextUploadIdMarker": page[-1].id if more and page else None,
                    "MaxUploads": limit,
                    "IsTruncated": more,
                    "Uploads": [_upload_entry(upload) for upload in page],
                }
            )
        )


def _uploads_after(
    uploads: list[StoredUpload], key_marker: str, id_marker: str
) -> list[StoredUpload]:
    if not key_marker:
        return uploads
    marked = [upload.id for upload in uploads if upload.key_name == key_marker]
    seen = set(marked[: marked.index(id_marker) + 1] if id_marker in marked else ())
    if not id_marker:
        seen = set(marked)
    return [
        upload
        for upload in uploads
        if upload.key_name > key_marker or (upload.key_name == key_marker and upload.id not in seen)
    ]


def _upload_entry(upload: StoredUpload) -> dict[str, Any]:
    return {
        "Key": upload.key_name,
        "UploadId": upload.id,
        "Initiator": OWNER,
        "Owner": OWNER,
        "StorageClass": upload.storage or "STANDARD",
        "Initiated": upload.initiated.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ChecksumAlgorithm": upload.algorithm,
        "ChecksumType": upload.checksum_kind,
    }


def _part_entry(part: Any) -> dict[str, Any]:
    return {
        "PartNumber": part.name,
        "LastModified": part.last_modified_ISO8601,
        "ETag": part.etag,
        "Size": part.size,
        f"Checksum{part.checksum_algorithm}": part.checksum_value,
    }


def _listed_parts(body: bytes) -> Iterator[ListedPart]:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - loopback only; S3 takes XML here.
    except ElementTree.ParseError:
        raise MalformedXML() from None
    for element in root:
        fields = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
        if element.tag.rpartition("}")[2] != "Part":
            continue
        if not fields.get("PartNumber", "").isdecimal() or "ETag" not in fields:
            raise MalformedXML()
        checksums = {
            name: fields[f"Checksum{name}"] for name in ALGORITHMS if f"Checksum{name}" in fields
        }
        yield ListedPart(int(fields["PartNumber"]), fields["ETag"], checksums)
