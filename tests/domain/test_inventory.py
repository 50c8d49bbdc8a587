"""Inventories: lines that lose nothing, fingerprints, and what changed between two."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from course_backfill.inventory import Change, Fault, Fingerprints, SourceObject, changes
from tests.generators import create_source_object
from tests.strategies import inventories, source_objects


def fingerprints(objects: list[SourceObject]) -> dict[str, str]:
    running = Fingerprints()
    for one in objects:
        running.add(one)
    return running.hexdigests()


@given(source_objects())
def test_an_object_survives_the_round_trip_through_its_line(found: SourceObject) -> None:
    line = found.to_line()
    assert SourceObject.from_line(line) == found
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@given(source_objects())
def test_a_line_keeps_the_order_of_an_ids_keys(found: SourceObject) -> None:
    again = SourceObject.from_line(found.to_line())
    if isinstance(found.source_id, dict):
        assert list(again.source_id) == list(found.source_id)


@given(source_objects())
def test_the_state_of_an_object_is_all_but_its_fault(found: SourceObject) -> None:
    assert found.same_state(replace(found, fault=Fault("missing-chunk", "chunk 3 is missing")))
    assert not found.same_state(replace(found, size=found.size + 1))
    assert not found.same_state(replace(found, metadata={**found.metadata, "locked": "never"}))


@pytest.mark.parametrize(
    ("metadata", "digest"),
    [
        ({}, None),
        ({"md5": "a"}, "a"),
        ({"custom_md5": "b"}, "b"),
        ({"md5": None, "custom_md5": "b"}, "b"),
        ({"md5": "a", "custom_md5": "b"}, "a"),
        ({"md5": 5}, None),
        ({"md5": {"$binary": "x"}}, None),
    ],
)
def test_the_declared_digest_is_the_one_the_document_has(
    metadata: dict[str, object], digest: str | None
) -> None:
    assert create_source_object(metadata=metadata).declared_md5 == digest


@given(inventories())
def test_equal_inventories_have_equal_fingerprints(objects: list[SourceObject]) -> None:
    again = [SourceObject.from_line(one.to_line()) for one in objects]
    assert fingerprints(objects) == fingerprints(again)


@given(inventories(), st.data())
def test_any_change_changes_the_fingerprint_of_its_kind_alone(
    objects: list[SourceObject], data: st.DataObject
) -> None:
    assume(objects)
    index = data.draw(st.integers(0, len(objects) - 1))
    changed = replace(objects[index], size=objects[index].size + 1)
    after = [*objects[:index], changed, *objects[index + 1 :]]
    differing = {
        kind
        for kind, digest in fingerprints(objects).items()
        if fingerprints(after)[kind] != digest
    }
    assert differing == {changed.kind}


def test_locking_a_file_changes_the_fingerprint_though_its_upload_date_stays() -> None:
    unlocked = create_source_object(metadata={"locked": False})
    locked = create_source_object(metadata={"locked": True})
    assert fingerprints([unlocked]) != fingerprints([locked])


def test_the_fingerprint_depends_on_the_order() -> None:
    one, other = create_source_object("assets/a"), create_source_object("assets/b")
    assert fingerprints([one, other]) != fingerprints([other, one])


def test_an_object_at_fault_of_an_unknown_kind_has_a_fingerprint_too() -> None:
    odd = create_source_object("unknown/x/y", kind="unknown", fault=Fault("unknown-kind", "x"))
    assert fingerprints([odd])["unknown"]


def test_an_empty_kind_has_a_fingerprint_too() -> None:
    assert set(fingerprints([])) == {"asset", "thumbnail"}


@given(inventories(), inventories())
def test_changes_are_the_difference_of_two_dictionaries(
    left: list[SourceObject], right: list[SourceObject]
) -> None:
    before, after = ({one.path: one for one in side} for side in (left, right))
    expected = {
        **dict.fromkeys(after.keys() - before.keys(), "added"),
        **dict.fromkeys(before.keys() - after.keys(), "removed"),
        **{
            path: "changed"
            for path in before.keys() & after.keys()
            if not before[path].same_state(after[path])
        },
    }
    found = list(changes(left, right))
    assert {change.path: change.change for change in found} == expected
    assert [change.path for change in found] == sorted(expected, key=str.encode)


def test_what_was_found_about_an_object_is_no_change() -> None:
    found = create_source_object()
    at_fault = replace(found, fault=Fault("missing-chunk", "chunk 0 is missing"))
    assert list(changes([found], [at_fault])) == []


def test_another_document_with_the_same_path_hides_no_change() -> None:
    good = create_source_object(source_id="good")
    duplicate = create_source_object(source_id="odd", fault=Fault("duplicate-path", "x"))
    edited = replace(good, size=6)
    assert list(changes([good, duplicate], [edited, duplicate])) == [Change(good.path, "changed")]
    assert list(changes([good, duplicate], [good, duplicate])) == []
