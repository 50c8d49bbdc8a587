"""Setting an installation up, again and again, and finding what is missing or wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.setup import check_storage, create_resources
from course_backfill.dead_letters import DEAD
from course_backfill.errors import StorageRefused, StorageUnavailable
from course_backfill.locations import Location
from course_backfill.messages import SERVICES
from course_backfill.ports import Key, Write
from course_backfill.resources import INDEXES
from course_backfill.settings import Settings


def wrong(settings: Settings, clients: AwsClients) -> dict[str, str]:
    return {one.name: one.detail for one in check_storage(settings, clients) if not one.ok}


def test_after_a_setup_nothing_is_wrong(aws_settings: Settings, aws_clients: AwsClients) -> None:
    made = create_resources(aws_settings, aws_clients)
    assert all(one.ok and one.detail.startswith("created") for one in made)
    assert len(made) == 2 + len(SERVICES) + 2
    assert wrong(aws_settings, aws_clients) == {}


def test_before_a_setup_everything_is_missing(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    findings = check_storage(aws_settings, aws_clients)
    assert not any(one.ok for one in findings)
    assert {one.action for one in findings} == {"course-backfill setup"}


def test_a_setup_can_be_repeated_and_keeps_what_is_there(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    create_resources(aws_settings, aws_clients)
    store = DynamoStateStore(aws_clients.dynamodb, aws_settings.namespace)
    store.write(Write(Key("courses", "c", "COURSE"), item={"n": 1}))
    aws_clients.s3.put_object(Bucket=aws_settings.work_bucket, Key="failures/i", Body=b"kept")

    again = create_resources(aws_settings, aws_clients)

    assert all(one.ok and one.detail.startswith("is there") for one in again)
    assert wrong(aws_settings, aws_clients) == {}
    assert store.get(Key("courses", "c", "COURSE")) is not None
    assert aws_clients.s3.head_object(Bucket=aws_settings.work_bucket, Key="failures/i")


def test_dead_letters_that_were_taken_in_are_a_fault_until_they_are_sent_again(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    create_resources(aws_settings, aws_clients)
    store = DynamoStateStore(aws_clients.dynamodb, aws_settings.namespace)
    for number, status in enumerate((DEAD, DEAD, "failed")):
        key = Key("ingests", "i", f"DEADLETTER#{number}")
        store.write(Write(key, item={"statusKey": status, "createdKey": f"2026#{number}"}))
    found = wrong(aws_settings, aws_clients)
    for number in range(2):
        store.write(Write(Key("ingests", "i", f"DEADLETTER#{number}"), remove=["statusKey"]))

    assert found == {"dead letters taken in": "2, not sent again yet"}
    assert wrong(aws_settings, aws_clients) == {}


def test_setups_that_race_all_succeed(aws_settings: Settings, aws_clients: AwsClients) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: create_resources(aws_settings, aws_clients), range(3)))
    assert all(one.ok for findings in made for one in findings)
    assert wrong(aws_settings, aws_clients) == {}


def test_tables_are_on_demand_protected_and_backed_up(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    create_resources(aws_settings, aws_clients)
    for table, indexes in INDEXES.items():
        name = f"{aws_settings.namespace}-{table}"
        found = aws_clients.dynamodb.describe_table(TableName=name)["Table"]
        assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert found["DeletionProtectionEnabled"] is True
        made = found["GlobalSecondaryIndexes"]
        assert {one["IndexName"] for one in made} == {one.name for one in indexes}
        backups = aws_clients.dynamodb.describe_continuous_backups(TableName=name)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_missing_index_is_found_and_added(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    name = f"{aws_settings.namespace}-ingests"
    create_resources(aws_settings, aws_clients)
    aws_clients.dynamodb.update_table(
        TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "due"}}]
    )
    assert wrong(aws_settings, aws_clients) == {f"table {name}": "lacks index due"}
    create_resources(aws_settings, aws_clients)
    assert wrong(aws_settings, aws_clients) == {}


def test_buckets_are_closed_versioned_and_expire_as_they_should(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    create_resources(aws_settings, aws_clients)
    s3, work, primary = aws_clients.s3, aws_settings.work_bucket, aws_settings.primary.bucket
    for bucket in (work, primary):
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(block.values())
    assert s3.get_bucket_versioning(Bucket=primary)["Status"] == "Enabled"
    assert "Status" not in s3.get_bucket_versioning(Bucket=work)
    assert rules(aws_clients, work) == {
        "course-backfill-abort-uploads": ("", None, 7),
        "course-backfill-expire-ingests": ("ingests/", 30, None),
    }
    assert rules(aws_clients, primary) == {"course-backfill-abort-uploads": ("", None, 7)}


def rules(clients: AwsClients, bucket: str) -> dict[str, tuple[str, int | None, int | None]]:
    """Of each lifecycle rule: its prefix, after how many days it expires, and aborts uploads."""
    found = clients.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return {
        rule["ID"]: (
            rule["Filter"].get("Prefix", ""),
            rule.get("Expiration", {}).get("Days"),
            rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        )
        for rule in found
    }


def test_what_others_decided_for_their_bucket_stays(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    s3, bucket = aws_clients.s3, aws_settings.primary.bucket
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "theirs",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "logs/"},
                    "Expiration": {"Days": 3},
                }
            ]
        },
    )
    create_resources(aws_settings, aws_clients)
    create_resources(aws_settings, aws_clients)
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    assert rules(aws_clients, bucket) == {
        "theirs": ("logs/", 3, None),
        "course-backfill-abort-uploads": ("", None, 7),
    }


def test_a_bucket_in_another_region_is_named(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    create_resources(aws_settings, aws_clients)
    elsewhere = aws_settings.model_copy(update={"aws_region": "ap-south-1"})
    clients = AwsClients.connect(elsewhere)
    found = [one for one in check_storage(elsewhere, clients) if one.name.startswith("bucket")]
    assert [one.detail for one in found] == ["lies in eu-west-1, not in ap-south-1"] * 2
    assert "AWS_REGION=eu-west-1" in found[0].action


def test_an_endpoint_where_nobody_listens_is_a_finding_for_each_thing(
    aws_settings: Settings,
) -> None:
    nowhere = aws_settings.model_copy(update={"aws_endpoint_url": "http://127.0.0.1:1"})
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    findings = check_storage(nowhere, AwsClients.connect(nowhere, config=config))
    assert len(findings) == 3 + 2 * len(SERVICES) + 2
    assert all("nothing listens at its endpoint" in one.detail for one in findings)


def test_a_bucket_name_that_s3_refuses_is_named(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    refused = aws_settings.model_copy(update={"work_bucket": "ab"})
    with pytest.raises(StorageRefused, match="bucket ab"):
        create_resources(refused, aws_clients)


def test_a_location_that_does_not_answer_is_named_with_its_place(
    aws_settings: Settings, aws_clients: AwsClients
) -> None:
    nowhere = Location(id="far", bucket="far-away", endpoint_url="http://127.0.0.1:1")
    settings = aws_settings.model_copy(update={"locations": (*aws_settings.locations, nowhere)})
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    with pytest.raises(StorageUnavailable) as told:
        create_resources(settings, AwsClients.connect(settings, config=config))
    place = "bucket far-away of location far at http://127.0.0.1:1"
    assert str(told.value).startswith(f"{place}: ")
    found = check_storage(settings, aws_clients)
    assert place in {one.name for one in found if not one.ok}
