"""Listing objects and versions: order, pages, prefixes, and what a deletion leaves."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAMES = st.text(st.sampled_from("ab/é中+ "), min_size=1, max_size=4).filter(
    lambda name: not name.startswith("/")
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    keys=st.sets(NAMES, max_size=12),
    prefix=st.sampled_from(["", "a", "a/", "é"]),
    delimiter=st.sampled_from(["", "/"]),
    page=st.integers(1, 5),
)
def test_pages_hold_every_key_once_and_in_byte_order(
    s3: S3Client, keys: set[str], prefix: str, delimiter: str, page: int
) -> None:
    bucket = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=bucket)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    found: list[str] = []
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": page}
    )
    for answer in pages:
        names = [entry["Key"] for entry in answer.get("Contents", [])]
        names += [entry["Prefix"] for entry in answer.get("CommonPrefixes", [])]
        assert len(names) == answer["KeyCount"] <= page
        found += sorted(names, key=str.encode)
    assert found == sorted(listed(keys, prefix, delimiter), key=str.encode)


def listed(keys: set[str], prefix: str, delimiter: str) -> set[str]:
    """The keys below a prefix, those beyond a delimiter as their common prefix."""
    names = {key for key in keys if key.startswith(prefix)}
    if not delimiter:
        return names
    return {
        prefix + rest.partition(delimiter)[0] + (delimiter if delimiter in rest else "")
        for rest in (name.removeprefix(prefix) for name in names)
    }


def test_a_listing_can_start_behind_a_key(s3: S3Client, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", ChecksumAlgorithm="SHA256")
    contents = s3.list_objects_v2(Bucket=bucket, StartAfter="a")["Contents"]
    assert [entry["Key"] for entry in contents] == ["b", "c"]
    assert (contents[0]["Size"], contents[0]["ChecksumAlgorithm"]) == (1, ["SHA256"])


def test_versions_are_listed_newest_first_in_pages(s3: S3Client, versioned_bucket: str) -> None:
    bucket = versioned_bucket
    versions = {
        key: [s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"] for _ in range(3)]
        for key in ("a/1", "a/2", "b/1")
    }
    marker = s3.delete_object(Bucket=bucket, Key="a/2")["VersionId"]
    found: list[tuple[str, str, bool]] = []
    for page in s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix="a/", PaginationConfig={"PageSize": 2}
    ):
        entries: list[Any] = [*page.get("DeleteMarkers", []), *page.get("Versions", [])]
        entries.sort(key=lambda entry: entry["Key"])
        found += [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in entries]
    newest_first = [("a/1", version) for version in reversed(versions["a/1"])]
    newest_first += [("a/2", marker)]
    newest_first += [("a/2", version) for version in reversed(versions["a/2"])]
    latest = {versions["a/1"][-1], marker}
    assert found == [(key, version, version in latest) for key, version in newest_first]


def test_deleting_by_version_leaves_nothing(s3: S3Client, versioned_bucket: str) -> None:
    bucket = versioned_bucket
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    gone: Any = [{"Key": "k", "VersionId": version}, {"Key": "k", "VersionId": marker}]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": gone})
    answer = s3.list_object_versions(Bucket=bucket)
    assert {"Versions", "DeleteMarkers"}.isdisjoint(answer)


def test_versions_have_any_key_and_their_checksums(s3: S3Client, versioned_bucket: str) -> None:
    keys = ["a b+c%2Fd", "a&<b>", "a\u0001b", "é/中"]
    for key in keys:
        s3.put_object(Bucket=versioned_bucket, Key=key, Body=b"x", ChecksumAlgorithm="SHA256")
        s3.delete_object(Bucket=versioned_bucket, Key=key)
    page = s3.list_object_versions(Bucket=versioned_bucket)
    assert [entry["Key"] for entry in page["Versions"]] == sorted(keys)
    assert [entry["Key"] for entry in page["DeleteMarkers"]] == sorted(keys)
    first = page["Versions"][0]
    assert (first["Size"], first["ChecksumAlgorithm"]) == (1, ["SHA256"])
    grouped = s3.list_object_versions(Bucket=versioned_bucket, Delimiter="/", Prefix="é")
    assert [entry["Prefix"] for entry in grouped["CommonPrefixes"]] == ["é/"]
