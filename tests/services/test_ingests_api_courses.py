"""Courses, their versions, the entries of these, and links to the bytes."""

from __future__ import annotations

import csv
import io
from urllib.parse import unquote

import pytest

from course_backfill.courses import CourseId
from tests.services.api_world import EVERYTHING, Answered, ApiWorld
from tests.services.memory_pipeline import COURSE, OLD_COURSE

VERSIONS = f"/courses/{COURSE}/versions"
V1 = f"{VERSIONS}/v1"


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.fixture
def filled(world: ApiWorld) -> ApiWorld:
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.pipeline.content.save(COURSE, "b.txt", b"beta", fields={"locked": True})
    world.pipeline.content.save(COURSE, "b-txt.jpg", b"thumb", kind="thumbnail")
    world.backfill()
    return world


def paged(world: ApiWorld, path: str, query: str, name: str = "id") -> list[str]:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = world.get(path, query=f"{query}&cursor={cursor}")
        found += [one[name] for one in answer.json["results"]]
        cursor = answer.json["nextCursor"]
    return found


# --- courses ---


def test_a_course_shows_how_far_it_is(filled: ApiWorld) -> None:
    shown = filled.get(f"/courses/{COURSE}").json
    assert shown["type"] == "Course"
    assert shown["status"] == {"id": "migrated", "type": "Status"}
    assert (shown["latestVersion"], shown["liveVersion"]) == ("v1", None)
    assert (shown["latestObjects"], shown["latestBytes"]) == (3, 14)
    assert shown["latestLocations"] == ["primary"]
    assert (shown["activeIngest"], shown["stale"]) == (None, False)
    assert shown["lastIngest"]["status"]["id"] == "succeeded"
    ingest = filled.start().json["id"]
    assert filled.get(f"/courses/{COURSE}").json["activeIngest"] == ingest


def test_an_unknown_course_is_answered_with_how_to_find_it(world: ApiWorld) -> None:
    for rest in ("", "/versions", "/versions/v1", "/versions/v1/entries"):
        assert world.get(f"/courses/course-v1:No+Such+Course{rest}").status == 404
    assert "discover" in world.get("/courses/course-v1:No+Such+Course").json["detail"]


def test_a_name_that_is_no_course_is_the_one_thing_wrong_whatever_it_was_asked_with(
    world: ApiWorld,
) -> None:
    for rest in ("", "/versions"):
        refusal = world.get(f"/courses/nosuch{rest}", query="limit=100")
        assert refusal.status == 422
        assert [one["pointer"] for one in refusal.json["errors"]] == ["course_id"]


def test_courses_are_listed_by_status_and_paged(filled: ApiWorld) -> None:
    more = [CourseId.parse(f"course-v1:Org+C{number}+R") for number in range(5)]
    filled.pipeline.discover(*more)
    waiting = sorted([str(OLD_COURSE), *map(str, more)])
    filled.start(OLD_COURSE)
    waiting.remove(str(OLD_COURSE))
    everything = [*waiting, str(OLD_COURSE), str(COURSE)]
    for limit in range(1, 9):
        assert paged(filled, "/courses", f"limit={limit}") == everything
        assert paged(filled, "/courses", f"limit={limit}&status=not-migrated") == waiting
    assert paged(filled, "/courses", "status=migrated") == [str(COURSE)]
    assert paged(filled, "/courses", "status=in-progress") == [str(OLD_COURSE)]
    assert paged(filled, "/courses", "status=failed") == []


# --- versions ---


def test_versions_are_listed_newest_first_with_where_they_are(filled: ApiWorld) -> None:
    filled.pipeline.content.save(COURSE, "c.txt", b"gamma")
    second = filled.backfill()
    [newest, oldest] = filled.get(VERSIONS).json["results"]
    assert (newest["type"], newest["id"], newest["ingest"]) == ("CourseVersion", "v2", second)
    assert (newest["objects"], newest["bytes"], newest["exceptions"]) == (4, 19, 0)
    assert (newest["previousVersion"], oldest["previousVersion"]) == ("v1", None)
    assert (newest["latest"], oldest["latest"], newest["live"]) == (True, False, False)
    assert newest["course"] == {"type": "Course", "id": str(COURSE)}
    [replica] = newest["replicas"]
    assert (replica["type"], replica["location"]) == ("Replica", "primary")
    assert paged(filled, VERSIONS, "limit=1") == ["v2", "v1"]


def test_a_course_without_versions_has_an_empty_list(world: ApiWorld) -> None:
    assert world.get(VERSIONS).json["results"] == []


def test_a_version_is_its_storage_manifest(filled: ApiWorld) -> None:
    manifest = filled.get(V1).json
    assert manifest["type"] == "StorageManifest"
    assert manifest["course"] == {"id": str(COURSE), "version": "v1"}
    assert manifest["totals"]["objects"] == 3
    assert manifest["totals"]["byKind"]["asset"] == {"objects": 2, "bytes": 9}
    assert manifest == filled.pipeline.manifest().model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize("version", ["v2", "v999999999"])
