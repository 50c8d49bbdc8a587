"""An ingest as the API shows it, read field by field for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from course_backfill.cli.api_client import Document
from course_backfill.cli.copy_sentences import (
    WARM,
    count_of,
    kind_of,
    remains_of,
    success_of,
    warming_note,
    warming_of,
    word_of,
)
from course_backfill.cli.printing import duration, moment, number, objects, printable, size
from course_backfill.cli.wording import as_options
from course_backfill.ingests import PRIMARY

ENDED = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class IngestView:
    """Reads one ingest document; every sentence here is safe to print."""

    document: Document

    @property
    def id(self) -> str:
        """The ingest's id."""
        return str(self.document["id"])

    @property
    def course(self) -> str:
        """The course's id, harmless to a terminal."""
        return printable(self.document["course"]["id"])

    @property
    def version(self) -> str | None:
        """The version that the ingest makes, once it has a number."""
        version = self.document["course"].get("version")
        return None if version is None else str(version)

    @property
    def status(self) -> str:
        """accepted, processing, succeeded, failed or cancelled."""
        return str(self.document["status"]["id"])

    @property
    def stage(self) -> str:
        """What is being done now; the status where there is no stage."""
        return str(self.document.get("stage") or self.status)

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows."""
        return self.status in ENDED

    @property
    def is_dry_run(self) -> bool:
        """Whether it only reports."""
        return bool(self.document.get("dryRun"))

    @property
    def had_nothing_to_do(self) -> bool:
        """Whether every location had what it was to have already."""
        is_done = self.status == "succeeded" and not self.is_dry_run and self.version is None
        return is_done and word_of(self.document) is None

    @property
    def is_migrated(self) -> bool:
        """Whether it made a version."""
        is_done = self.status == "succeeded" and not self.is_dry_run
        return is_done and self.version is not None and word_of(self.document) is None

    @property
    def went_wrong(self) -> bool:
        """Whether it ended otherwise than it was meant to, or would, after a dry run."""
        would_fail = bool((self.document.get("report") or {}).get("wouldFail"))
        return self.status != "succeeded" or would_fail or self.damaged > 0

    @property
    def ended_as(self) -> str:
        """Its status; failed where it found or left damage, whatever became of itself."""
        return "failed" if self.damaged else self.status

    @property
    def damaged(self) -> int:
        """Objects that an audit found missing or altered, or that a repair left so."""
        return count_of(self.document, "damaged")

    @property
    def objects_total(self) -> int | None:
        """How many objects the inventory has; None before it is taken."""
        return self._progress("objectsTotal")

    @property
    def objects_done(self) -> int:
        """How many objects are copied."""
        return self._progress("objectsDone") or 0

    @property
    def bytes_total(self) -> int | None:
        """How many bytes the inventory has; None before it is taken."""
        return self._progress("bytesTotal")

    @property
    def bytes_done(self) -> int:
        """How many bytes are copied."""
        return self._progress("bytesDone") or 0

    @property
    def objects_moved(self) -> int:
        """How many objects of the course were copied, however many locations have them."""
        first = self._first_replica()
        return self.objects_done if first is None else int(first["objectsDone"])

    @property
    def bytes_moved(self) -> int:
        """The bytes of these objects, counted once too."""
        first = self._first_replica()
        return self.bytes_done if first is None else int(first["bytesDone"])

    @property
    def objects_now(self) -> int:
        """How many objects are through the present stage."""
        name = "objectsLookedAt" if self.is_past_copying else "objectsDone"
        return self._progress(name) or 0

    @property
    def bytes_now(self) -> int:
        """How many bytes are through the present stage."""
        name = "bytesLookedAt" if self.is_past_copying else "bytesDone"
        return self._progress(name) or 0

    @property
    def is_past_copying(self) -> bool:
        """Whether what counts now is what was read back."""
        return self.stage in {"verifying", "aggregating", "registering", "succeeded"}

    @property
    def percent(self) -> int | None:
        """How much of the present stage is done, as its counts say; None before the inventory.

        100 only where nothing is left, of empty objects either.
        """
        if self.objects_total is None or self.bytes_total is None:
            return None
        now, total = self.bytes_now, self.bytes_total
        if not total:
            now, total = self.objects_now, self.objects_total
        reached = min(100 * now // total, 100) if total else 100
        return reached if self.objects_now >= self.objects_total else min(reached, 99)

    @property
    def bytes_per_second(self) -> int | None:
        """The rate, where it is known."""
        return self._progress("bytesPerSecond")

    @property
    def time_left(self) -> str:
        """The time that the present stage has left; empty where it would be a guess."""
        seconds = self._progress("secondsLeft")
        if seconds is None:
            return ""
        return f"{duration(seconds)} to {'verify' if self.is_past_copying else 'copy'}"

    @property
    def failure_count(self) -> int:
        """How many objects are listed under its failures."""
        return int(self.document.get("failures", {}).get("count", 0))

    @property
    def waiting(self) -> str | None:
        """What it waits for, where the last thing that happened was that it had to wait."""
        events = self.document.get("events") or []
        if self.has_ended or not events or events[-1].get("outcome") != "waiting":
            return None
        return printable(events[-1]["description"])

    @property
    def is_warming(self) -> bool:
        """Whether it waits for restores, so that no object is under way."""
        return self.stage == "warming"

    @property
    def note(self) -> str:
        """What is being done now, in a few words."""
        return warming_note(self.document) or self.waiting or self.stage

    @property
    def is_stalled(self) -> bool:
        """Whether nothing has happened for longer than the installation allows."""
        return bool(self.document.get("stalled"))

    @property
    def kept_until(self) -> str | None:
        """Until when the copies of a kept failure wait for a retry."""
        return self.document.get("keptUntil") if self.document.get("failureKept") else None

    @property
    def ended_date(self) -> str:
        """When it ended, whatever came after; the last change of one that has not."""
        ends = [one for one in self.document.get("events") or [] if one["step"] == "end"]
        last = ends[-1]["createdDate"] if ends and self.has_ended else None
        return str(last or self.document["lastModifiedDate"])

    @property
    def seconds(self) -> float:
        """From its creation to its end, or to the last thing that happened."""
        first, last = map(datetime.fromisoformat, (self.document["createdDate"], self.ended_date))
        return (last - first).total_seconds()

    def end(self) -> str:
        """How it ended, as a sentence without the course's name."""
        if self.status == "succeeded":
            return self._success()
        if self.status == "failed":
            return f"failed: {self.reason()}"
        return f"cancelled after {duration(self.seconds)}; {remains_of(self.document)}"

    def reason(self) -> str:
        """Why it failed."""
        failure = self.document.get("failure") or {}
        return as_options(printable(failure.get("detail") or "no reason was recorded"))

    def advice(self) -> str:
        """What to do about the failure; empty where it did not fail."""
        failure = self.document.get("failure") or {}
        if self.status in {"succeeded", "cancelled"}:
            return ""
        action = as_options(printable(failure.get("action") or ""))
        return f"{action} {self.way_on()}".strip()

    def way_on(self) -> str:
        """How a failure that was kept goes on; empty where nothing was kept."""
        if self.kept_until is None:
            return ""
        return (
            f"What it copied is kept until {moment(self.kept_until)} UTC: course-backfill retry "
            f"{self.id} goes on from there. Starting the course anew removes it first."
        )

    def standing(self) -> str:
        """Where it is now, as a sentence without the course's name."""
        if told := warming_of(self.document) or self.waiting:
            return told
        # What a repair has no good copy of is no work, and leaves nothing to measure it by.
        is_idle_repair = bool(self.document.get("repairs")) and not self.bytes_total
        if not self.objects_total or is_idle_repair:
            return f"dry run, {self.stage}" if self.is_dry_run else self.stage
        said = (
            f"{self.stage}, {self.percent} %, "
            f"{number(self.objects_now)} of {objects(self.objects_total)}, "
            f"{size(self.bytes_now)} of {size(self.bytes_total)}"
        )
        if self.bytes_per_second:
            said += f", {size(self.bytes_per_second)}/s"
        if self.time_left:
            said += f", {self.time_left}"
        return said

    def _success(self) -> str:
        if self.is_dry_run:
            left_undone = "restored" if kind_of(self.document) == WARM else "copied"
            return f"dry run done in {duration(self.seconds)}, nothing was {left_undone}"
        if told := success_of(self.document, duration(self.seconds)):
            return told
        if self.had_nothing_to_do:
            return "nothing to do: the latest version equals the source; 0 objects moved"
        moved = f"{objects(self.objects_moved)}, {size(self.bytes_moved)}"
        places = len(self.document.get("replicas") or [])
        where = f", in {places} locations," if places > 1 else ""
        said = f"migrated as {self.version}: {moved}{where} in {duration(self.seconds)}"
        if self.failure_count:
            said += f"; {objects(self.failure_count)} left out, recorded as exceptions"
        if (self.document.get("sourceCheck") or {}).get("stale"):
            said += "; stale already: the source changed meanwhile, start it again"
        return said

    def _first_replica(self) -> Document | None:
        """The primary's, where it was filled; the others hold the manifest's files besides."""
        replicas: list[Document] = self.document.get("replicas") or []
        primary = [one for one in replicas if one["location"] == PRIMARY]
        return next(iter(primary or replicas), None)

    def _progress(self, name: str) -> int | None:
        value = (self.document.get("progress") or {}).get(name)
        return None if value is None else int(value)
