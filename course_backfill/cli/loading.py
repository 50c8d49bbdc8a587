"""Commands that fill a MongoDB for trying things out: load-sample, load-dump."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_backfill.cli.connection import AsJson
from course_backfill.cli.printing import courses as count_courses
from course_backfill.cli.printing import number, print_json, print_table, say, size
from course_backfill.errors import CourseBackfillError
from course_backfill.local.client_file import DATA_DIR_VARIABLE, DEFAULT_DATA_DIR, ClientFile

if TYPE_CHECKING:
    from pymongo.database import Database

    from course_backfill.adapters.mongodb import Document

Uri = Annotated[
    str | None,
    typer.Option(help="Where to write, if not into the MongoDB that serve started."),
]
Name = Annotated[
    str | None, typer.Option(help="The database to write into; it must be empty. Default: edxapp.")
]
DataDir = Annotated[
    Path, typer.Option(envvar=DATA_DIR_VARIABLE, help="The data directory of the running serve.")
]


class NowhereToWrite(CourseBackfillError):
    """No MongoDB was named, and none of our own runs."""


def load_sample(
    *,
    mongo_uri: Uri = None,
    mongo_database: Name = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Write a sample of Open edX content: several courses, one of them with a corrupt file.

    It goes into the MongoDB that serve started. MONGO_URI is never written to: that is a source.
    """
    from course_backfill.local.sample import write_sample

    with _target(mongo_uri, mongo_database, data_dir) as database:
        facts = write_sample(database)
    found = list(facts.courses.values())
    if as_json:
        print_json([{"course": one.id, "files": len(one.files)} for one in found])
        return
    print_table(
        ["Course", "Files", "Size", "Corrupt"],
        [
            [
                one.id,
                number(len(one.files)),
                size(sum(file.size for file in one.files)),
                ", ".join(one.damaged) or "–",
            ]
            for one in found
        ],
        numbers=["Files", "Size"],
    )
    say(f"{count_courses(len(found))} written. Next: course-backfill discover")


def load_dump(
    *,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="With COLLECTION.bson or .bson.gz files.")
    ],
    mongo_uri: Uri = None,
    mongo_database: Name = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Load a dump of one database, as mongodump writes it, each document as it is.

    It goes into the MongoDB that serve started. MONGO_URI is never written to: that is a source.

    Example: course-backfill load-dump dump/edxapp
    """
    from course_backfill.local.dump import load_dump as load

    with _target(mongo_uri, mongo_database, data_dir) as database:
        loaded = load(directory, database)
    if as_json:
        print_json(loaded)
        return
    print_table(
        ["Collection", "Documents"],
        [[name, number(count)] for name, count in sorted(loaded.items())],
        numbers=["Documents"],
    )
    say("Loaded. Next: course-backfill discover")


@contextmanager
def _target(uri: str | None, name: str | None, data_dir: Path) -> Iterator[Database[Document]]:
    """The database to write into; raises NowhereToWrite."""
    served = ClientFile.read(data_dir)
    chosen = uri or (served.mongo_uri if served else None)
    if chosen is None:
        reason = (
            "The running serve reads a MongoDB that it did not start"
            if served
            else f"No course-backfill serve runs from {data_dir}"
        )
        raise NowhereToWrite(
            f"{reason}. Start one without --mongo-uri, or name with --mongo-uri where to write."
        )
    from course_backfill.adapters.mongodb import connect
    from course_backfill.local.stack import DATABASE

    own = served.mongo_database if served and uri is None else None
    with connect(chosen) as client:
        yield client[name or own or DATABASE]
