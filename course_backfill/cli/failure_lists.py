"""The files that failed in an ingest, as a person reads them: by what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

from course_backfill.cli.api_client import Document
from course_backfill.cli.copy_sentences import AUDIT, kind_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import objects, printable, say, say_text
from course_backfill.cli.wording import as_options

RECORD_THEM = " To copy the rest without it: --corrupt-objects record."
FROM_THE_SOURCE = {"planning", "replicating"}
"""Where bad objects of the source are found, which a request may record."""


_AUDITED = {"surplus-object": "no version has it", "unread-object": "cold, so nobody compared it"}
"""What audits find and do not call damaged."""


def print_failures(found: Iterable[Document], ingest: IngestView) -> None:
    """For each code: how many files, what became of them, each file, and what to do."""
    for (code, consequence), failures in _grouped(found, ingest).items():
        heading = Text()
        heading.append(code, style="yellow" if _is_harmless(failures) else "red")
        heading.append(f", {objects(len(failures))}, {consequence}:")
        say_text(heading)
        for one in failures:
            say(f"  {_subject(one)}: {printable(one['detail'])}")
        say(f"  What to do: {advice_of(failures[0], ingest)}")


def advice_of(failure: Document, ingest: IngestView) -> str:
    """What to do about it; not what the request has done already."""
    action = as_options(printable(failure["action"]))
    is_recorded = ingest.document["corruptObjects"] == "record"
    return action.replace(RECORD_THEM, "") if is_recorded else action


def consequence_of(failure: Document, ingest: IngestView) -> str:
    """What a failure of an object did, or after a dry run would do, to the ingest."""
    if kind_of(ingest.document) == AUDIT:
        return _AUDITED.get(failure["code"], "damaged: course-backfill start mends it")
    if ingest.document.get("repairs"):
        return "not mended"
    if failure["severity"] == "warning":
        return "a warning: nothing fails because of it"
    is_recorded = (
        ingest.document["corruptObjects"] == "record" and failure["stage"] in FROM_THE_SOURCE
    )
    if ingest.is_dry_run:
        return "would be left out" if is_recorded else "would make the ingest fail"
    return "left out" if is_recorded else "made the ingest fail"


def _subject(failure: Document) -> str:
    """What it is about, and in which location where it is a copy."""
    name = printable(failure.get("path") or "the ingest")
    return f"{name} in {failure['replica']}" if failure.get("replica") else name


def _grouped(
    found: Iterable[Document], ingest: IngestView
) -> Mapping[tuple[str, str], list[Document]]:
    groups: dict[tuple[str, str], list[Document]] = {}
    for one in found:
        groups.setdefault((one["code"], consequence_of(one, ingest)), []).append(one)
    return groups


def _is_harmless(failures: list[Document]) -> bool:
    return all(one["severity"] == "warning" for one in failures)
