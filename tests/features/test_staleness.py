"""A course that changes after it was migrated is noticed, told, and brought: on the real stack."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from course_backfill.adapters.contentstore.platform_files import platform_file
from course_backfill.local.sample_courses import DAMAGED, SPRING
from tests.features.served import Served, serving


def rows(served: Served) -> dict[str, Any]:
    report = served.command("report", "--json").document
    return {row["course"]["id"]: row for row in report["results"]}


def save(served: Served, name: str, content: bytes) -> None:
    """Saves a new file of SPRING, as Studio does."""
    client = served.client
    made = platform_file(SPRING, name, content, uploaded=datetime.now(UTC))
    with MongoClient[dict[str, Any]](client.mongo_uri) as mongo:
        database = mongo[client.mongo_database or ""]
        for number, data in enumerate(made.chunks):
            database["fs.chunks"].insert_one(
                {"files_id": made.document["_id"], "n": number, "data": data}
            )
        database["fs.files"].insert_one(made.document)


def test_a_change_after_migration_is_found_by_discovery_and_brought_by_all_missing(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as served:
        served.command("load-sample")
        served.command("discover")
        served.command("start", "--all-missing", "--watch")
        migrated = served.command("discover", "--json").document
        before = rows(served)
        save(served, "added later.txt", b"added later")
        discovery = served.command("discover")
        stale = rows(served)
        started = served.command("start", "--all-missing", "--watch", "--json").document
        after = rows(served)
        target = tmp_path / "fetched"
        fetched = served.command("get", str(SPRING), "assets/added later.txt", "-o", str(target))

    courses = len(before)
    assert (migrated["checked"], migrated["becameStale"]) == (courses - 1, 0)
    assert before[str(SPRING)]["stale"] is False
    assert f"Compared {courses - 1} courses with the source, 1 became stale" in discovery.out
    assert [course for course, row in stale.items() if row["stale"]] == [str(SPRING)]
    assert {one["course"]["id"] for one in started} == {str(SPRING), str(DAMAGED)}
    row = after[str(SPRING)]
    assert (row["version"], row["stale"]) == ("v2", False)
    assert fetched.code == 0
    assert target.read_bytes() == b"added later"
