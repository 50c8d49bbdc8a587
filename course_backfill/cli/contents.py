"""Commands that look into what was migrated: versions of a course, and single files of one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from course_backfill.cli.api_client import ApiClient, Document, course_path
from course_backfill.cli.connection import AsCsv, AsJson, with_api
from course_backfill.cli.download import download, print_content
from course_backfill.cli.options import Version
from course_backfill.cli.printing import (
    moment,
    number,
    objects,
    print_json,
    printable,
    remark,
    say,
    size,
)
from course_backfill.cli.tables import Column, print_rows, tell_left_out
from course_backfill.errors import NotFound
from course_backfill.inventory import KIND_FOLDERS

STANDARD_OUTPUT = Path("-")
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
        _print_versions(found)


@with_api
def entries(
    api: ApiClient,
    *,
    course: CourseArgument,
    version: Version = None,
    kind: Annotated[
        str | None, typer.Option(help=f"Only of this kind: {', '.join(KIND_FOLDERS)}.")
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Only paths that begin so.")] = None,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """List the files of a version by their paths, as `get` takes them: size, upload (UTC), path.

    Example: course-backfill entries course-v1:Org+C+R --prefix assets/lecture
    """
    chosen = version or _latest(api, course)
    path = course_path(course, "versions", chosen, "entries")
    query = {"kind": kind, "prefix": prefix}
    if as_csv:
        sys.stdout.writelines(api.csv(path, **query))
        return
    found = list(api.pages(path, **query))
    if as_json:
        print_json(found)
        return
    _print_entries(found)
    total = f"{objects(len(found))}, {size(sum(one['size'] for one in found))}"
    say(f"{chosen} of {printable(course)}: {total}{' like that' if any(query.values()) else ''}")


@with_api
def get(
    api: ApiClient,
    *,
    course: CourseArgument,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The entry's path, such as assets/logo.png.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; - is standard output.")
    ],
    version: Version = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch one file of a migrated course, and check its sha256.

    Nothing is written unless size and checksum are those of the entry.

    Example: course-backfill get course-v1:Org+C+R assets/logo.png -o logo.png
    """
    if as_json and output == STANDARD_OUTPUT:
        raise typer.BadParameter("--json and -o - both write to standard output: name a file")
    chosen = version or _latest(api, course)
    entry = _entry(api, course, chosen, path)
    url = api.redirect(course_path(course, "versions", chosen, "content"), path=path)
    if output == STANDARD_OUTPUT:
        print_content(url, sha256=entry["sha256"], size=entry["size"])
    else:
        download(url, output, sha256=entry["sha256"], size=entry["size"], replace=force)
    said = f"{size(entry['size'])}, sha256 {entry['sha256']}, as in {chosen}'s manifest"
    if as_json:
        print_json({**entry, "output": str(output)})
    elif output == STANDARD_OUTPUT:
        remark(f"{printable(path)}: {said}")
    else:
        say(f"{output}: {said}")


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


def _print_versions(found: list[Document]) -> None:
    registered = Column("Registered (UTC)", [moment(one["createdDate"]) for one in found])
    count = Column("Objects", [number(one["objects"]) for one in found], is_number=True)
    total = Column("Size", [size(one["bytes"]) for one in found], is_number=True)
    bad = Column("Left out", [number(one["exceptions"]) for one in found], is_number=True)
    where = Column("In", [_where(one) for one in found])
    ingest = Column("Ingest", [str(one["ingest"]) for one in found], may_go=True)
    left_out = print_rows(
        Column("Version", [str(one["id"]) for one in found]),
        [registered, count, total, bad, where, ingest],
        [registered, count, replace(total, may_go=True), replace(bad, may_go=True), where],
    )
    tell_left_out(left_out)


def _where(version: Document) -> str:
    return ", ".join(str(replica["location"]) for replica in version["replicas"])


def _print_entries(found: list[Document]) -> None:
    """The path last, so that it stays whole however long it is."""
    for one in found:
        uploaded = moment(one["source"]["uploadDate"])
        say(f"{size(one['size']):>10}  {uploaded:19}  {printable(one['path'])}")
