"""What is said of dry runs: in words of what each is of."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.cli.dry_runs import print_report
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.summaries import summary
from tests.domain.test_cli_copies import COPY, WARM, create_view

CLASSES = {"GLACIER": {"objects": 3, "bytes": 5_000}}
REPORT: dict[str, Any] = {
    "objects": 3,
    "bytes": 5_000,
    "byKind": {},
    "largest": [{"path": "courses/Org%2FC%2FR/v1/assets/a.txt", "size": 4_000}],
    "sharedWith": [],
    "problems": {},
    "bytesWereRead": False,
    "wouldFail": False,
    "unchanged": False,
    "toRepair": 0,
    "present": 0,
    "byStorageClass": CLASSES,
    "restoreRequests": 3,
    "tier": "Bulk",
    "tiers": [{"tier": "Bulk", "requests": 3, "minutes": 720, "costCents": 1}],
    "currency": "USD",
}
OF_SOURCE = {"sourceLocation": {"provider": {"id": "mongodb"}, "id": None}}
NOTHING = {"objects": 0, "bytes": 0, "largest": [], "byStorageClass": {}, "unchanged": True}


def create_dry_run(kind: str, report: dict[str, Any], **fields: Any) -> IngestView:
    """A dry run that has reported, of two locations."""
    there = {"locations": ["primary", "second"], "report": {**REPORT, **report}, "dryRun": True}
    return create_view(kind, **{**there, **fields})


def shown(ingest: IngestView, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of its report, and of the summary."""
    print_report(ingest)
    return [*capsys.readouterr().out.splitlines(), summary([ingest])]


@pytest.mark.parametrize("fields", [{}, OF_SOURCE])
def test_a_dry_run_of_copies_says_where_they_would_be_brought_and_nothing_of_the_source(
    capsys: pytest.CaptureFixture[str], fields: dict[str, Any]
) -> None:
    lines = shown(create_dry_run(COPY, {"present": 2}, **fields), capsys)

    assert (
        "course-v1:Org+C+R: to bring to second: 3 objects (manifest files included), 5.0 kB; "
        "2 objects there already"
    ) in lines
    assert "3 objects would be restored first:" in lines
    assert "Nothing speaks against it." in lines
    assert (
        lines[-1] == "1 without a fault so far; "
        "to bring to other locations: 3 objects (manifest files included), 5.0 kB"
    )
    assert not any("source" in line or "ingest" in line for line in lines)


def test_the_largest_copies_are_named_without_what_all_keys_of_a_course_have_in_common(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = shown(create_dry_run(COPY, {}, course={"id": "Org/C/R", "version": None}), capsys)

    assert ["v1/assets/a.txt", "4.0", "kB"] in [line.split() for line in lines]


def test_a_dry_run_of_warming_speaks_of_restoring_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    warming = create_dry_run(WARM, {}, locations=["primary"])

    lines = shown(warming, capsys)

    assert "course-v1:Org+C+R: cold in primary: 3 objects, 5.0 kB" in lines
    assert "3 objects would be restored:" in lines
    assert "Nothing speaks against restoring it." in lines
    assert lines[-1] == "1 without a fault so far; cold: 3 objects, 5.0 kB"
    assert warming.end() == "dry run done in 3 s, nothing was restored"


def test_a_dry_run_of_what_is_being_restored_already_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    restored = {"restoreRequests": 0}

    assert any("being restored." in one for one in shown(create_dry_run(WARM, restored), capsys))
    assert any("restored first." in one for one in shown(create_dry_run(COPY, restored), capsys))


@pytest.mark.parametrize(
    ("kind", "said"),
    [(COPY, "every version is there already."), (WARM, "every file can be read.")],
)
def test_a_dry_run_that_finds_nothing_to_do_says_why(
    capsys: pytest.CaptureFixture[str], kind: str, said: str
) -> None:
    lines = shown(create_dry_run(kind, NOTHING), capsys)

    assert any(line.endswith(said) for line in lines)
    assert lines[-1].startswith("1 would have nothing to do")


def test_a_dry_run_of_copies_that_would_fail_offers_nothing_that_is_about_the_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    expensive = {"problems": {"too-expensive": 1}, "wouldFail": True}

    lines = shown(create_dry_run(COPY, expensive), capsys)

    assert ["too-expensive", "1"] in [line.split() for line in lines]
    assert "It would FAIL: see above." in lines
    assert not any("--corrupt-objects" in line or "Files" in line.split() for line in lines)


def test_files_of_the_source_are_not_summed_with_copies_of_them() -> None:
    new = create_dry_run(COPY, {"byStorageClass": {}, "bytesWereRead": True}, **OF_SOURCE)
    old = create_dry_run(COPY, {}, **OF_SOURCE)

    assert summary([new, old, old]) == (
        "1 would succeed, 2 without a fault so far; "
        "in the source: 3 objects, 5.0 kB; "
        "to bring to other locations: 6 objects (manifest files included), 10.0 kB"
    )


@pytest.mark.parametrize(("minutes", "note"), [(5, ""), (720, "Deep Archive by Standard")])
def test_a_tier_that_a_class_does_not_offer_is_told_with_the_one_that_is_used(
    capsys: pytest.CaptureFixture[str], minutes: int, note: str
) -> None:
    tiers = [
        {"tier": "Standard", "requests": 3, "minutes": 720, "costCents": 1},
        {"tier": "Expedited", "requests": 3, "minutes": minutes, "costCents": 1},
    ]
    lines = shown(create_dry_run(COPY, {"tiers": tiers, "tier": "Standard"}), capsys)

    (standard,) = [line for line in lines if "Standard" in line.split()[:2]]
    (expedited,) = [line for line in lines if "Expedited" in line]
    assert "this one" in standard
    assert ("Deep Archive" in expedited, note in expedited) == (bool(note), True)


@pytest.mark.parametrize("fields", [{}, OF_SOURCE])
def test_a_dry_run_of_a_damaged_course_says_what_comes_first(
    capsys: pytest.CaptureFixture[str], fields: dict[str, Any]
) -> None:
    text = " ".join(shown(create_dry_run(COPY, {"toRepair": 3}, **fields), capsys))

    assert "3 damaged copies wait to be mended" in text
    assert "Nothing speaks against" not in text
