"""What the commands say of audits and repairs, from documents of audits and repairs."""

from __future__ import annotations

import pytest

from course_backfill.cli.audit_findings import Damage, print_findings
from course_backfill.cli.copy_sentences import success_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.replicas import print_replicas
from course_backfill.cli.summaries import summary
from course_backfill.display import show_ingest
from course_backfill.ingests import Ingest
from tests.services.audit_world import FILES, AuditWorld
from tests.services.location_world import ARCHIVE, PRIMARY

OBJECTS = len(FILES) + 3
COUNTED = "objects (manifest files included)"
"""In each location, with the three manifest files."""


def view_of(world: AuditWorld, ingest: Ingest) -> IngestView:
    """The ingest as the command gets it from the API."""
    wiring = world.pipeline.wiring
    shown = show_ingest(
        ingest,
        wiring.packets.replicas(ingest.id),
        wiring.ingests.events(ingest.id),
        now=wiring.clock(),
        stalled_after=wiring.resend_after,
    )
    return IngestView(shown.model_dump(mode="json", by_alias=True))


def never(view: IngestView) -> Damage:
    raise AssertionError(f"{view.id} found no damage")


def said_of(view: IngestView) -> str:
    """How it ended, without how long it took."""
    end = view.end()
    return end[: end.index(" in ")] + end[end.index(": ") :]


def test_an_audit_that_finds_nothing_says_how_much_it_compared() -> None:
    world = AuditWorld()
    view = view_of(world, world.audit())
    assert said_of(view) == (
        f"audited: {2 * OBJECTS} {COUNTED} compared in 2 locations; nothing is damaged"
    )
    assert (summary([view]), view.went_wrong, view.ended_as) == ("1 undamaged", False, "succeeded")


def test_an_audit_counts_each_object_once_however_it_is_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    world.remove("assets/2.txt", location="second")
    world.alter("assets/stray.txt", b"stray", location="second")
    view = view_of(world, world.audit())
    assert said_of(view) == (
        f"audited: {2 * OBJECTS} {COUNTED} compared in 2 locations; 2 damaged, 1 surplus"
    )
    assert (summary([view]), view.went_wrong, view.ended_as) == ("1 damaged", True, "failed")
    assert view.percent == 100
    print_replicas(view)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["second", "verified", str(OBJECTS - 2), "2", "1"] in rows


def test_what_an_audit_left_unread_is_neither_right_nor_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = AuditWorld(PRIMARY, ARCHIVE)
    key = world.key("assets/1.txt", location="archive")
    world.buckets["archive"].change(key, sha256=None, crc64=None)
    view = view_of(world, world.audit())
    assert said_of(view) == (
        f"audited: {2 * OBJECTS - 1} {COUNTED} compared in 2 locations; "
        "nothing is damaged, 1 cold and left unread"
    )
    assert (summary([view]), view.went_wrong, view.percent) == ("1 undamaged", False, 100)
    print_findings([view], never)
    assert "course-backfill audit COURSE --warm" in " ".join(capsys.readouterr().out.split())


def test_findings_are_summed_by_location_with_what_to_do_about_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    world = AuditWorld()
    sound = view_of(world, world.audit())
    world.alter("assets/1.txt", location="second")
    world.alter("assets/2.txt", location="second")
    world.alter("assets/stray.txt", b"stray")
    damaged = view_of(world, world.audit())
    print_findings([sound, damaged], lambda _: Damage(2, 0, ()))
    shown = capsys.readouterr().out
    cells = [line.split() for line in shown.splitlines()]
    assert ["primary", str(2 * OBJECTS), "0", "1", "0"] in cells
    assert ["second", str(2 * OBJECTS - 2), "2", "0", "0"] in cells
    assert "2 damaged in second" in shown
    assert f"course-backfill failures {damaged.id}" in shown
    assert f"course-backfill start {damaged.course}" in shown
    assert "1 surplus in primary" in shown


@pytest.mark.parametrize(
    ("damage", "said", "unsaid"),
    [
        (Damage(2, 0, ("far",)), ["course-backfill start"], ["good copy", "audit all", "backup"]),
        (Damage(2, 2, ("far",)), ["of 2 objects", "audit all its locations first"], ["start"]),
        (Damage(2, 1, ("far",)), ["of 1 object", "audit all its locations first"], ["start"]),
        (Damage(2, 1, ()), ["of 1 object", "backup", "course-backfill start"], ["audit all"]),
        (Damage(2, 2, ()), ["of 2 objects", "backup"], ["audit all", "start"]),
    ],
)
def test_an_audit_says_at_once_whether_what_it_read_mends_the_damage(
    capsys: pytest.CaptureFixture[str], damage: Damage, said: list[str], unsaid: list[str]
) -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    print_findings([view_of(world, world.audit())], lambda _: damage)
    shown = " ".join(capsys.readouterr().out.split())
    assert [one for one in said if one not in shown] == []
    assert [one for one in unsaid if one in shown] == []


def test_a_repair_counts_what_it_mended_and_what_it_could_not() -> None:
    world = AuditWorld()
    world.alter("assets/1.txt", location="second")
    world.audit()
    mended = view_of(world, world.repaired())
    assert mended.end().endswith("mended in 0 s what an audit found: 1 object, 1 byte")
    world.alter("assets/2.txt", location="second")
    for location in ("primary", "second"):
        world.alter("assets/3.txt", location=location)
    world.audit()
    left = view_of(world, world.backfill())
    assert success_of(left.document, "0 s") == (
        "mended in 0 s what an audit found: 1 object, 2 bytes; 2 copies damaged still"
    )
    assert (left.ended_as, left.went_wrong) == ("failed", True)
    assert (mended.ended_as, summary([mended])) == ("succeeded", "1 mended")
