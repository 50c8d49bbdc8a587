"""Listings, written out directly: moto's generic writer takes a tenth of a second a page."""

import base64
import binascii
from collections.abc import Callable, Iterator
from itertools import islice
from urllib.parse import quote
from xml.sax.saxutils import escape

from moto.core.common_types import TYPE_RESPONSE
from moto.s3.exceptions import InvalidContinuationToken
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey
from moto.s3.responses import S3Response

from course_backfill.local.embedded_aws.s3_archives import ArchivableObject

PAGE = 1000


class ListingCalls(S3Response):
    """A mixin of EmbeddedS3Response."""

    def list_objects_v2(self) -> TYPE_RESPONSE:
        args = self.request.args
        bucket = self.backend.get_bucket(self.bucket_name)
        prefix, delimiter = args.get("prefix", ""), args.get("delimiter", "")
        limit = min(int(args.get("max-keys", PAGE)), PAGE)
        token = args.get("continuation-token")
        after = args.get("start-after", "") if token is None else _name_in(token)
        rows = _rows(bucket, prefix, delimiter, after)
        page = list(islice(rows, limit + 1)) if limit else []
        more, page = len(page) > limit, page[:limit]
        written = self._written()
        fields = {
            "Name": escape(bucket.name),
            "Prefix": written(prefix),
            "MaxKeys": str(limit),
            "KeyCount": str(len(page)),
            "IsTruncated": "true" if more else "false",
        }
        if delimiter:
            fields["Delimiter"] = written(delimiter)
        if "encoding-type" in args:
            fields["EncodingType"] = "url"
        if token is not None:
            fields["ContinuationToken"] = escape(token)
        elif "start-after" in args:
            fields["StartAfter"] = written(after)
        if more:
            fields["NextContinuationToken"] = _token_of(page[-1][0])
        restores = self._restores_wanted()
        entries = [_entry(written(name), key, restores) for name, key in page]
        return _answer("ListBucketResult", fields, entries)

    def list_object_versions(self) -> TYPE_RESPONSE:
        args = self.request.args
        prefix, delimiter = args.get("prefix", ""), args.get("delimiter", "")
        limit = min(int(args.get("max-keys", PAGE)), PAGE)
        key_marker, version_marker = args.get("key-marker"), args.get("version-id-marker")
        versions, prefixes, markers, next_key, next_version = self.backend.list_object_versions(
            self.bucket_name, delimiter, key_marker, limit, prefix, version_marker
        )
        written = self._written()
        fields = {
            "Name": escape(str(self.bucket_name)),
            "Prefix": written(prefix),
            "KeyMarker": written(key_marker or ""),
            "VersionIdMarker": escape(version_marker or ""),
            "MaxKeys": str(limit),
            "IsTruncated": "true" if next_key else "false",
        }
        if delimiter:
            fields["Delimiter"] = written(delimiter)
        if "encoding-type" in args:
            fields["EncodingType"] = "url"
        if next_key:
            fields["NextKeyMarker"] = written(next_key)
            fields["NextVersionIdMarker"] = escape(next_version or "")
        restores = self._restores_wanted()
        entries = [_version(written(key.name), key, restores) for key in versions]
        entries += [_marker(written(marker.name), marker) for marker in markers]
        entries += [_entry(written(name), None, restores) for name in prefixes]
        return _answer("ListVersionsResult", fields, entries)

    def _written(self) -> Callable[[str], str]:
        return quote if self.request.args.get("encoding-type") == "url" else escape

    def _restores_wanted(self) -> bool:
        return "RestoreStatus" in self.headers.get("x-amz-optional-object-attributes", "")


def _answer(root: str, fields: dict[str, str], entries: list[str]) -> TYPE_RESPONSE:
    body = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} '
    head += 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    content = f"{head}{body}{''.join(entries)}</{root}>"
    return 200, {"content-type": "application/xml"}, content


def _rows(
    bucket: FakeBucket, prefix: str, delimiter: str, after: str
) -> Iterator[tuple[str, FakeKey | None]]:
    """(name, object) by name, behind `after`; a common prefix has no object."""
    seen = None
    for name in sorted(name for name in bucket.keys if name.startswith(prefix)):
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        if end >= 0:
            common = name[: end + len(delimiter)]
            if common not in (seen, after) and common > after:
                yield common, None
            seen = common
            continue
        key = bucket.keys[name]
        if name > after and isinstance(key, FakeKey):
            yield name, key


def _entry(name: str, key: FakeKey | None, restores: bool) -> str:
    if key is None:
        return f"<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
    return f"<Contents>{_told(name, key, restores)}</Contents>"


def _version(name: str, key: FakeKey, restores: bool) -> str:
    return f"<Version>{_told(name, key, restores)}{_place(key)}</Version>"


def _marker(name: str, marker: FakeDeleteMarker) -> str:
    moment = marker.last_modified_ISO8601
    told = f"<Key>{name}</Key><LastModified>{moment}</LastModified>"
    return f"<DeleteMarker>{told}{_place(marker)}</DeleteMarker>"


def _place(version: FakeKey | FakeDeleteMarker) -> str:
    latest = "true" if getattr(version, "is_latest", False) else "false"
    return f"<VersionId>{version.version_id}</VersionId><IsLatest>{latest}</IsLatest>"


def _told(name: str, key: FakeKey, restores: bool) -> str:
    entry = (
        f"<Key>{name}</Key>"
        f"<LastModified>{key.last_modified:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
        f"<ETag>{escape(key.etag)}</ETag>"
        f"<ChecksumAlgorithm>{key.checksum_algorithm}</ChecksumAlgorithm>"
        f"<ChecksumType>{key.checksum_type}</ChecksumType>"
        f"<Size>{key.size}</Size><StorageClass>{key.storage_class}</StorageClass>"
    )
    if restores and isinstance(key, ArchivableObject):
        entry += _restore_status(key)
    return entry


def _restore_status(key: ArchivableObject) -> str:
    if key.restoration is None:
        return ""
    status = "<IsRestoreInProgress>true</IsRestoreInProgress>"
    if (expires := key.copy_expires) is not None:
        status = "<IsRestoreInProgress>false</IsRestoreInProgress>"
        status += f"<RestoreExpiryDate>{expires:%Y-%m-%dT%H:%M:%S.000Z}</RestoreExpiryDate>"
    return f"<RestoreStatus>{status}</RestoreStatus>"


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode("ascii")


def _name_in(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        raise InvalidContinuationToken() from None
