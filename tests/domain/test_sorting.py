"""Sorting: as `sorted` does it, whatever the number; and one document per path stays good."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course_backfill import sorting
from course_backfill.inventory import Fault, SourceObject
from course_backfill.sorting import CANONICAL_C4X, in_inventory_order, sort_records, twins
from tests.generators import create_source_object
from tests.strategies import plain_objects

RECORDS = st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=4)), max_size=40)
RUNS = st.integers(1, 12)


@given(records=RECORDS, run=RUNS)
@example(records=[(b"", b"")] * 5, run=1)
@example(records=[(b"a", b"")] * 6, run=3)
def test_records_come_sorted_whatever_their_number(
    records: list[tuple[bytes, bytes]], run: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sorting, "RUN_RECORDS", run)
        assert list(sort_records(iter(records))) == sorted(records)


def test_nothing_is_left_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sorting, "RUN_RECORDS", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    records = sort_records((b"%d" % number, b"") for number in range(9))
    assert next(records) == (b"0", b"")
    assert list(tmp_path.iterdir()) != []
    assert len(list(records)) == 8
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_on_disk_by_one_who_stops_early(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sorting, "RUN_RECORDS", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    records = sort_records((b"%d" % number, b"") for number in range(9))
    assert isinstance(records, Iterator)
    next(records)
    records.close()  # type: ignore[attr-defined] # A generator, whatever its type says.
    assert list(tmp_path.iterdir()) == []


@given(objects=st.lists(plain_objects(), max_size=12), run=RUNS)
def test_an_inventory_is_sorted_by_path_and_loses_nothing(
    objects: list[SourceObject], run: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sorting, "RUN_RECORDS", run)
        ordered = list(in_inventory_order(objects))
    assert [one.path for one in ordered] == sorted((one.path for one in objects), key=str.encode)
    assert len(ordered) == len(objects)
    for one in ordered:
        assert any(one.same_state(other) for other in objects)


@given(objects=st.lists(plain_objects(), max_size=12))
def test_of_one_path_exactly_one_document_stays_good(objects: list[SourceObject]) -> None:
    ordered = list(in_inventory_order(objects))
    good = [one.path for one in ordered if one.fault is None]
    assert sorted(good) == sorted({one.path for one in objects})
    assert {one.fault.code for one in ordered if one.fault} <= {"duplicate-path"}


@given(st.permutations([0, 1, 2]))
def test_the_one_that_stays_good_is_the_one_that_the_platform_serves(order: list[int]) -> None:
    fields = dict.fromkeys(CANONICAL_C4X, "x")
    canonical = create_source_object(source_id=fields)
    odd = create_source_object(source_id=dict(reversed(fields.items())), size=6)
    longer = create_source_object(source_id=fields | {"surplus": "x"}, size=7)
    given_order = [[canonical, odd, longer][index] for index in order]
    first, *others = in_inventory_order(given_order)
    assert first == canonical
    assert list(first.source_id) == CANONICAL_C4X
    assert [one.fault and one.fault.code for one in others] == ["duplicate-path"] * 2


def test_a_fault_of_the_first_stays_its_own() -> None:
    torn = create_source_object(fault=Fault("missing-chunk", "chunk 0 is missing"))
    assert list(in_inventory_order([torn])) == [torn]


def forms(name: str) -> list[str]:
    return [unicodedata.normalize(form, f"assets/{name}") for form in ("NFC", "NFD")]


def test_names_that_differ_in_unicode_form_are_twins() -> None:
    [(code, found)] = twins([*forms("café.png"), "assets/cafe.png"])
    assert (code, sorted(found)) == ("unicode-twins", sorted(forms("café.png")))


def test_names_that_differ_in_case_are_twins() -> None:
    [(code, found)] = twins(["assets/A.png", "assets/b.png", "assets/a.PNG", "thumbnails/a.png"])
    assert (code, found) == ("case-twins", ["assets/A.png", "assets/a.PNG"])


def test_two_documents_with_the_same_path_are_no_twins() -> None:
    assert list(twins(["assets/a.png", "assets/a.png"])) == []


@given(st.lists(st.text(st.sampled_from("aAßéE\u0301i\u0307İ"), max_size=3), max_size=10))
def test_every_name_is_in_one_group_at_most(names: list[str]) -> None:
    grouped = [path for _, found in twins(names) for path in found]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) <= set(names)
