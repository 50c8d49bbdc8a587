"""What S3 says of objects, in headers and listings, as ObjectStat."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import is_not_offered
from course_backfill.adapters.s3_errors import MISSING, is_passing
from course_backfill.cold.storage import ARCHIVE_CLASSES, ARCHIVE_TIERS, STANDARD, Restore
from course_backfill.errors import StorageRefused
from course_backfill.ports import ObjectStat

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        HeadObjectOutputTypeDef,
        ListObjectsV2OutputTypeDef,
        ObjectTypeDef,
        RestoreStatusTypeDef,
    )

_RESTORE = re.compile(r'ongoing-request="(true|false)"(?:, expiry-date="([^"]+)")?')


def stat_of(key: str, head: HeadObjectOutputTypeDef) -> ObjectStat:
    """What HEAD says; raises StorageRefused for a restore status that S3 does not have."""
    storage_class = head.get("StorageClass", STANDARD)
    tier = head.get("ArchiveStatus")
    header = head.get("Restore")
    return ObjectStat(
        key=key,
        size=head["ContentLength"],
        sha256=_whole_sha256(head.get("ChecksumSHA256"), head.get("ChecksumType")),
        etag=head["ETag"],
        version_id=head.get("VersionId"),
        crc64=_whole_crc64(head.get("ChecksumCRC64NVME"), head.get("ChecksumType")),
        storage_class=storage_class,
        archive=ARCHIVE_TIERS[tier] if tier else _archive(storage_class),
        restore=restore_of(header) if header is not None else None,
    )


def listed_stat(found: ObjectTypeDef) -> ObjectStat:
    """What one line of a listing says."""
    storage_class = found.get("StorageClass", STANDARD)
    return ObjectStat(
        key=found["Key"],
        size=found["Size"],
        etag=found["ETag"],
        storage_class=storage_class,
        archive=_archive(storage_class),
        restore=_listed_restore(found.get("RestoreStatus")),
    )


def list_pages(client: S3Client, bucket: str, prefix: str) -> Iterator[ListObjectsV2OutputTypeDef]:
    """The pages of a listing, with restore statuses where the endpoint offers them."""
    pages = client.get_paginator("list_objects_v2")
    asked = iter(
        pages.paginate(Bucket=bucket, Prefix=prefix, OptionalObjectAttributes=["RestoreStatus"])
    )
    try:
        first = next(asked, None)
    except ClientError as error:
        if not _is_unknown(error):
            raise
        yield from pages.paginate(Bucket=bucket, Prefix=prefix)
        return
    if first is not None:
        yield first
    yield from asked


def restore_of(header: str) -> Restore | None:
    """What `x-amz-restore` says; raises StorageRefused for what S3 never says.

    Done without a date is what Intelligent-Tiering restored: warm for good.
    """
    found = _RESTORE.fullmatch(header)
    try:
        if found is None:
            raise ValueError
        ongoing, expiry = found.groups()
        expires = parsedate_to_datetime(expiry) if expiry else None
        if expires is not None and (expires.tzinfo is None or ongoing == "true"):
            raise ValueError
    except ValueError:
        raise StorageRefused(
            f"the endpoint tells of a restore in other words than S3's: {header[:200]!r}"
        ) from None
    return Restore(expires) if ongoing == "true" or expires else None


def _listed_restore(status: RestoreStatusTypeDef | None) -> Restore | None:
    if status is None:
        return None
    if status.get("IsRestoreInProgress"):
        return Restore()
    expires = status.get("RestoreExpiryDate")
    return Restore(expires) if expires else None


def _is_unknown(error: ClientError) -> bool:
    """Whether the endpoint may have refused the attribute, and not the listing."""
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    is_refusal = status == 400 and not is_passing(code) and code not in MISSING
    return is_refusal or is_not_offered(error)


def _archive(storage_class: str) -> str | None:
    return storage_class if storage_class in ARCHIVE_CLASSES else None


def _whole_sha256(stored: str | None, checksum_type: str | None) -> str | None:
    """The sha256 as hex if it is one of the whole object and not one made of its parts'.

    Stores that do not name the type mark the latter by `-` and the number of parts.
    """
    if stored is None or "-" in stored or checksum_type not in {None, "FULL_OBJECT"}:
        return None
    return base64.b64decode(stored).hex()


def _whole_crc64(stored: str | None, checksum_type: str | None) -> str | None:
    """S3 has no CRC64NVME of parts' checksums; another store that does names its type."""
    return stored if checksum_type in {None, "FULL_OBJECT"} else None
