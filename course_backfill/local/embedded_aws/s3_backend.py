"""moto's S3 backend where it differs from S3: uploads, the versions of a bucket."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from moto.s3 import notifications
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, FakeMultipart, S3Backend

from course_backfill.local.embedded_aws.blobs import Blob
from course_backfill.local.embedded_aws.s3_objects import StoredObject, StoredUpload

Version = FakeKey | FakeDeleteMarker


class EmbeddedS3Backend(S3Backend):
    """Every object in it is a StoredObject, every upload a StoredUpload."""

    def upload(self, bucket_name: str, upload_id: str, key_name: str) -> StoredUpload:
        """Raises NoSuchUpload where S3 does; moto breaks on an unknown upload instead."""
        upload = self.get_bucket(bucket_name).multiparts.get(upload_id)
        if not isinstance(upload, StoredUpload) or upload.key_name != key_name:
            raise NoSuchUpload(upload_id=upload_id)
        return upload

    def create_multipart_upload(self, *args: Any, **kwargs: Any) -> FakeMultipart:
        upload = super().create_multipart_upload(*args, **kwargs)
        if isinstance(upload, StoredUpload):
            # S3 refuses an impossible pair of algorithm and type here, not at the end.
            _ = upload.checksum_kind
        return upload

    def finish_upload(
        self, bucket_name: str, upload: StoredUpload, parts: list[StoredObject], digest: bytes
    ) -> StoredObject:
        """Makes the object of the chosen parts; parts that were not chosen are gone, as in S3."""
        bucket = self.get_bucket(bucket_name)
        upload.parts = {int(part.name): part for part in parts}
        upload.partlist = sorted(upload.parts)
        known = {upload.algorithm: digest} if upload.checksum_kind == "FULL_OBJECT" else {}
        whole = Blob.joined((part.value for part in parts), known)
        key = self.put_object(
            bucket_name,
            upload.key_name,
            whole,  # type: ignore[arg-type] # See StoredObject.
            storage=upload.storage,
            etag=_etag_of(parts),
            multipart=upload,
            encryption=upload.sse_encryption,
            kms_key_id=upload.kms_key_id,
            # S3 sends one event for an upload, where moto would send two.
            disable_notification=True,
        )
        if not isinstance(key, StoredObject):
            raise TypeError("the embedded S3 was not installed")
        key.set_metadata(upload.metadata)
        key.set_checksum(upload.algorithm, digest, upload.checksum_kind, len(parts))
        key.set_acl(upload.acl)
        self.put_object_tagging(key, upload.tags)
        del bucket.multiparts[upload.id]
        event = notifications.S3NotificationEvent.OBJECT_CREATED_COMPLETE_MULTIPART_UPLOAD_EVENT
        notifications.send_event(self.account_id, event, bucket, key)
        return key

    def get_object_attributes(self, key: FakeKey, attributes_to_get: list[str]) -> dict[str, Any]:
        attributes = super().get_object_attributes(key, attributes_to_get)
        if attributes["checksum"] and isinstance(key, StoredObject):
            # S3 gives the number of parts behind a checksum of checksums.
            attributes["checksum"][key.checksum_algorithm] = key.reported_checksum
        return attributes

    def list_object_versions(  # noqa: PLR0917 - moto's signature.
        self,
        bucket_name: str,
        delimiter: str | None = None,
        key_marker: str | None = None,
        max_keys: int | None = 1000,
        prefix: str = "",
        version_id_marker: str | None = None,
    ) -> tuple[list[FakeKey], list[str], list[FakeDeleteMarker], str | None, str | None]:
        """One page. moto copies every object of the bucket, bytes included, for each page."""
        rows = _rows_after(
            _version_rows(self.get_bucket(bucket_name), prefix or "", delimiter),
            key_marker,
            version_id_marker,
        )
        limit = 1000 if max_keys is None else max_keys
        page = list(islice(rows, limit + 1))
        more, page = len(page) > limit, page[:limit]
        versions = [version for _, version in page if isinstance(version, FakeKey)]
        markers = [version for _, version in page if isinstance(version, FakeDeleteMarker)]
        prefixes = [name for name, version in page if version is None]
        if not more or not page:
            return versions, prefixes, markers, None, None
        name, last = page[-1]
        return versions, prefixes, markers, name, last.version_id if last else None


def _version_rows(
    bucket: FakeBucket, prefix: str, delimiter: str | None
) -> Iterator[tuple[str, Version | None]]:
    """(name, version), names ascending and the newest version first; a common prefix has none."""
    seen = None
    for name in sorted(name for name in bucket.keys if name.startswith(prefix)):
        if delimiter and (end := name.find(delimiter, len(prefix))) >= 0:
            common = name[: end + len(delimiter)]
            if common != seen:
                seen = common
                yield common, None
            continue
        newest_first = reversed(bucket.keys.getlist(name))
        for age, version in enumerate(newest_first):
            version.is_latest = age == 0
            yield name, version


def _rows_after(
    rows: Iterator[tuple[str, Version | None]], key_marker: str | None, version_marker: str | None
) -> Iterator[tuple[str, Version | None]]:
    passed = not key_marker
    for name, version in rows:
        if passed or name > (key_marker or ""):
            passed = True
            yield name, version
        elif name == key_marker and version_marker and version is not None:
            passed = version.version_id == version_marker


def _etag_of(parts: list[StoredObject]) -> str:
    whole = hashlib.md5(usedforsecurity=False)
    for part in parts:
        whole.update(bytes.fromhex(part.etag.strip('"')))
    return f"{whole.hexdigest()}-{len(parts)}"
