"""What is said of ingests that are about copies: audits, repairs, warming, further locations."""

from __future__ import annotations

from course_backfill.cli.api_client import Document
from course_backfill.cli.printing import all_objects, copies, moment, number, objects, size

BACKFILL, AUDIT, WARM = "backfill-course", "audit-course", "warm-course"
FINDINGS = {"damaged": "damaged", "surplus": "surplus", "unread": "cold and left unread"}
"""What an audit counts in each location, and what is said of it."""


def kind_of(ingest: Document) -> str:
    """The id of its type."""
    return str((ingest.get("ingestType") or {}).get("id", BACKFILL))


def is_of_source(ingest: Document) -> bool:
    """Whether it reads MongoDB, and not registered copies."""
    return kind_of(ingest) == BACKFILL and _source(ingest) != "amazon-s3"


def reports_copies(ingest: Document) -> bool:
    """Whether its dry run reports registered copies, and not files of MongoDB.

    Where MongoDB has nothing new, the report is of what other locations lack.
    """
    return not is_of_source(ingest) or bool((ingest["report"] or {}).get("byStorageClass"))


def replicas_of(ingest: Document) -> list[Document]:
    """Its locations and how far each is; none before it is planned."""
    found: list[Document] = ingest.get("replicas") or []
    return found


def count_of(ingest: Document, name: str) -> int:
    """The sum over its locations of what is counted by that name."""
    return sum(int(one.get(name, 0)) for one in replicas_of(ingest))


def word_of(ingest: Document) -> str | None:
    """What became of it, in a word or two that a summary counts; None for one of the source."""
    kind = kind_of(ingest)
    if kind == AUDIT:
        return "damaged" if count_of(ingest, "damaged") else "undamaged"
    if kind == WARM:
        return "warm"
    if ingest.get("repairs"):
        return "mended only in part" if count_of(ingest, "damaged") else "mended"
    is_brought = ingest["course"].get("version") is None and replicas_of(ingest)
    return "brought to further locations" if is_brought else None


def success_of(ingest: Document, took: str) -> str | None:
    """How it succeeded, as a sentence without the course's name; None for one of the source."""
    kind = kind_of(ingest)
    if kind == AUDIT:
        return f"audited in {took}: {_places(ingest)}; {_found(ingest)}"
    if kind == WARM:
        return _warmed(ingest.get("warming"), ingest["course"].get("version"))
    if ingest.get("repairs"):
        return f"mended in {took} what an audit found: {_mended(ingest)}{_stale(ingest)}"
    if ingest["course"].get("version") is None and replicas_of(ingest):
        filled = [one for one in replicas_of(ingest) if one.get("objectsDone")]
        where = ", ".join(str(one["location"]) for one in filled or replicas_of(ingest))
        return f"brought to {where}: {_done(ingest)} in {took}{_stale(ingest)}"
    if ingest["course"].get("version") is None and _source(ingest) == "amazon-s3":
        return "nothing to do: every version is there already; 0 objects moved"
    return None


def remains_of(ingest: Document) -> str:
    """What stays of it once it is cancelled."""
    if kind_of(ingest) == AUDIT:
        return "it changed nothing"
    if kind_of(ingest) == WARM:
        return "what S3 was asked to restore is restored all the same"
    return "nothing of it stays"


def warming_of(ingest: Document) -> str | None:
    """How far its restores are; None unless it waits for them."""
    warming = ingest.get("warming")
    if ingest.get("stage") != "warming" or not warming:
        return None
    said = f"warming: {number(warming['ready'])} of {_cold(warming)} can be read"
    if warming["asked"]:
        tier = f" with tier {warming['tier']}" if warming["tier"] else ""
        said += f", {number(warming['asked'])} asked for{tier}"
    if warming["readyByDate"]:
        said += f", ready by {moment(warming['readyByDate'])} UTC"
    return said


def warming_note(ingest: Document) -> str | None:
    """The same in a few words; None unless it waits for restores."""
    warming = ingest.get("warming")
    if ingest.get("stage") != "warming" or not warming:
        return None
    by = f", by {moment(warming['readyByDate'])[11:16]}" if warming["readyByDate"] else ""
    return f"warming {warming['ready']}/{warming['objects']}{by}"


def _places(ingest: Document) -> str:
    count = len(replicas_of(ingest))
    compared = all_objects(count_of(ingest, "objectsVerified") + count_of(ingest, "damaged"))
    return f"{compared} compared in {count} location{'' if count == 1 else 's'}"


def _found(ingest: Document) -> str:
    counts = {name: count_of(ingest, name) for name in FINDINGS}
    said = [f"{number(counts[name])} {what}" for name, what in FINDINGS.items() if counts[name]]
    if not counts["damaged"]:
        said.insert(0, "nothing is damaged")
    return ", ".join(said)


def _mended(ingest: Document) -> str:
    """What reads back as it should; what could not be mended had its turn all the same."""
    left = count_of(ingest, "damaged")
    said = f"{objects(count_of(ingest, 'objectsVerified'))}, "
    said += size(count_of(ingest, "bytesVerified"))
    return f"{said}; {copies(left)} damaged still" if left else said


def _warmed(warming: Document | None, version: str | None) -> str:
    of_version = f" of {version}" if version else ""
    if not warming or not warming["objects"]:
        return f"nothing is cold: every file{of_version} can be read"
    until = warming["readableUntil"]
    lasting = f" until {moment(until)} UTC" if until else ""
    return f"warm: {_cold(warming)}{of_version} can be read{lasting}"


def _cold(warming: Document) -> str:
    return f"{objects(warming['objects'])} ({size(warming['bytes'])})"


def _done(ingest: Document) -> str:
    return f"{all_objects(count_of(ingest, 'objectsDone'))}, {size(count_of(ingest, 'bytesDone'))}"


def _stale(ingest: Document) -> str:
    is_stale = (ingest.get("sourceCheck") or {}).get("stale")
    return "; stale: the source has changed, start it again" if is_stale else ""


def _source(ingest: Document) -> str:
    return str(((ingest.get("sourceLocation") or {}).get("provider") or {}).get("id"))
