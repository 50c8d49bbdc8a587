"""Watching ingests: every one to its end, through an absent API, and never a wrong exit code."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from rich.console import Console

from course_backfill.cli.api_client import ApiClient, ApiUnreachable
from course_backfill.cli.displays import BarDisplay, LineDisplay, Silence
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import remark
from course_backfill.cli.watching import PATIENCE, Watcher
from tests.features.scripted_api import Answer, Request, scripted_api


def create_ingest(ingest: str = "i-1", **fields: Any) -> dict[str, Any]:
    """An ingest as the API shows it, processing unless told otherwise."""
    status = fields.pop("status", "processing")
    return {
        "type": "Ingest",
        "id": ingest,
        "ingestType": {"id": "backfill-course"},
        "sourceLocation": {"provider": {"id": "mongodb"}, "id": None},
        "locations": ["primary"],
        "onFailure": "rollback",
        "corruptObjects": "fail",
        "restore": {"tier": "Standard", "days": 7, "maxCost": None},
        "audit": None,
        "repairs": None,
        "requestedBy": "operator",
        "course": {"type": "Course", "id": f"course-v1:Org+C+{ingest}", "version": "v1"},
        "status": {"type": "Status", "id": status},
        "stage": "replicating",
        "dryRun": False,
        "progress": {
            "percent": 12,
            "objectsTotal": 10,
            "objectsDone": 4,
            "bytesTotal": 2_000_000,
            "bytesDone": 500_000,
            "objectsVerified": 0,
            "objectsLookedAt": 0,
            "bytesVerified": 0,
            "bytesLookedAt": 0,
            "bytesPerSecond": 250_000,
            "secondsLeft": 14,
        },
        "failures": {"count": 0},
        "failure": None,
        "report": None,
        "events": [],
        "createdDate": "2026-01-31T08:15:00.000Z",
        "lastModifiedDate": "2026-01-31T08:15:03.000Z",
    } | fields


DONE = {
    "status": "succeeded",
    "stage": None,
    "progress": create_ingest()["progress"] | {"objectsDone": 10, "bytesDone": 2_000_000},
}


def test_every_ingest_is_followed_to_its_end() -> None:
    looks = {
        "i-1": [create_ingest("i-1"), create_ingest("i-1", **DONE)],
        "i-2": [create_ingest("i-2", status="failed", stage=None)],
        "i-3": [create_ingest("i-3", status="accepted", stage=None)] * 3
        + [create_ingest("i-3", status="cancelled", stage=None)],
    }

    with answering(looks) as api:
        ends = watcher(api).watch(["i-1", "i-2", "i-3"])

    assert {end.id: end.status for end in ends} == {
        "i-1": "succeeded",
        "i-2": "failed",
        "i-3": "cancelled",
    }


def test_an_api_that_is_away_for_a_moment_is_waited_for() -> None:
    looks = {"i-1": [Answer(503)] * 7 + [create_ingest(**DONE)]}

    with answering(looks) as api:
        (end,) = watcher(api).watch(["i-1"])

    assert end.status == "succeeded"


def test_an_api_that_is_away_is_told_once_and_asked_ever_less_often(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gaps: list[float] = []
    looks = {"i-1": [Answer(503)] * 21 + [create_ingest()] + [Answer(503)] * 3}
    looks["i-1"] += [create_ingest(**DONE)]

    with answering(looks) as api:
        Watcher(api, Silence(), sleep=gaps.append, now=lambda: 0.0).watch(["i-1"])

    # Seven times in a row, then once more after it had answered.
    assert gaps == [0.5, 1, 2, 4, 8, 8, 8, 0.5, 0.5]
    assert capsys.readouterr().err.count("The API does not answer") == 2


def test_an_api_that_stays_away_ends_the_watching() -> None:
    moments = iter(range(0, 10 * PATIENCE, PATIENCE // 4))
    with httpx.Client(base_url="http://127.0.0.1:1") as http:
        api = ApiClient(http, sleep=lambda _: None)
        following = Watcher(api, Silence(), sleep=lambda _: None, now=lambda: next(moments))

        with pytest.raises(ApiUnreachable):
            following.watch(["i-1"])


def test_lines_tell_a_stage_once_and_the_end_with_what_to_do() -> None:
    failed = create_ingest(
        status="failed",
        stage=None,
        failure={"detail": "3 bad object(s), the first is 'assets/a\x1b[2J'", "action": "…"},
    )
    screen = console()
    lines = LineDisplay(screen, now=lambda: 0.0)

    lines.show(IngestView(create_ingest()))
    lines.show(IngestView(create_ingest()))
    copied = create_ingest()["progress"] | {"percent": 50, "bytesDone": 2_000_000}
    lines.show(IngestView(create_ingest(stage="verifying", progress=copied)))
    lines.ended(IngestView(failed))

    assert text_of(screen) == [
        "course-v1:Org+C+i-1: replicating, 25 %, 4 of 10 objects, 500.0 kB of 2.0 MB, "
        "250.0 kB/s, 14 s to copy",
        "course-v1:Org+C+i-1: verifying, 0 %, 0 of 10 objects, 0 bytes of 2.0 MB, "
        "250.0 kB/s, 14 s to verify",
        "course-v1:Org+C+i-1: failed: 3 bad object(s), the first is 'assets/a\\x1b[2J'",
        "  next: course-backfill failures i-1",
    ]


@pytest.mark.parametrize(
    ("stage", "counts", "said"),
    [
        ("replicating", {"objectsDone": 10, "bytesDone": 2_000_000}, "100 %, 10 of 10 objects"),
        ("verifying", {"objectsLookedAt": 5, "bytesLookedAt": 1_000_000}, "50 %, 5 of 10 objects"),
        # An audit that found one damaged has looked at all; one that has an empty file left, not.
        (
            "verifying",
            {"objectsVerified": 9, "objectsLookedAt": 10, "bytesLookedAt": 2_000_000},
            "100 %, 10 of 10 objects, 2.0 MB of 2.0 MB",
        ),
        ("verifying", {"objectsLookedAt": 9, "bytesLookedAt": 2_000_000}, "99 %, 9 of 10 objects"),
    ],
)
def test_percent_and_counts_are_both_of_the_present_stage(
    stage: str, counts: dict[str, int], said: str
) -> None:
    counted = create_ingest()["progress"] | counts
    standing = IngestView(create_ingest(stage=stage, progress=counted)).standing()

    assert standing.startswith(f"{stage}, {said}")


@pytest.mark.parametrize(("stage", "lines"), [("replicating", 10), ("warming", 1)])
def test_what_takes_hours_is_not_told_again_and_again(stage: str, lines: int) -> None:
    screen = console()
    moments = iter(range(0, 10_000, 15))
    display = LineDisplay(screen, now=lambda: float(next(moments)))
    warming = {"objects": 3, "bytes": 9, "ready": 0, "asked": 0, "tier": None, "readyByDate": None}

    for _ in range(10):
        display.show(IngestView(create_ingest(stage=stage, warming=warming)))

    assert sum("course-v1:Org+C+i-1" in line for line in text_of(screen)) == lines


def test_a_failure_that_was_kept_can_be_gone_on_with() -> None:
    until = "2026-02-14T08:15:00.000Z"
    kept = create_ingest(status="failed", stage=None, failureKept=True, keptUntil=until)
    screen = console()

    LineDisplay(screen).ended(IngestView(kept))

    assert text_of(screen)[-1] == "  or go on from there: course-backfill retry i-1"


def test_a_wait_is_told_with_its_reason() -> None:
    event = {"step": "plan", "outcome": "waiting", "description": "Waiting: MongoDB is away"}
    screen = console()

    LineDisplay(screen).show(IngestView(create_ingest(events=[event])))

    assert text_of(screen) == ["course-v1:Org+C+i-1: Waiting: MongoDB is away"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (DONE, "migrated as v1: 10 objects, 2.0 MB in 3 s"),
        (
            {**DONE, "failures": {"count": 1}},
            "migrated as v1: 10 objects, 2.0 MB in 3 s; 1 object left out, recorded as exceptions",
        ),
        (
            {**DONE, "sourceCheck": {"checkedDate": "2026-01-31T08:15:02.000Z", "stale": True}},
            "migrated as v1: 10 objects, 2.0 MB in 3 s; stale already: the source changed "
            "meanwhile, start it again",
        ),
        (
            {
                "status": "succeeded",
                "progress": None,
                "course": {"id": "course-v1:Org+C+i-1", "version": None},
            },
            "nothing to do: the latest version equals the source; 0 objects moved",
        ),
        ({"status": "cancelled"}, "cancelled after 3 s; nothing of it stays"),
        ({"status": "failed"}, "failed: no reason was recorded"),
        ({"status": "succeeded", "dryRun": True}, "dry run done in 3 s, nothing was copied"),
    ],
)
def test_every_end_is_a_sentence(fields: dict[str, Any], said: str) -> None:
    assert IngestView(create_ingest(**fields)).end() == said


@pytest.mark.parametrize("width", [60, 100, 160])
def test_bars_fit_any_terminal_and_leave_the_ends_behind(width: int) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=width, height=8)

    with BarDisplay(screen) as bars:
        for number in range(20):
            bars.show(IngestView(create_ingest(f"i-{number}")))
        bars.ended(IngestView(create_ingest("i-3", **DONE)))

    assert isinstance(screen.file, io.StringIO)
    assert "migrated as v1" in screen.file.getvalue()


def test_what_is_said_beside_bars_leaves_no_row_of_them_behind() -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, width=160, height=8)

    with BarDisplay(screen) as bars:
        bars.show(IngestView(create_ingest()))
        remark("The API does not answer.")

    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    before, found, _ = shown.partition("The API does not answer.")
    # The row is erased, and the sentence stands at the beginning of its line.
    assert found
    assert before.endswith("\x1b[2K")


@contextmanager
def answering(looks: Mapping[str, list[Any]]) -> Iterator[ApiClient]:
    """An API that shows each ingest as listed, one look after the other."""
    left = {ingest: iter(shown) for ingest, shown in looks.items()}

    def answer(request: Request) -> Answer:
        shown = next(left[request.path.rsplit("/", 1)[-1]])
        return shown if isinstance(shown, Answer) else Answer(200, shown)

    with scripted_api(answer) as api, httpx.Client(base_url=api.url) as http:
        yield ApiClient(http, sleep=lambda _: None)


def watcher(api: ApiClient) -> Watcher:
    return Watcher(api, Silence(), sleep=lambda _: None)


def console() -> Console:
    return Console(file=io.StringIO(), width=60, markup=False, highlight=False)


def text_of(screen: Console) -> list[str]:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()
