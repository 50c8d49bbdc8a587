"""A database that Open edX itself wrote, through the commands that an operator would use."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from tests.features.served import serving
from tests.real_data import expected_files, real_data_folder


def test_a_real_dump_is_loaded_backfilled_and_fetched_back_by_commands_alone(
    tmp_path: Path,
) -> None:
    folder = real_data_folder()
    expected = expected_files(folder)
    with serving(tmp_path / "data") as served:
        loaded = served.command("load-dump", str(folder), "--json")
        found = served.command("discover")
        backfilled = served.command("start", "--all-missing", "--watch", "--json")
        report = list(csv.DictReader(io.StringIO(served.command("report", "--csv").out)))
        entries = {course: served.command("entries", course, "--json") for course in expected}
        fetched: dict[str, str] = {}
        for number, (course, files) in enumerate(expected.items()):
            path, target = min(files), tmp_path / str(number)
            assert served.command("get", course, path, "-o", str(target)).code == 0
            fetched[course] = hashlib.sha256(target.read_bytes()).hexdigest()
        again = served.command("start", "--all-missing", "--watch")

    assert (loaded.code, found.code, backfilled.code, again.code) == (0, 0, 0, 0), backfilled
    assert loaded.document["fs.files"] == sum(map(len, expected.values()))
    assert {row["course"]: row["status"] for row in report} == dict.fromkeys(expected, "migrated")
    for course, files in expected.items():
        listed = {one["path"]: one["sha256"] for one in entries[course].document}
        assert listed == {path: file["sha256"] for path, file in files.items()}
        assert fetched[course] == files[min(files)]["sha256"]
    assert "migrated and fresh: nothing to do" in again.out
