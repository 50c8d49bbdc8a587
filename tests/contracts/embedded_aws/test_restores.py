"""Restores: how they are asked for, how long they take, and when the restored copy is gone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOUR = 3600


@pytest.fixture
def cold(s3: S3Client, bucket: str) -> dict[str, Any]:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "cold"}
    s3.put_object(**where, Body=b"bytes", StorageClass="GLACIER")
    return where


@pytest.fixture
def tiered(s3: S3Client, bucket: str, order: Any) -> dict[str, Any]:
    where: dict[str, Any] = {"Bucket": bucket, "Key": "cold"}
    s3.put_object(**where, Body=b"bytes", StorageClass="INTELLIGENT_TIERING")
    order("_archive", bucket=bucket, storageClass="ARCHIVE_ACCESS")
    return where


def restore(s3: S3Client, where: Any, days: int | None = 1, tier: Any = "Standard") -> int:
    request: Any = {"GlacierJobParameters": {"Tier": tier}}
    if days is not None:
        request["Days"] = days
    answer = s3.restore_object(**where, RestoreRequest=request)
    return answer["ResponseMetadata"]["HTTPStatusCode"]


def listed_status(s3: S3Client, where: Any) -> Any:
    wanted: dict[str, Any] = {
        "Bucket": where["Bucket"],
        "OptionalObjectAttributes": ["RestoreStatus"],
    }
    objects: list[Any] = [*s3.list_objects_v2(**wanted)["Contents"]]
    versions: list[Any] = [*s3.list_object_versions(**wanted)["Versions"]]
    listed, versioned = (
        next(entry.get("RestoreStatus") for entry in entries if entry["Key"] == where["Key"])
        for entries in (objects, versions)
    )
    assert listed == versioned
    return listed


def expiry(s3: S3Client, where: Any) -> datetime:
    ongoing, _, date = s3.head_object(**where)["Restore"].partition(", expiry-date=")
    assert ongoing == 'ongoing-request="false"'
    return parsedate_to_datetime(date.strip('"'))


def test_nothing_can_be_read_while_a_restore_is_under_way(
    s3: S3Client, cold: Any, order: Any
) -> None:
    assert listed_status(s3, cold) is None
    assert "Restore" not in s3.head_object(**cold)
    order("_restores", seconds=HOUR)
    assert restore(s3, cold) == 202
    assert s3.head_object(**cold)["Restore"] == 'ongoing-request="true"'
    assert listed_status(s3, cold) == {"IsRestoreInProgress": True}
    with refused("InvalidObjectState", 403):
        s3.get_object(**cold)


def test_a_restored_copy_is_read_and_copied_and_its_class_stays(
    s3: S3Client, bucket: str, cold: Any
) -> None:
    assert restore(s3, cold) == 202
    assert s3.get_object(**cold)["Body"].read() == b"bytes"
    s3.copy_object(Bucket=bucket, Key="k", CopySource=cold)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"bytes"
    head = s3.head_object(**cold)
    assert head["StorageClass"] == "GLACIER"
    assert listed_status(s3, cold) == {
        "IsRestoreInProgress": False,
        "RestoreExpiryDate": expiry(s3, cold),
    }
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")


def test_a_restored_object_copied_onto_itself_is_warm_for_good(
    s3: S3Client, cold: Any, order: Any
) -> None:
    restore(s3, cold)
    s3.copy_object(**cold, CopySource=cold, StorageClass="STANDARD")
    order("_restores", day_seconds=0)
    assert s3.get_object(**cold)["Body"].read() == b"bytes"
    assert "Restore" not in s3.head_object(**cold)


def test_a_copy_stays_its_days_and_until_midnight(s3: S3Client, cold: Any) -> None:
    before = datetime.now(UTC)
    restore(s3, cold, days=3)
    after = datetime.now(UTC)
    ends = {
        (moment + timedelta(days=4)).replace(hour=0, minute=0, second=0, microsecond=0)
        for moment in (before, after)
    }
    assert expiry(s3, cold) in ends


def test_a_copy_is_gone_after_its_days(s3: S3Client, cold: Any, order: Any) -> None:
    order("_restores", day_seconds=1)
    restore(s3, cold, days=1)
    ends = expiry(s3, cold)
    assert s3.get_object(**cold)["Body"].read() == b"bytes"
    assert listed_status(s3, cold)["RestoreExpiryDate"] == ends
    time.sleep(max(0.0, ends.timestamp() - time.time()) + 0.05)
    assert "Restore" not in s3.head_object(**cold)
    assert listed_status(s3, cold) is None
    with refused("InvalidObjectState", 403):
        s3.get_object(**cold)
    assert restore(s3, cold) == 202


def test_days_that_take_no_time_end_every_copy_at_once(s3: S3Client, cold: Any, order: Any) -> None:
    restore(s3, cold, days=30)
    assert s3.get_object(**cold)["Body"].read() == b"bytes"
    order("_restores", day_seconds=0)
    assert "Restore" not in s3.head_object(**cold)
    with refused("InvalidObjectState", 403):
        s3.get_object(**cold)


def test_days_asked_for_again_count_from_now(s3: S3Client, cold: Any) -> None:
    assert restore(s3, cold, days=2) == 202
    first = expiry(s3, cold)
    assert restore(s3, cold, days=7) == 200
    assert expiry(s3, cold) - first in (timedelta(days=5), timedelta(days=6))
    assert restore(s3, cold, days=1) == 200
    assert expiry(s3, cold) < first
    assert s3.get_object(**cold)["Body"].read() == b"bytes"


@pytest.mark.parametrize(
    ("first", "second"), [("Bulk", "Bulk"), ("Standard", "Bulk"), ("Expedited", "Standard")]
)
def test_a_restore_under_way_is_refused_again_at_no_greater_speed(
    s3: S3Client, cold: Any, order: Any, first: str, second: str
) -> None:
    order("_restores", seconds=HOUR)
    assert restore(s3, cold, tier=first) == 202
    with refused("RestoreAlreadyInProgress", 409):
        restore(s3, cold, tier=second)


def test_a_restore_under_way_ends_sooner_with_a_faster_tier(
    s3: S3Client, cold: Any, order: Any
) -> None:
    order("_restores", seconds=HOUR, expedited_seconds=0)
    assert restore(s3, cold, tier="Bulk") == 202
    assert restore(s3, cold, tier="Standard") == 202
    assert s3.head_object(**cold)["Restore"] == 'ongoing-request="true"'
    with refused("RestoreAlreadyInProgress", 409):
        restore(s3, cold, tier="Expedited", days=2)
    assert restore(s3, cold, tier="Expedited") == 202
    assert s3.get_object(**cold)["Body"].read() == b"bytes"


def test_a_restore_that_is_done_stays_done_when_others_take_longer(
    s3: S3Client, cold: Any, order: Any
) -> None:
    restore(s3, cold)
    order("_restores", seconds=HOUR)
    assert s3.get_object(**cold)["Body"].read() == b"bytes"


def test_deep_archives_have_no_expedited_restore(s3: S3Client, bucket: str, order: Any) -> None:
    deep: Any = {"Bucket": bucket, "Key": "deep"}
    s3.put_object(**deep, Body=b"x", StorageClass="DEEP_ARCHIVE")
    tiered: Any = {"Bucket": bucket, "Key": "tiered"}
    s3.put_object(**tiered, Body=b"x", StorageClass="INTELLIGENT_TIERING")
    order("_archive", bucket=bucket, storageClass="DEEP_ARCHIVE_ACCESS")
    with refused("InvalidArgument", 400):
        restore(s3, deep, tier="Expedited")
    with refused("InvalidArgument", 400):
        restore(s3, tiered, days=None, tier="Expedited")
    assert restore(s3, deep, tier="Bulk") == 202
    assert restore(s3, tiered, days=None, tier="Bulk") == 202


def test_expedited_restores_can_be_unavailable(s3: S3Client, cold: Any, order: Any) -> None:
    order("_restores", expedited="unavailable")
    with refused("GlacierExpeditedRetrievalNotAvailable", 503):
        restore(s3, cold, tier="Expedited")
    assert restore(s3, cold, tier="Standard") == 202


def test_an_archive_class_is_restored_for_days(s3: S3Client, cold: Any) -> None:
    with refused("MalformedXML", 400):
        restore(s3, cold, days=None)
    with refused("InvalidArgument", 400):
        restore(s3, cold, days=0)
    with refused("MalformedXML", 400):
        restore(s3, cold, tier="Slow")
    assert s3.head_object(**cold).get("Restore") is None


@pytest.mark.parametrize("storage", ["STANDARD", "STANDARD_IA", "GLACIER_IR"])
def test_what_is_in_no_archive_cannot_be_restored(s3: S3Client, bucket: str, storage: Any) -> None:
    where: Any = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**where, Body=b"x", StorageClass=storage)
    with refused("InvalidObjectState", 403):
        restore(s3, where)


def test_what_is_in_a_tier_is_warm_for_good_once_restored(
    s3: S3Client, tiered: Any, order: Any
) -> None:
    with refused("InvalidArgument", 400):
        restore(s3, tiered, days=1)
    order("_restores", seconds=HOUR)
    assert restore(s3, tiered, days=None) == 202
    head = s3.head_object(**tiered)
    assert (head["Restore"], head["ArchiveStatus"]) == ('ongoing-request="true"', "ARCHIVE_ACCESS")
    assert listed_status(s3, tiered) == {"IsRestoreInProgress": True}
    with refused("RestoreAlreadyInProgress", 409):
        restore(s3, tiered, days=None)
    order("_restores", seconds=0, day_seconds=0)
    head = s3.head_object(**tiered)
    assert ("Restore" in head, "ArchiveStatus" in head) == (False, False)
    assert head["StorageClass"] == "INTELLIGENT_TIERING"
    assert s3.get_object(**tiered)["Body"].read() == b"bytes"
    with refused("ObjectAlreadyInActiveTierError", 403):
        restore(s3, tiered, days=None)


def test_one_version_is_restored_and_not_the_others(s3: S3Client, versioned_bucket: str) -> None:
    where: Any = {"Bucket": versioned_bucket, "Key": "k"}
    old = s3.put_object(**where, Body=b"old", StorageClass="GLACIER")["VersionId"]
    s3.put_object(**where, Body=b"new", StorageClass="GLACIER")
    assert restore(s3, {**where, "VersionId": old}) == 202
    assert s3.get_object(**where, VersionId=old)["Body"].read() == b"old"
    with refused("InvalidObjectState", 403):
        s3.get_object(**where)
    marker = s3.delete_object(**where)["VersionId"]
    with refused("NoSuchKey", 404):
        restore(s3, where)
    with refused("MethodNotAllowed", 405):
        restore(s3, {**where, "VersionId": marker})
    with refused("NoSuchVersion", 404):
        restore(s3, {**where, "VersionId": "0" * 32})
