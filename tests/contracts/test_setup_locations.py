"""Setting up, checking and probing several locations, each in its own region and role."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.probe import probe
from course_backfill.adapters.setup import check_storage, create_resources
from course_backfill.errors import StorageRefused
from course_backfill.findings import Finding
from course_backfill.settings import Settings
from tests.contracts.several_locations import ROLE


def wrong(found: list[Finding]) -> dict[str, Finding]:
    return {one.name: one for one in found if not one.ok}


def changed(several: Settings, name: str, **fields: Any) -> Settings:
    """The settings with other fields of one location."""
    locations = tuple(
        one.model_copy(update=fields) if one.id == name else one for one in several.locations
    )
    return several.model_copy(update={"locations": locations})


def test_every_bucket_is_made_once_in_its_own_region(
    several: Settings, several_clients: AwsClients
) -> None:
    made = [
        one for one in create_resources(several, several_clients) if one.name.startswith("bucket")
    ]

    name = several.namespace
    assert [one.name for one in made] == [
        f"bucket {name}-work",
        f"bucket {name}-primary of location primary",
        f"bucket {name}-far of location far",
        f"bucket {name}-archive of location archive",
    ]
    regions = {
        one.id: several_clients.s3_of(one).get_bucket_location(Bucket=one.bucket)[
            "LocationConstraint"
        ]
        for one in several.locations
    }
    assert regions == {
        "primary": "eu-west-1",
        "beside": "eu-west-1",
        "far": "eu-central-1",
        "archive": "eu-central-1",
    }
    assert wrong(check_storage(several, several_clients)) == {}


def test_a_location_in_another_region_is_told_where_it_is(
    several: Settings, several_clients: AwsClients
) -> None:
    create_resources(several, several_clients)
    elsewhere = changed(several, "far", region="ap-south-1")

    found = wrong(check_storage(elsewhere, AwsClients.connect(elsewhere)))

    assert list(found) == [f"bucket {several.namespace}-far of location far"]
    (finding,) = found.values()
    assert finding.detail == "lies in eu-central-1, not in ap-south-1"
    assert "region = \"eu-central-1\" for location 'far'" in finding.action


def test_a_missing_bucket_of_a_location_is_told_of(
    several: Settings, several_clients: AwsClients
) -> None:
    create_resources(several, several_clients)
    other = changed(several, "archive", bucket=f"{several.namespace}-other")

    found = wrong(check_storage(other, AwsClients.connect(other)))

    assert [(one.name, one.detail, one.action) for one in found.values()] == [
        (
            f"bucket {several.namespace}-other of location archive",
            "is not there",
            "course-backfill setup",
        )
    ]


@pytest.mark.usefixtures("refused_role")
def test_a_role_that_is_refused_is_told_of_where_it_is_needed(
    several: Settings, several_clients: AwsClients
) -> None:
    with pytest.raises(StorageRefused, match=ROLE):
        create_resources(several, several_clients)

    found = wrong(check_storage(several, several_clients))

    assert list(found) == [f"bucket {several.namespace}-archive of location archive"]
    (finding,) = found.values()
    assert ROLE in finding.detail
    assert "sts:AssumeRole" in finding.detail


def test_the_probe_tries_every_location_and_leaves_nothing(
    several: Settings, several_clients: AwsClients
) -> None:
    create_resources(several, several_clients)

    findings = probe(several, several_clients)

    assert wrong(findings) == {}
    names = [one.name for one in findings]
    primary, far = several.primary.bucket, f"{several.namespace}-far"
    assert f"{far}: create-only copy from {primary}" in names
    assert f"{primary}: create-only copy" in names
    # The archive's role does not read the primary: bytes are streamed there.
    assert f"{several.namespace}-archive: create-only copy" in names
    for location in several.locations:
        client = several_clients.s3_of(location)
        versions = client.list_object_versions(Bucket=location.bucket)
        assert versions.get("Versions", []) == versions.get("DeleteMarkers", []) == []


def test_the_probe_names_a_bucket_that_is_not_there(
    several: Settings, several_clients: AwsClients
) -> None:
    create_resources(several, several_clients)
    other = changed(several, "far", bucket=f"{several.namespace}-other")

    found = wrong(probe(other, AwsClients.connect(other)))

    assert found
    assert all(name.startswith(f"{several.namespace}-other") for name in found)
