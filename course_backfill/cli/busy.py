"""A course that is busy already: whether that is what was wanted, and what holds it in words."""

from __future__ import annotations

from collections.abc import Collection

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.copy_sentences import AUDIT, BACKFILL, WARM, is_of_source, kind_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.ingests import PRIMARY, SCHEDULE

_USUAL = {"onFailure": "rollback", "corruptObjects": "fail"}
"""What is not asked for by an option is sent as this."""


def is_wanted(active: Document, wanted: Document, locations: Collection[str]) -> bool:
    """Whether an active ingest does what is wanted, in these locations at least."""
    restore = active["restore"]
    there = {
        "dryRun": active["dryRun"],
        "onFailure": active["onFailure"],
        "corruptObjects": active["corruptObjects"],
        "restoreTier": restore["tier"],
        "restoreDays": restore["days"],
        "maxCost": restore["maxCost"],
        **(active["audit"] or {}),
    }
    asked = {name: one for name, one in wanted.items() if name in there}
    return (
        kind_of(active) == kind_of(wanted)
        and _source(active) == _source(wanted)
        and (kind_of(wanted) != WARM or active["course"]["version"] == wanted.get("version"))
        # An audit of the schedule names none: it is of all.
        and (not active["locations"] or set(locations) <= set(active["locations"]))
        and all(one in (there[name], _USUAL.get(name)) for name, one in asked.items())
    )


def wanted_locations(api: ApiClient, wanted: Document) -> list[str]:
    """The locations that a request is about, those that it does not name among them."""
    if named := wanted.get("locations"):
        return list(named)
    kind = kind_of(wanted)
    if kind == WARM:
        return [PRIMARY]
    if is_of_source(wanted):
        return []  # Those that are required: every ingest of the source fills them.
    known = api.get("/locations")["results"]
    return [str(one["id"]) for one in known if kind == AUDIT or one["required"]]


def doing(ingest: IngestView, wanted: Document) -> str:
    """`being audited by ingest i-1 (verifying, asked for by the schedule)`."""
    is_alike = kind_of(ingest.document) == kind_of(wanted)
    otherwise = " otherwise than asked for" if is_alike else ""
    return f"{_doing(ingest.document)}{otherwise} by ingest {ingest.id} ({_state(ingest)})"


def _doing(ingest: Document) -> str:
    if kind_of(ingest) == AUDIT:
        return "being audited"
    if kind_of(ingest) == WARM:
        return "being warmed"
    if ingest["repairs"]:
        return "being mended"
    if is_of_source(ingest):
        return "being backfilled"
    return f"being brought to {', '.join(ingest['locations'])}"


def _state(ingest: IngestView) -> str:
    is_scheduled = ingest.document["requestedBy"] == SCHEDULE
    return f"{ingest.stage}, asked for by the schedule" if is_scheduled else ingest.stage


def _source(ingest: Document) -> tuple[str, str | None]:
    """Where a backfill reads; audits and warming have no source that could be asked for."""
    source = ingest.get("sourceLocation")
    if kind_of(ingest) != BACKFILL or not source or source["provider"]["id"] == "mongodb":
        return "mongodb", None
    return source["provider"]["id"], source.get("id") or PRIMARY
