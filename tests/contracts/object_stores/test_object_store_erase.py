"""Erasing: everything below a version's prefix, and nothing that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.erasure import NotErasable, check_erasable
from course_backfill.errors import OutOfTime
from course_backfill.run_time import MARGIN_SECONDS, limited
from tests.contracts.object_stores.buckets import MIB, PREFIX, Bucket, create

OTHERS = [
    PREFIX.replace("/v1/", "/v10/") + "assets/a",
    PREFIX.replace("/v1/", "/v2/") + "assets/a",
    PREFIX.replace("Run/", "Run2/") + "assets/a",
    "deep/" + PREFIX + "assets/a",
]


def test_an_empty_prefix_has_nothing_to_erase(bucket: Bucket) -> None:
    assert bucket.eraser.erase(PREFIX) == 0


def test_objects_versions_markers_and_uploads_all_go_and_nothing_else(bucket: Bucket) -> None:
    for key in OTHERS:
        create(bucket, key, b"stays")
    bucket.writer.open_upload(OTHERS[0], content_type="video/mp4")
    kept = bucket.residue("")
    create(bucket, PREFIX + "assets/a", b"first")
    bucket.overwrite(PREFIX + "assets/a", b"second")
    create(bucket, PREFIX + "assets/b", b"deleted")
    bucket.mark_deleted(PREFIX + "assets/b")
    create(bucket, PREFIX + "manifest.json", b"{}")
    for name in ("large", "large", "larger"):
        upload = bucket.open_another_upload(PREFIX + name)
        bucket.writer.put_part(PREFIX + name, upload, 1, b"x" * MIB)
    there = len(bucket.residue(PREFIX))

    assert bucket.eraser.erase(PREFIX) == there

    assert bucket.residue(PREFIX) == []
    assert sorted(bucket.residue("")) == sorted(kept)
    assert bucket.eraser.erase(PREFIX) == 0


def test_a_run_that_has_to_stop_stops_between_two_pages_and_the_next_goes_on(
    s3_bucket: Bucket,
) -> None:
    create(s3_bucket, PREFIX + "assets/a", b"first")
    s3_bucket.open_another_upload(PREFIX + "large")

    for left in (1, 0):
        with limited(MARGIN_SECONDS), pytest.raises(OutOfTime):
            s3_bucket.eraser.erase(PREFIX)
        assert len(s3_bucket.residue(PREFIX)) == left

    assert s3_bucket.eraser.erase(PREFIX) == 0


def test_uploads_of_a_course_are_aborted_and_nothing_else_is_touched(bucket: Bucket) -> None:
    course = PREFIX.removesuffix("v1/")
    others = [
        PREFIX.replace("Run/", "Run2/") + "large",
        "deep/" + PREFIX + "large",
    ]
    for key in others:
        bucket.writer.open_upload(key, content_type="video/mp4")
    create(bucket, PREFIX + "assets/a", b"first")
    bucket.overwrite(PREFIX + "assets/a", b"second")
    bucket.mark_deleted(PREFIX + "assets/b")
    kept = bucket.residue("")
    for key in (PREFIX + "large", PREFIX + "large", course + "v27/assets/new"):
        upload = bucket.open_another_upload(key)
        bucket.writer.put_part(key, upload, 1, b"x" * MIB)

    assert bucket.eraser.abort_uploads(course) == 3

    assert sorted(bucket.residue("")) == sorted(kept)
    assert bucket.eraser.abort_uploads(course) == 0


@pytest.mark.parametrize("prefix", ["", "courses/", PREFIX, PREFIX[:-4], "/" + PREFIX[:-3]])
def test_uploads_are_aborted_below_the_prefix_of_a_course_alone(
    bucket: Bucket, prefix: str
) -> None:
    bucket.writer.open_upload(PREFIX + "large", content_type="video/mp4")
    there = bucket.residue("")
    with pytest.raises(NotErasable):
        bucket.eraser.abort_uploads(prefix)
    assert bucket.residue("") == there


def test_a_lone_delete_marker_is_erased_as_well(bucket: Bucket) -> None:
    bucket.mark_deleted(PREFIX + "assets/never-there")

    bucket.eraser.erase(PREFIX)

    assert bucket.residue("") == []


def test_the_prefix_of_a_location_belongs_to_what_is_erased(bucket: Bucket) -> None:
    create(bucket, "open-edx/prod/" + PREFIX + "assets/a", b"goes")
    create(bucket, PREFIX + "assets/a", b"stays")

    assert bucket.eraser.erase("open-edx/prod/" + PREFIX) == 1

    assert bucket.residue("") == [PREFIX + "assets/a"]


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "courses/",
        "courses/course-v1:Org+Course+Run/",
        PREFIX[:-1],
        PREFIX + "assets/",
        PREFIX.replace("/v1/", "/v0/"),
        PREFIX.replace("/v1/", "/v/"),
        PREFIX.replace("/v1/", "/latest/"),
        "courses//v1/",
        "courses/Org/Course/Run/v1/",
        "/" + PREFIX,
        PREFIX + "\n",
        "courses/v1/",
        "other/course-v1:Org+Course+Run/v1/",
    ],
)
def test_any_prefix_but_a_versions_is_refused(bucket: Bucket, prefix: str) -> None:
    create(bucket, PREFIX + "assets/a", b"stays")

    with pytest.raises(NotErasable):
        bucket.eraser.erase(prefix)

    assert bucket.residue("") == [PREFIX + "assets/a"]


@given(cut=st.integers(0, len(PREFIX) - 1))
def test_no_beginning_of_a_versions_prefix_can_be_erased(cut: int) -> None:
    with pytest.raises(NotErasable):
        check_erasable(PREFIX[:cut])
