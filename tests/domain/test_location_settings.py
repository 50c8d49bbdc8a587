"""Locations in the settings: several, each a place of its own, wrong ones refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_backfill.errors import InvalidInput
from course_backfill.locations import Location, is_copied_inside
from course_backfill.settings import Settings, environment_name
from course_backfill.settings_reference import location_table

VARIABLE = "COURSE_BACKFILL_LOCATIONS"
PRIMARY: dict[str, Any] = {"id": "primary", "bucket": "content"}
ARCHIVE: dict[str, Any] = {
    "id": "archive",
    "bucket": "cold",
    "storageClass": "DEEP_ARCHIVE",
    "required": False,
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*map(environment_name, Settings.model_fields), "COURSE_BACKFILL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def problems(monkeypatch: pytest.MonkeyPatch, *locations: Any) -> dict[str, str]:
    monkeypatch.setenv(VARIABLE, json.dumps(locations))
    with pytest.raises(InvalidInput) as refusal:
        Settings.load()
    return {problem.pointer: problem.detail for problem in refusal.value.problems}


def test_several_locations_are_read_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "course-backfill.toml").write_text(example())

    settings = Settings.load()

    assert settings.primary.region is None
    assert [location.id for location in settings.locations] == ["primary", "archive"]
    archive = settings.locations[1]
    assert archive.storage_class == "DEEP_ARCHIVE"
    assert archive.is_archive
    assert archive.region == "eu-central-1"
    assert archive.role_arn == "arn:aws:iam::123456789012:role/course-backfill"
    assert not archive.required


def test_the_environment_has_them_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps([PRIMARY, ARCHIVE]))

    assert [location.bucket for location in Settings.load().locations] == ["content", "cold"]


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        ([], "at least one location"),
        ([ARCHIVE], 'the id "primary" for the first'),
        ([ARCHIVE, PRIMARY], 'the id "primary" for the first'),
        ([PRIMARY | {"required": False}], "to be required"),
        ([PRIMARY | {"storageClass": "GLACIER"}], "read without restoring"),
        ([PRIMARY, ARCHIVE, ARCHIVE | {"prefix": "a/"}], "'archive' is there 2 times"),
        ([PRIMARY, PRIMARY | {"id": "other"}], "'primary' and 'other' are the same"),
        ([PRIMARY, ARCHIVE | {"bucket": "course-backfill-work"}], "not the work bucket"),
    ],
)
def test_locations_that_do_not_fit_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, locations: list[Any], expected: str
) -> None:
    assert expected in problems(monkeypatch, *locations)[VARIABLE]


def test_everything_that_does_not_fit_together_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = {"id": "first", "bucket": "cold", "storageClass": "GLACIER", "required": False}
    found = problems(monkeypatch, first, first | {"id": "second"})
    assert list(found) == [VARIABLE]
    assert found[VARIABLE].count("expected") == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://s3.example.org", "https://S3.example.org"),
        ("https://s3.example.org", "https://s3.example.org:443/"),
        ("http://s3.example.org:80", "https://s3.example.org."),
        ("https://s3.example.org:9000", "http://S3.Example.org:9000"),
        (None, "https://s3.amazonaws.com"),
        (None, "https://s3.eu-west-1.amazonaws.com"),
        ("https://s3.dualstack.eu-west-1.amazonaws.com", "https://s3.us-east-1.amazonaws.com"),
    ],
)
def test_a_place_is_the_same_however_its_endpoint_is_written(
    monkeypatch: pytest.MonkeyPatch, one: str | None, other: str
) -> None:
    first, second = PRIMARY | {"endpointUrl": one}, PRIMARY | {"id": "b", "endpointUrl": other}
    assert "are the same" in problems(monkeypatch, first, second)[VARIABLE]


def test_the_work_bucket_is_no_location_however_its_endpoint_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = {"bucket": "course-backfill-work", "endpointUrl": "https://s3.amazonaws.com"}
    assert "not the work bucket" in problems(monkeypatch, PRIMARY | work)[VARIABLE]


def test_locations_are_as_many_as_a_transaction_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    several = [PRIMARY, *({"id": f"l{one}", "bucket": f"bucket-{one}"} for one in range(16))]
    assert "at most 16 locations, and there are 17" in problems(monkeypatch, *several)[VARIABLE]
    monkeypatch.setenv(VARIABLE, json.dumps(several[:16]))
    assert len(Settings.load().locations) == 16


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://127.0.0.1:9/"])
def test_a_place_is_the_same_whether_its_endpoint_is_named_or_not(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    same = PRIMARY | {"id": "other", "endpointUrl": endpoint}
    assert "are the same" in problems(monkeypatch, PRIMARY, same)[VARIABLE]


@pytest.mark.parametrize(
    "fields",
    [
        {"bucket": "other"},
        {"prefix": "copies/"},
        {"endpointUrl": "https://s3.example.org"},
        {"endpointUrl": "https://s3.example.org:8443"},
        {"endpointUrl": "https://s3.example.org/storage"},
        {"endpointUrl": "https://s3.cn-north-1.amazonaws.com.cn"},
        {"endpointUrl": "https://s3.amazonaws.com.example.org"},
    ],
    ids=str,
)
def test_another_bucket_prefix_or_endpoint_is_another_place(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, str]
) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps([PRIMARY, PRIMARY | {"id": "other"} | fields]))
    assert len(Settings.load().locations) == 2


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("id", "Second", "lower-case letters, digits and hyphens"),
        ("bucket", "Cold", "the name of an S3 bucket"),
        ("bucket", "a..b", "the name of an S3 bucket"),
        ("prefix", "copies", "end in /"),
        ("prefix", "a" * 128 + "/", "at most 128"),
        ("provider", "azure", "expected 'amazon-s3'"),
        ("storageClass", "FROZEN", "'GLACIER_IR', 'GLACIER' or 'DEEP_ARCHIVE'"),
        ("region", "Frankfurt", "a region such as eu-west-1"),
        ("endpointUrl", "s3.example.org", "an http:// or https:// URL"),
        ("endpointUrl", "https://s3.example.org:99999", "an http:// or https:// URL"),
        ("endpointUrl", "https://me:secret@example.org", "without user name and password"),
        ("roleArn", "backfill", "the ARN of a role, such as arn:aws:iam::"),
        ("required", "perhaps", "boolean"),
        ("colour", "red", "no such setting"),
    ],
)
def test_a_wrong_field_is_named_and_told_what_it_is_to_be_like(
    monkeypatch: pytest.MonkeyPatch, field: str, value: str, expected: str
) -> None:
    found = problems(monkeypatch, PRIMARY, ARCHIVE | {field: value})
    assert list(found) == [f"{VARIABLE} item 2 {field}"]
    assert expected in found[f"{VARIABLE} item 2 {field}"]


def test_every_wrong_field_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"id": "2", "bucket": "B", "roleArn": "x", "endpointUrl": "y", "storageClass": "z"}
    found = problems(monkeypatch, PRIMARY, wrong)
    assert set(found) == {f"{VARIABLE} item 2 {field}" for field in wrong}


@pytest.mark.parametrize(
    ("fields", "is_inside"),
    [
        ({}, True),
        ({"region": "eu-central-1"}, True),
        ({"storage_class": "GLACIER"}, True),
        ({"endpoint_url": "https://s3.example.org"}, False),
        ({"role_arn": "arn:aws:iam::123456789012:role/other"}, False),
    ],
    ids=str,
)
def test_s3_copies_by_itself_where_endpoint_and_credentials_are_shared(
    fields: dict[str, str], is_inside: bool
) -> None:
    source = Location.model_validate(PRIMARY)
    target = Location.model_validate({"id": "other", "bucket": "other"} | fields)
    assert is_copied_inside(source, target) is is_inside
    assert is_copied_inside(target, source) is is_inside
    assert is_copied_inside(target, target)


def test_the_documented_fields_are_those_of_a_location() -> None:
    assert location_table() in page()


def page() -> str:
    return (Path(__file__).parents[2] / "docs" / "settings.md").read_text()


def example() -> str:
    """The example of two locations in the documentation."""
    return page().partition("## Locations")[2].partition("```toml\n")[2].partition("```")[0]
