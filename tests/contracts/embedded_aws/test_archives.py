"""Objects in archives: moved there, unreadable until restored, and cold again after their days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLASSES: list[Any] = ["STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER"]


def classes_reported(s3: S3Client, bucket: str, key: str) -> set[str]:
    entries: list[Any] = [
        *s3.list_objects_v2(Bucket=bucket)["Contents"],
        *s3.list_object_versions(Bucket=bucket)["Versions"],
    ]
    found = {entry["StorageClass"] for entry in entries if entry["Key"] == key}
    return found | {s3.head_object(Bucket=bucket, Key=key).get("StorageClass", "STANDARD")}


@pytest.mark.parametrize("storage", CLASSES)
def test_an_object_has_the_class_it_was_put_with(s3: S3Client, bucket: str, storage: Any) -> None:
    s3.put_object(Bucket=bucket, Key="put", Body=b"bytes", StorageClass=storage)
    where: dict[str, Any] = {"Bucket": bucket, "Key": "uploaded"}
    upload = s3.create_multipart_upload(**where, StorageClass=storage)["UploadId"]
    etag = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"bytes")["ETag"]
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    s3.put_object(Bucket=bucket, Key="source", Body=b"bytes")
    source: Any = {"Bucket": bucket, "Key": "source"}
    s3.copy_object(Bucket=bucket, Key="copied", CopySource=source, StorageClass=storage)
    for key in ("put", "uploaded", "copied"):
        assert classes_reported(s3, bucket, key) == {storage}
    if storage != "GLACIER":
        assert s3.get_object(Bucket=bucket, Key="put")["StorageClass"] == storage


def test_a_class_that_does_not_exist_is_refused(s3: S3Client, bucket: str) -> None:
    absent: Any = "COLD"
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass=absent)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")


def test_a_copy_has_the_class_it_asks_for_and_not_its_sources(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x", StorageClass="STANDARD_IA")
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "source"})
    assert classes_reported(s3, bucket, "k") == {"STANDARD"}


@pytest.mark.parametrize("archive", ["GLACIER", "DEEP_ARCHIVE"])
def test_what_was_stored_warm_can_be_archived_below_a_prefix(
    s3: S3Client, bucket: str, order: Any, archive: str
) -> None:
    for key in ("a/1", "a/2", "b/1"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"bytes")
    before = s3.head_object(Bucket=bucket, Key="a/1")
    request = {"bucket": bucket, "prefix": "a/", "storageClass": archive}
    assert order("_archive", **request) == {"objects": 2}
    after = s3.head_object(Bucket=bucket, Key="a/1")
    assert after["StorageClass"] == archive
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    with refused("InvalidObjectState", 403):
        s3.get_object(Bucket=bucket, Key="a/2")
    assert s3.get_object(Bucket=bucket, Key="b/1")["Body"].read() == b"bytes"
    assert order("_archive", **request) == {"objects": 0}


def test_nothing_is_archived_to_a_warmer_place(s3: S3Client, bucket: str, order: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="DEEP_ARCHIVE")
    assert order("_archive", bucket=bucket, storageClass="GLACIER") == {"objects": 0}
    assert order("_archive", bucket=bucket, storageClass="ARCHIVE_ACCESS") == {"objects": 0}
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "DEEP_ARCHIVE"


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"])
def test_what_is_not_restored_is_neither_read_nor_copied(
    s3: S3Client, bucket: str, order: Any, storage: Any
) -> None:
    cold: Any = {"Bucket": bucket, "Key": "cold"}
    s3.put_object(**cold, Body=b"bytes", StorageClass=storage)
    order("_archive", bucket=bucket, storageClass="ARCHIVE_ACCESS")
    with refused("InvalidObjectState", 403):
        s3.get_object(**cold)
    with refused("InvalidObjectState", 403):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=cold)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    with refused("InvalidObjectState", 403):
        s3.upload_part_copy(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, CopySource=cold)
    assert s3.head_object(**cold)["ContentLength"] == 5
    told = s3.get_object_attributes(**cold, ObjectAttributes=["StorageClass", "ObjectSize"])
    assert (told["StorageClass"], told["ObjectSize"]) == (storage, 5)


def test_what_is_cold_says_where_it_lies(s3: S3Client, bucket: str, order: Any) -> None:
    where: Any = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"x", StorageClass="INTELLIGENT_TIERING")
    assert "ArchiveStatus" not in s3.head_object(**where)
    order("_archive", bucket=bucket, storageClass="ARCHIVE_ACCESS")
    assert s3.head_object(**where)["ArchiveStatus"] == "ARCHIVE_ACCESS"
    order("_archive", bucket=bucket, storageClass="DEEP_ARCHIVE_ACCESS")
    assert s3.head_object(**where)["ArchiveStatus"] == "DEEP_ARCHIVE_ACCESS"
    with pytest.raises(s3.exceptions.InvalidObjectState) as caught:
        s3.get_object(**where)
    told: Any = caught.value.response
    assert (told["StorageClass"], told["AccessTier"]) == (
        "INTELLIGENT_TIERING",
        "DEEP_ARCHIVE_ACCESS",
    )


def test_a_wrong_order_is_refused_and_says_why(bucket: str, ordered: Any) -> None:
    answer = ordered("_archive", bucket=bucket, storageClass="STANDARD")
    assert (answer.status_code, "storageClass" in answer.text) == (400, True)
    assert ordered("_archive", bucket="absent", storageClass="GLACIER").status_code == 404
    assert ordered("_restores", seconds=-1).status_code == 400
    assert ordered("_restores", hours=1).status_code == 400
