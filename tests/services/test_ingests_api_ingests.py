"""Looking at ingests, listing them, cancelling and retrying; and what failed with one."""

from __future__ import annotations

import csv
import io
import json

import pytest

from course_backfill.failures import Failure
from course_backfill.ingests import IngestStatus
from course_backfill.locations import failures_key
from course_backfill.messages import Step
from tests.services.api_world import Answered, ApiWorld
from tests.services.memory_pipeline import COURSE, OLD_COURSE


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


def ids(answer: Answered) -> list[str]:
    assert answer.json["type"] == "ResultList"
    return [one["id"] for one in answer.json["results"]]


def pages(world: ApiWorld, path: str, query: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = world.get(path, query=f"{query}&cursor={cursor}")
        found += ids(answer)
        cursor = answer.json["nextCursor"]
    return found


def test_an_unknown_ingest_is_not_found(world: ApiWorld) -> None:
    for path in ("/ingests/nothing", "/ingests/nothing/failures", "/ingests/nothing/events"):
        assert world.get(path).status == 404
    for verb in ("cancel", "retry"):
        assert world.post(f"/ingests/nothing/{verb}").status == 404
    tier = {"tier": "Expedited"}
    assert world.post("/ingests/nothing/restore-tier", tier).status == 404


def test_a_finished_ingest_shows_what_was_done(world: ApiWorld) -> None:
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    shown = world.get(f"/ingests/{world.backfill()}").json
    assert (shown["status"]["id"], shown["course"]["version"]) == ("succeeded", "v1")
    assert shown["progress"]["objectsTotal"] == shown["progress"]["objectsDone"] == 1
    assert shown["progress"]["bytesTotal"] == shown["progress"]["bytesDone"] == 5
    assert (shown["progress"]["bytesPerSecond"], shown["progress"]["secondsLeft"]) == (None, None)
    assert shown["replicas"][0] | {"startedDate": ""} == {
        "type": "Replica",
        "location": "primary",
        "status": "verified",
        "objectsDone": 1,
        "bytesDone": 5,
        "objectsVerified": 1,
        "bytesVerified": 5,
        "damaged": 0,
        "beyondRepair": 0,
        "surplus": 0,
        "unread": 0,
        "startedDate": "",
    }
    assert shown["sourceCheck"]["stale"] is False
    assert shown["events"][0]["step"] == "accept"
    assert shown["lastModifiedDate"] >= shown["events"][-1]["createdDate"]


def test_an_ingest_stays_small_however_many_objects_it_has_events_of(world: ApiWorld) -> None:
    ingest = world.pipeline.ingest(world.backfill())
    ingests = world.pipeline.wiring.ingests
    own = world.get(f"/ingests/{ingest.id}").json["events"]
    keys = {f"v1/assets/{number}.txt" for number in range(120)}
    for key in keys:
        ingests.note(ingest, ingests.event("repair", "repaired", "mended", object=key))
    assert world.get(f"/ingests/{ingest.id}").json["events"] == own
    found: list[dict[str, object]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = world.get(f"/ingests/{ingest.id}/events", query=f"limit=50&cursor={cursor}").json
        assert len(page["results"]) <= 50
        found += page["results"]
        cursor = page["nextCursor"]
    assert found[: len(own)] == own
    assert {one["object"] for one in found[len(own) :]} == keys
    assert len(found) == len(own) + len(keys)


def test_a_dry_run_shows_its_report(world: ApiWorld) -> None:
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    shown = world.get(f"/ingests/{world.backfill(dryRun=True)}").json
    assert (shown["report"]["objects"], shown["report"]["bytes"]) == (1, 5)
    assert shown["report"]["wouldFail"] is False


def test_ingests_are_listed_newest_first_and_by_course_status_and_stage(world: ApiWorld) -> None:
    first = world.backfill()
    second = world.backfill(OLD_COURSE)
    third = world.start().json["id"]
    assert ids(world.get("/ingests")) == [third, second, first]
    assert ids(world.get("/ingests", query=f"course={COURSE}")) == [third, first]
    assert ids(world.get("/ingests", query="status=accepted")) == [third]
    assert ids(world.get("/ingests", query=f"status=succeeded&course={OLD_COURSE}")) == [second]
    assert ids(world.get("/ingests", query="stage=planning")) == []
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert ids(world.get("/ingests", query="stage=replicating")) == [third]


def test_a_list_is_paged_to_its_end(world: ApiWorld) -> None:
    started = [world.start(dryRun=True).json["id"] for _ in range(7)]
    assert pages(world, "/ingests", "limit=3") == started[::-1]
    assert pages(world, "/ingests", f"limit=1&course={COURSE}") == started[::-1]


# --- cancel and retry ---


def test_a_cancelled_ingest_is_fenced_and_rolled_back(world: ApiWorld) -> None:
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    ingest = world.start().json["id"]
    world.pipeline.run(until=lambda message: message.step is Step.VERIFY)
    answer = world.post(f"/ingests/{ingest}/cancel", {})
    assert (answer.status, answer.json["stage"]) == (202, "rolling-back")
    assert world.post(f"/ingests/{ingest}/cancel").status == 200
    world.pipeline.run()
    again = world.post(f"/ingests/{ingest}/cancel")
    assert (again.status, again.json["status"]["id"]) == (200, "cancelled")
    assert world.pipeline.stored() == []
    assert any(event["requestedBy"] == "operator" for event in again.json["events"])


def test_a_finished_ingest_cannot_be_cancelled(world: ApiWorld) -> None:
    answer = world.post(f"/ingests/{world.backfill()}/cancel")
    assert answer.status == 409
    assert "succeeded" in answer.json["detail"]


def failing_world(**fields: str) -> tuple[ApiWorld, str]:
    """A course with one good file and one that lost a chunk after planning."""
    world = ApiWorld()
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    file = world.pipeline.content.save(COURSE, "b.txt", b"beta")
    ingest = world.start(**fields).json["id"]
    message = world.pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert message
    world.pipeline.content.drop_chunk(file, 0)
    world.pipeline.deliver(message)
    world.pipeline.run()
    return world, ingest


def test_a_kept_failure_shows_until_when_and_is_retried() -> None:
    world, ingest = failing_world(onFailure="keep")
    shown = world.get(f"/ingests/{ingest}").json
    assert (shown["status"]["id"], shown["failureKept"]) == ("failed", True)
    assert shown["keptUntil"] > shown["lastModifiedDate"]
    assert shown["failure"]["code"] == "missing-chunk"
    assert shown["failure"]["action"]
    answer = world.post(f"/ingests/{ingest}/retry", {})
    assert (answer.status, answer.json["status"]["id"]) == (202, "processing")
    assert world.post(f"/ingests/{ingest}/retry").status == 409


def test_what_was_not_kept_cannot_be_retried() -> None:
    world, ingest = failing_world()
    answer = world.post(f"/ingests/{ingest}/retry")
    assert answer.status == 409
    assert "start the course again" in answer.json["detail"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
@pytest.mark.parametrize(("body", "status"), [({"force": True}, 422), ([], 422), ("{", 400)])
def test_cancel_and_retry_take_no_wishes(
    world: ApiWorld, verb: str, body: object, status: int
) -> None:
    ingest = world.start().json["id"]
    assert world.post(f"/ingests/{ingest}/{verb}", body).status == status
    assert world.pipeline.ingest(ingest).status is IngestStatus.ACCEPTED


# --- failures ---


def test_failures_say_what_why_and_what_to_do() -> None:
    world, ingest = failing_world()
    [failure] = world.get(f"/ingests/{ingest}/failures").json["results"]
    assert failure["type"] == "Failure"
    assert (failure["path"], failure["code"]) == ("assets/b.txt", "missing-chunk")
    assert (failure["severity"], failure["stage"]) == ("failure", "replicating")
    assert failure["sourceId"]
    assert failure["attempts"] >= 1
    assert "Upload the file again" in failure["action"]
    assert world.get(f"/ingests/{ingest}").json["failures"] == {"count": 1}


def test_an_ingest_without_failures_has_an_empty_list(world: ApiWorld) -> None:
    answer = world.get(f"/ingests/{world.backfill()}/failures")
    assert answer.json == {"type": "ResultList", "results": [], "nextCursor": None}


def create_failures(world: ApiWorld, *paths: str) -> str:
    """An ingest with that many failures listed."""
    ingest = str(world.start().json["id"])
    lines = [
        Failure(
            stage="replicating",
            code="missing-chunk",
            detail=f"chunk 0 of {path!r} is missing",
            action="Upload it again",
            path=path,
            source_id={"_id": path},
        ).to_line()
        for path in paths
    ]
    world.wiring.work.put(failures_key(ingest), lines)
    counted = {"failure_count": len(paths)}
    world.wiring.ingests.update(ingest, lambda now: now.model_copy(update=counted))
    return ingest


def failed_paths(answer: Answered) -> list[str]:
    return [one["path"] for one in answer.json["results"]]


def test_failures_are_paged_line_by_line(world: ApiWorld) -> None:
    paths = [f"assets/é{number}" for number in range(10)]
    path = f"/ingests/{create_failures(world, *paths)}/failures"
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = world.get(path, query=f"limit=3&cursor={cursor}")
        found += failed_paths(answer)
        cursor = answer.json["nextCursor"]
    assert found == paths


def test_a_page_of_long_failures_ends_before_it_is_too_large(world: ApiWorld) -> None:
    paths = [f"assets/{number:04}{'x' * 50_000}" for number in range(60)]
    answer = world.get(f"/ingests/{create_failures(world, *paths)}/failures", query="limit=1000")
    assert len(answer.text) < 5 * 1024 * 1024
    assert answer.json["nextCursor"]


def test_a_cursor_into_a_list_that_was_written_anew_is_refused(world: ApiWorld) -> None:
    ingest = create_failures(world, "assets/a", "assets/b")
    cursor = world.get(f"/ingests/{ingest}/failures", query="limit=1").json["nextCursor"]
    for content in (b'{"another": "list"}' * 50, b""):
        world.wiring.work.put(failures_key(ingest), [content])
        answer = world.get(f"/ingests/{ingest}/failures", query=f"cursor={cursor}")
        assert (answer.status, answer.pointers) == (422, ["?cursor"])


def test_failures_as_csv_are_safe_to_open_in_a_spreadsheet(world: ApiWorld) -> None:
    paths = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", '"quoted", with comma', "line\nbreak", " =1"]
    ingest = create_failures(world, *paths)
    answer = world.get(f"/ingests/{ingest}/failures", headers={"accept": "text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="failures-{ingest}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["path"] for row in rows] == [
        "'=cmd|' /C calc'!A0", "'+1", "'-1", "'@x", '"quoted", with comma', "line\nbreak", "' =1",
    ]  # fmt: skip
    assert json.loads(rows[4]["sourceId"]) == {"_id": paths[4]}
    assert rows[0]["action"] == "Upload it again"


def test_a_long_list_as_csv_says_where_it_goes_on(world: ApiWorld) -> None:
    ingest = create_failures(world, "assets/a", "assets/b", "assets/c")
    csv_headers = {"accept": "text/csv"}
    answer = world.get(f"/ingests/{ingest}/failures", query="limit=2", headers=csv_headers)
    path, _, query = answer.headers["Link"].removeprefix("<").partition(">")[0].partition("?")
    rest = world.get(path, query=query, headers=csv_headers)
    assert "assets/c" in rest.text
    assert "Link" not in rest.headers


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("text/csv", True),
        ("text/csv, application/json;q=0.5", True),
        ("application/json, text/csv;q=0.9", False),
        ("*/*", False),
        ("text/html, */*;q=0.8", False),
        ("", False),
    ],
)
def test_the_form_is_what_the_client_likes_best(world: ApiWorld, accept: str, is_csv: bool) -> None:
    ingest = create_failures(world, "assets/a")
    answer = world.get(f"/ingests/{ingest}/failures", headers={"accept": accept})
    assert answer.headers["Content-Type"].startswith("text/csv") == is_csv
