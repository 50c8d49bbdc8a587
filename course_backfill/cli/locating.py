"""The command that tells where courses are brought: locations."""

from __future__ import annotations

from rich.text import Text

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.printing import number, print_json, say
from course_backfill.cli.tables import Column, print_rows, tell_left_out


@with_api
def locations(api: ApiClient, as_json: AsJson = False) -> None:
    """List the locations: where each is, its storage class, and how many courses are there.

    A course counts where all its versions are. Ingests fill the required locations without being
    asked; they are set up in the settings, of the API and all workers alike.
    """
    found = api.get("/locations")["results"]
    if as_json:
        print_json(found)
        return
    print_locations(found)
    for one in found:
        if one["required"] and one["backfilled"] < one["courses"]:
            count = number(one["courses"] - one["backfilled"])
            say(f"{count} not in {one['id']}: course-backfill report --location {one['id']}")


def print_locations(found: list[Document]) -> None:
    """A row for each location, as wide as the terminal allows."""
    names = Column("Location", [str(one["id"]) for one in found])
    tell_left_out(print_rows(names, _columns(found)))


def _columns(found: list[Document]) -> list[Column]:
    return [
        Column("Courses", [_courses(one) for one in found], is_number=True),
        Column("Required", ["yes" if one["required"] else "no" for one in found]),
        Column("Bucket and prefix", [f"{one['bucket']}/{one['prefix']}" for one in found]),
        Column("Class", [str(one["storageClass"]) for one in found], may_go=True),
        Column("Region", [one["region"] or "" for one in found], may_go=True),
        Column("Endpoint", [one["endpointUrl"] or "" for one in found], may_go=True),
    ]


def _courses(one: Document) -> Text:
    is_complete = one["backfilled"] == one["courses"] or not one["required"]
    said = f"{number(one['backfilled'])} of {number(one['courses'])}"
    return Text(said, style="" if is_complete else "yellow")
