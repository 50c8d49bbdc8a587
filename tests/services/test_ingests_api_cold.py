"""Copies that went cold or were damaged, as the API tells of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from course_backfill.failures import ADVICE
from course_backfill.manifests import MANIFEST_FILES
from tests.services.api_world import ApiWorld, create_request
from tests.services.memory_pipeline import COURSE
from tests.services.test_ingests_api_openapi import check, operation

LOCATIONS = [{"id": "primary", "bucket": "one"}, {"id": "second", "bucket": "two"}]
WARM = create_request() | {"ingestType": {"id": "warm-course"}}
AUDIT = create_request() | {"ingestType": {"id": "audit-course"}}
CONTENT = f"/courses/{COURSE}/versions/v1/content/assets/a.txt"


@pytest.fixture
def world() -> ApiWorld:
    """A course in two locations."""
    world = ApiWorld(locations=LOCATIONS)
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.backfill()
    return world


def key_of(world: ApiWorld, name: str = "assets/a.txt") -> str:
    return world.pipeline.prefix("v1") + name


def cool(world: ApiWorld) -> None:
    world.wiring.bucket.archive(key_of(world), "GLACIER")


def ask(world: ApiWorld, body: dict[str, object]) -> str:
    """Asks for an ingest and lets it go as far as it can; the path of it."""
    answer = world.post("/ingests", body)
    assert answer.status == 201, answer.text
    world.pipeline.run()
    return f"/ingests/{answer.json['id']}"


def test_cold_content_is_refused_with_how_to_warm_it_until_it_is_warm(world: ApiWorld) -> None:
    cool(world)
    refused = world.get(CONTENT)
    assert refused.status == 409
    assert f"course-backfill warm {COURSE}" in refused.json["detail"]
    ask(world, WARM)
    assert "is being restored" in world.get(CONTENT).json["detail"]
    world.wiring.clock.advance(hours=6)
    assert world.get(CONTENT).status == 307


def test_cold_content_of_an_older_version_is_refused_with_how_that_version_is_warmed(
    world: ApiWorld,
) -> None:
    world.pipeline.content.save(COURSE, "a.txt", b"another")
    world.backfill()
    cool(world)
    refused = world.get(CONTENT)
    assert refused.status == 409
    said = f": course-backfill warm {COURSE} --version v1 has it restored"
    assert refused.json["detail"].endswith(said)
    ask(world, WARM)
    assert world.get(CONTENT).status == 409
    ask(world, WARM | {"version": "v1"})
    world.wiring.clock.advance(hours=6)
    assert world.get(CONTENT).status == 307


def test_a_warming_shows_the_version_that_was_asked_for(world: ApiWorld) -> None:
    cool(world)
    for asked in (None, "v1"):
        dry = WARM | {"dryRun": True} | ({"version": asked} if asked else {})
        assert world.get(ask(world, dry)).json["course"]["version"] == asked


@pytest.mark.parametrize("version", ["v2", "v999999999"])
def test_a_version_that_is_not_registered_cannot_be_warmed(world: ApiWorld, version: str) -> None:
    refused = world.post("/ingests", WARM | {"version": version})
    assert refused.status == 404
    assert refused.json["detail"] == (
        f"course {COURSE} has no registered version {version}: "
        f"course-backfill versions {COURSE} lists those that it has"
    )
    assert world.get(f"/courses/{COURSE}").json["activeIngest"] is None


def test_a_version_of_a_course_that_nobody_knows_is_refused_with_how_it_is_found(
    world: ApiWorld,
) -> None:
    unknown = {"course": {"id": "course-v1:No+Such+Course"}, "version": "v1"}
    refused = world.post("/ingests", WARM | unknown)
    assert refused.status == 404
    assert "course-backfill discover" in refused.json["detail"]


@pytest.mark.parametrize("below", ["", "/entries", "/content/assets/a.txt"])
def test_a_version_whose_manifest_files_are_cold_is_refused_with_what_to_do(
    world: ApiWorld, below: str
) -> None:
    for name in MANIFEST_FILES:
        world.wiring.bucket.archive(key_of(world, name), "GLACIER")
    refused = world.get(f"/courses/{COURSE}/versions/v1{below}")
    assert refused.status == 409
    assert refused.json["detail"].endswith(f" must be restored first. {ADVICE['manifest-cold']}")


def test_content_that_is_missing_is_refused_with_how_it_is_mended(world: ApiWorld) -> None:
    world.wiring.bucket.mark_deleted(key_of(world))
    refused = world.get(CONTENT)
    assert refused.status == 404
    assert f"course-backfill audit {COURSE}" in refused.json["detail"]


def test_an_ingest_that_warms_shows_what_was_asked_for_and_when_it_is_ready(
    world: ApiWorld,
) -> None:
    cool(world)
    shown = world.get(ask(world, WARM)).json
    assert (shown["stage"], shown["status"]["id"]) == ("warming", "processing")
    warming = shown["warming"]
    assert (warming["objects"], warming["bytes"]) == (1, 5)
    assert (warming["asked"], warming["ready"], warming["tier"]) == (1, 0, "Standard")
    assert warming["startedDate"] < warming["readyByDate"]


def test_an_ingest_is_not_called_stalled_before_its_restores_can_be_done(world: ApiWorld) -> None:
    cool(world)
    path = ask(world, WARM)
    world.wiring.clock.advance(hours=4)
    assert world.get(path).json["stalled"] is False
    late = timedelta(hours=1, minutes=1) + world.wiring.resend_after
    world.wiring.clock.advance(seconds=late.total_seconds())
    assert world.get(path).json["stalled"] is True


def test_restores_that_are_waited_for_are_sped_up_and_never_slowed_down(world: ApiWorld) -> None:
    cool(world)
    path = f"{ask(world, WARM)}/restore-tier"
    raised = world.post(path, {"tier": "Expedited"}, sub="someone")
    assert raised.status == 202
    assert raised.json["restore"]["tier"] == "Expedited"
    assert raised.json["events"][-1]["requestedBy"] == "someone"
    world.pipeline.run()
    assert world.get(path.removesuffix("/restore-tier")).json["warming"]["tier"] == "Expedited"
    slower = world.post(path, {"tier": "Bulk"})
    assert slower.status == 409
    assert "cannot be slowed down" in slower.json["detail"]


def test_what_waits_for_no_restore_cannot_be_sped_up(world: ApiWorld) -> None:
    done = world.backfill()
    refused = world.post(f"/ingests/{done}/restore-tier", {"tier": "Expedited"})
    assert refused.status == 409
    assert "waits for no restore" in refused.json["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/tier"), ({"tier": "Fast"}, "/tier"), ({"tier": "Bulk", "days": 1}, "/days")],
)
def test_a_tier_is_one_of_three_and_comes_alone(
    world: ApiWorld, body: dict[str, object], pointer: str
) -> None:
    answer = world.post("/ingests/any/restore-tier", body)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_speeding_up_takes_the_scope_of_writing(world: ApiWorld) -> None:
    body = {"tier": "Expedited"}
    answer = world.post("/ingests/any/restore-tier", body, scope="ingests:read")
    assert answer.status == 403


def test_what_an_audit_finds_is_shown_by_location_wherever_the_course_is(world: ApiWorld) -> None:
    world.wiring.buckets["second"].mark_deleted(key_of(world))
    path = ask(world, AUDIT)
    shown = world.get(path).json
    assert shown["status"]["id"] == "succeeded"
    assert {one["location"]: one["damaged"] for one in shown["replicas"]} == {
        "primary": 0,
        "second": 1,
    }
    (found,) = world.get(f"{path}/failures").json["results"]
    assert (found["replica"], found["code"]) == ("second", "object-missing")
    heading, row = world.get(f"{path}/failures", headers={"accept": "text/csv"}).text.splitlines()
    assert (heading.split(",")[-1], row.split(",")[-1]) == ("replica", "second")
    replicas = {one["location"]: one for one in world.get(f"/courses/{COURSE}").json["replicas"]}
    assert (replicas["primary"]["damaged"], replicas["second"]["damaged"]) == (0, 1)
    assert replicas["second"]["auditedDate"] is not None
    assert world.get("/reports/backfill").json["totals"]["damaged"] == 1


def test_a_version_shows_its_audits_but_none_from_before_it_was_there(world: ApiWorld) -> None:
    ask(world, AUDIT)
    world.pipeline.content.save(COURSE, "b.txt", b"beta")
    world.backfill()
    newer, older = world.get(f"/courses/{COURSE}/versions").json["results"]
    assert [one["auditedDate"] is not None for one in older["replicas"]] == [True, True]
    assert [one["auditedDate"] for one in newer["replicas"]] == [None, None]


def test_the_backfill_that_mends_says_whose_findings(world: ApiWorld) -> None:
    world.wiring.buckets["second"].mark_deleted(key_of(world))
    audit = ask(world, AUDIT)
    mended = world.get(ask(world, create_request())).json
    assert mended["repairs"] == audit.removeprefix("/ingests/")
    assert world.get("/reports/backfill").json["totals"]["damaged"] == 0


def test_all_that_is_shown_of_copies_is_described(world: ApiWorld) -> None:
    document = world.get("/openapi.json").json
    world.wiring.buckets["second"].mark_deleted(key_of(world))
    cool(world)
    from_primary = {"sourceLocation": {"provider": {"id": "amazon-s3"}}, "dryRun": True}
    audit = ask(world, AUDIT)
    shown = {
        "/ingests/{ingest_id}": [
            audit,
            ask(world, create_request(**from_primary)),
            ask(world, WARM),
        ],
        "/ingests/{ingest_id}/failures": [f"{audit}/failures"],
        "/courses/{course_id}": [f"/courses/{COURSE}"],
        "/courses/{course_id}/versions": [f"/courses/{COURSE}/versions"],
        "/reports/backfill": ["/reports/backfill"],
        "/locations": ["/locations"],
    }
    for path, concretes in shown.items():
        schema = operation(document, "GET", path)["responses"]["200"]["content"]
        for concrete in concretes:
            check(document, schema["application/json"]["schema"], world.get(concrete).json)


def test_a_dry_run_from_cold_copies_tells_what_restoring_takes(world: ApiWorld) -> None:
    cool(world)
    dry = create_request() | {"ingestType": {"id": "warm-course"}, "dryRun": True}
    shown = world.get(ask(world, dry)).json
    assert (shown["status"]["id"], shown["warming"]) == ("succeeded", None)
    report = shown["report"]
    assert report["byStorageClass"] == {"GLACIER": {"objects": 1, "bytes": 5}}
    assert (report["restoreRequests"], report["tier"], report["currency"]) == (1, "Standard", "USD")
    assert [one["tier"] for one in report["tiers"]] == ["Bulk", "Standard", "Expedited"]
    assert world.get(CONTENT).status == 409
