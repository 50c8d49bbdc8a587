"""Commands that look into what was migrated: versions of a course, and single files of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, Document, course_path
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.download import download
from course_backfill.cli.printing import (
    moment,
    number,
    objects,
    print_json,
    print_table,
    printable,
    say,
    size,
)
from course_backfill.errors import NotFound

CourseArgument = Annotated[str, typer.Argument(metavar="COURSE", help="The course's id.")]


@with_api
def versions(api: ApiClient, course: CourseArgument, as_json: AsJson = False) -> None:
    """List the registered versions of a course, newest first.

    Example: course-backfill versions course-v1:OpenedX+DemoX+DemoCourse
    """
    found = list(api.pages(course_path(course, "versions")))
    if as_json:
        print_json(found)
    elif not found:
        say(f"{printable(course)} has no registered version: course-backfill start ... makes one.")
    else:
        print_table(
            ["Version", "Registered (UTC)", "Objects", "Size", "Left out", "Ingest"],
            [_version_row(one) for one in found],
            numbers=["Objects", "Size", "Left out"],
        )


@with_api
def get(
    api: ApiClient,
    *,
    course: CourseArgument,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The entry's path, such as assets/logo.png.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    version: Annotated[
        str | None, typer.Option(help="A version such as v1. Default: the latest.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch one file of a migrated course, and check its sha256.

    Nothing is written unless size and checksum are those of the entry.

    Example: course-backfill get course-v1:Org+C+R assets/logo.png -o logo.png
    """
    chosen = version or _latest(api, course)
    entry = _entry(api, course, chosen, path)
    url = api.redirect(course_path(course, "versions", chosen, "content", path))
    download(url, output, sha256=entry["sha256"], size=entry["size"], replace=force)
    if as_json:
        print_json({**entry, "output": str(output)})
        return
    say(f"{output}: {size(entry['size'])}, sha256 {entry['sha256']}, as in {chosen}'s manifest")


def _latest(api: ApiClient, course: str) -> str:
    latest = api.get(course_path(course)).get("latestVersion")
    if latest is None:
        raise NotFound(
            f"{course} has no registered version yet: "
            f"course-backfill start {course} --watch migrates it."
        )
    return str(latest)


def _entry(api: ApiClient, course: str, version: str, path: str) -> Document:
    near: list[str] = []
    for entry in api.pages(course_path(course, "versions", version, "entries"), prefix=path):
        if entry["path"] == path:
            return entry
        near.append(str(entry["path"]))
        if len(near) == 3:
            break
    hint = f" Paths that begin so: {', '.join(near)}." if near else ""
    raise NotFound(f"{version} of {course} has no entry {path}.{hint}")


def _version_row(version: Document) -> list[str]:
    return [
        str(version["id"]),
        moment(version["createdDate"]),
        number(version["objects"]),
        size(version["bytes"]),
        objects(version["exceptions"]) if version["exceptions"] else "–",
        str(version["ingest"]),
    ]
