"""What the results of a version come to: entries, exceptions, and everything accounted for."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.inventory import Fault, Fingerprints
from course_backfill.manifests import EntriesSummary
from course_backfill.results import Copied, Outcome
from course_backfill.source_reading import Bad, Removed
from services.aggregator.version_summary import VersionSummary
from tests.generators import create_entry, create_source_object

KINDS = st.lists(st.sampled_from(["copied", "removed", "bad"]), max_size=12)


def outcomes(kinds: list[str]) -> list[Outcome]:
    made: list[Outcome] = []
    for number, kind in enumerate(kinds):
        path = f"assets/{number:03d}"
        match kind:
            case "copied":
                made.append(Copied(create_entry(path)))
            case "removed":
                made.append(Removed(create_source_object(path)))
            case _:
                made.append(Bad(create_source_object(path), Fault("digest-mismatch", "other md5")))
    return made


def summarised(found: list[Outcome]) -> tuple[VersionSummary, bytes]:
    summary = VersionSummary("v2")
    return summary, b"".join(summary.add(outcome) or b"" for outcome in found)


@given(KINDS)
def test_entries_are_the_copies_alone(kinds: list[str]) -> None:
    found = outcomes(kinds)
    summary, content = summarised(found)
    entries = EntriesSummary()
    assert content == b"".join(
        entries.add(outcome.entry) for outcome in found if isinstance(outcome, Copied)
    )
    assert summary.summary.entries_sha256 == hashlib.sha256(content).hexdigest()
    assert summary.removed == kinds.count("removed")
    assert [one.path for one in summary.exceptions] == [
        outcome.source.path for outcome in found if isinstance(outcome, Bad)
    ]


def test_what_lies_with_earlier_versions_is_counted_apart() -> None:
    made = [
        replace(create_entry(f"assets/{number}", bytes(number)), version=f"v{number}")
        for number in (1, 2)
    ]
    summary, _ = summarised([Copied(entry) for entry in made])
    record = summary.record("m", b"{}")
    assert (record.objects, record.bytes) == (2, 3)
    assert (record.stored_objects, record.stored_bytes) == (1, 2)


@given(KINDS)
def test_every_object_of_the_inventory_is_accounted_for(kinds: list[str]) -> None:
    summary, _ = summarised(outcomes(kinds))
    assert summary.found() == len(kinds)
    assert summary.entries == kinds.count("copied")


@given(KINDS)
def test_the_fingerprints_are_those_of_the_source_without_what_was_removed(
    kinds: list[str],
) -> None:
    found = outcomes(kinds)
    summary, _ = summarised(found)
    source = Fingerprints()
    for outcome in found:
        if not isinstance(outcome, Removed):
            source.add(outcome.source)
    assert summary.fingerprints == source.hexdigests()


@pytest.mark.parametrize("kinds", [[], ["copied", "bad", "removed", "copied"]])
def test_the_versions_record_says_what_the_files_hold(kinds: list[str]) -> None:
    summary, content = summarised(outcomes(kinds))
    record = summary.record("prefix/manifest.json", b"manifest")
    assert record.manifest_key == "prefix/manifest.json"
    assert record.manifest_sha256 == hashlib.sha256(b"manifest").hexdigest()
    assert record.entries_sha256 == hashlib.sha256(content).hexdigest()
    assert (record.objects, record.exceptions) == (kinds.count("copied"), kinds.count("bad"))
    assert record.bytes == 5 * kinds.count("copied")
    assert record.fingerprints == summary.fingerprints