def test_a_version_that_is_not_registered_is_not_there(filled: ApiWorld, version: str) -> None:
    for rest in ("", "/entries", "/content/assets/a.txt"):
        assert filled.get(f"{VERSIONS}/{version}{rest}").status == 404


@pytest.mark.parametrize("version", ["1", "v0", "v01", "latest", "v1234567890", "V1", "v1 "])
def test_what_is_no_version_is_refused(filled: ApiWorld, version: str) -> None:
    answer = filled.get(f"{VERSIONS}/{version}")
    assert (answer.status, answer.pointers) == (422, ["version"])


def test_nothing_of_an_unregistered_version_is_shown(world: ApiWorld) -> None:
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.start()
    world.pipeline.run(until=lambda message: message.step.value == "register")
    assert world.pipeline.stored() != []
    assert world.get(VERSIONS).json["results"] == []
    for rest in ("", "/entries", "/content/assets/a.txt"):
        assert world.get(V1 + rest).status == 404


# --- entries ---


def test_entries_are_as_the_manifest_has_them(filled: ApiWorld) -> None:
    shown = filled.get(f"{V1}/entries").json["results"]
    stored = [{"type": "Entry", **entry.to_dict()} for entry in filled.pipeline.entries()]
    assert shown == stored
    assert shown[0]["path"] == "assets/a.txt"
    assert shown[0]["source"]["id"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["assets/a.txt", "assets/b.txt", "thumbnails/b-txt.jpg"]),
        ("kind=thumbnail", ["thumbnails/b-txt.jpg"]),
        ("prefix=assets/b", ["assets/b.txt"]),
        ("kind=asset&prefix=thumb", []),
        ("prefix=zzz", []),
    ],
)
def test_kind_and_prefix_choose_entries(filled: ApiWorld, query: str, expected: list[str]) -> None:
    for limit in (1, 50):
        assert paged(filled, f"{V1}/entries", f"{query}&limit={limit}", "path") == expected


def test_the_same_entries_as_csv_page_after_page(filled: ApiWorld) -> None:
    first = filled.get(f"{V1}/entries", query="kind=asset&limit=1", headers={"accept": "text/csv"})
    path, _, query = first.headers["Link"][1:].partition(">")[0].partition("?")
    rest = filled.get(unquote(path), query=query, headers={"accept": "text/csv"})
    rows = [row for page in (first, rest) for row in csv.DictReader(io.StringIO(page.text))]
    stored = [entry for entry in filled.pipeline.entries() if entry.source.kind == "asset"]
    assert [(row["path"], row["sha256"], row["key"]) for row in rows] == [
        (entry.path, entry.sha256, entry.key) for entry in stored
    ]
    assert "Link" not in rest.headers


# --- content ---


def test_the_bytes_are_a_short_lived_redirect_away(filled: ApiWorld) -> None:
    answer = filled.get(f"{V1}/content/assets/a.txt")
    assert (answer.status, answer.text) == (307, "")
    link, _, query = answer.headers["Location"].partition("?")
    assert unquote(link).endswith(f"/courses/{COURSE}/v1/assets/a.txt")
    assert "seconds=300" in query
    assert "fileName=a.txt" in query
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_locked_entry_needs_a_scope_of_its_own(filled: ApiWorld) -> None:
    path = f"{V1}/content/assets/b.txt"
    without = EVERYTHING.replace(" content:locked", "")
    refused = filled.get(path, scope=without)
    assert refused.status == 403
    assert 'scope="content:locked"' in refused.headers["WWW-Authenticate"]
    assert filled.get(path).status == 307
    assert filled.get(f"{V1}/content/assets/a.txt", scope=without).status == 307


@pytest.mark.parametrize("locked", ["true", 1, {"$numberInt": "1"}])
def test_whatever_is_not_plainly_unlocked_counts_as_locked(world: ApiWorld, locked: object) -> None:
    world.pipeline.content.save(COURSE, "a.txt", b"alpha", fields={"locked": locked})
    world.backfill()
    path = f"{V1}/content/assets/a.txt"
    assert world.get(path, scope="content:read").status == 403


def test_a_version_keeps_its_bytes_when_the_course_goes_on(filled: ApiWorld) -> None:
    filled.pipeline.content.save(COURSE, "a.txt", b"changed")
    filled.backfill()
    links: list[Answered] = [
        filled.get(f"{VERSIONS}/{version}/content/assets/a.txt") for version in ("v1", "v2")
    ]
    assert "/v1/" in links[0].headers["Location"]
    assert "/v2/" in links[1].headers["Location"]
