"""What audits found, together: by location, by course, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from course_backfill.cli.api_client import ApiClient, course_path, ingest_path
from course_backfill.cli.copy_sentences import AUDIT, FINDINGS, count_of, kind_of, replicas_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import courses, number, objects, say
from course_backfill.cli.tables import Column, print_rows

AT_MOST = 10
"""Courses that are named one by one."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What an audit found damaged of one course."""

    objects: int
    lost: int
    """Of these, those that are damaged wherever the audit looked."""
    unaudited: tuple[str, ...]
    """Locations of the course where it did not look."""

    @classmethod
    def read(cls, api: ApiClient, audit: IngestView) -> Damage:
        """By the audit's failures, and by the course's locations."""
        audited = {str(one["location"]) for one in replicas_of(audit.document)}
        found: dict[str, set[str]] = {}
        for one in api.pages(ingest_path(audit.id, "failures")):
            if one["severity"] == "failure":
                found.setdefault(str(one["path"]), set()).add(str(one["replica"]))
        there = api.get(course_path(str(audit.document["course"]["id"])))["replicas"]
        return cls(
            objects=len(found),
            lost=sum(where == audited for where in found.values()),
            unaudited=tuple(
                str(one["location"])
                for one in there
                if one["versions"] and one["location"] not in audited
            ),
        )


def print_findings(ends: Sequence[IngestView], read: Callable[[IngestView], Damage]) -> None:
    """A row for each location, and for each kind of finding what to do about it."""
    audits = [one for one in ends if one.status == "succeeded" and kind_of(one.document) == AUDIT]
    if not audits:
        return
    _print_by_location(audits)
    damaged = _with(audits, "damaged")
    if not damaged:
        say(f"{courses(len(audits))} audited, nothing is damaged.", style="green")
    for one in damaged[:AT_MOST]:
        where = ", ".join(_where(one, "damaged"))
        say(f"{one.course}: {where}", style="red")
        say(f"  each one: course-backfill failures {one.id}")
        _tell_way_on(one.course, read(one))
    if len(damaged) > AT_MOST:
        more = courses(len(damaged) - AT_MOST)
        say(f"And {more} more. To mend all: course-backfill start --all-missing")
    for one in _with(audits, "surplus")[:AT_MOST]:
        where = ", ".join(_where(one, "surplus"))
        say(f"{one.course}: {where}: of no version, and nothing deletes it", style="yellow")
        say(f"  each one: course-backfill failures {one.id}")
    unread = _with(audits, "unread")
    if unread:
        say(
            f"What is cold was not read in {courses(len(unread))}. To restore and read it, which "
            "takes hours and costs: course-backfill audit COURSE --warm"
        )


def _tell_way_on(course: str, damage: Damage) -> None:
    """How the damage is mended; where nothing that was read is a good copy, that at once."""
    if damage.lost:
        say(f"  nothing that was read is a good copy of {objects(damage.lost)}", style="red")
    if damage.lost and damage.unaudited:
        say(f"  audit all its locations first: course-backfill audit {course} --watch")
        return
    if damage.lost:
        say("  put them back from a backup, then audit again")
    if damage.objects > damage.lost:
        say(f"  to mend:  course-backfill start {course} --watch")


def _print_by_location(audits: Sequence[IngestView]) -> None:
    rows: dict[str, dict[str, int]] = {}
    for audit in audits:
        for replica in replicas_of(audit.document):
            row = rows.setdefault(str(replica["location"]), dict.fromkeys(("right", *FINDINGS), 0))
            row["right"] += int(replica["objectsVerified"])
            for name in FINDINGS:
                row[name] += int(replica[name])
    print_rows(
        Column("Location", list(rows)),
        [
            Column(heading, [_count(row[name], name) for row in rows.values()], is_number=True)
            for heading, name in (
                ("Right", "right"),
                ("Damaged", "damaged"),
                ("Surplus", "surplus"),
                ("Cold, unread", "unread"),
            )
        ],
    )


def _count(count: int, name: str) -> Text:
    styles = {"damaged": "bold red", "surplus": "yellow", "unread": "yellow"}
    return Text(number(count), style=styles.get(name, "") if count else "")


def _with(audits: Sequence[IngestView], name: str) -> list[IngestView]:
    return [one for one in audits if count_of(one.document, name)]


def _where(audit: IngestView, name: str) -> list[str]:
    return [
        f"{number(one[name])} {name} in {one['location']}"
        for one in replicas_of(audit.document)
        if one[name]
    ]
