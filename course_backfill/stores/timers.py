"""Timers: what needs attention at a time, as items of the sparse, sharded `due` index."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from course_backfill.clock import to_text
from course_backfill.messages import StepMessage
from course_backfill.ports import Condition, Key, StateStore, Write
from course_backfill.records import Record

DUE_INDEX = "due"
SHARDS = 8
PAGE = 100


class TimerKind(StrEnum):
    """What becomes due."""

    WATCH = "watch"
    """Nothing has happened for long: send the messages of the present stage again."""
    PARKED = "parked"
    CALLBACK = "callback"
    ANNOUNCEMENT = "announcement"
    RESWEEP = "resweep"
    EXPIRY = "expiry"


class Timer(Record):
    """Something about an ingest that needs attention at a time; lives in the `due` index."""

    ingest: str
    name: str
    """Tells apart the timers of one ingest; begins with the kind."""
    kind: TimerKind
    due_date: str
    message: StepMessage | None = None
    attempts: int = 0
    since: str | None = None
    patience: int | None = None
    """Seconds until the wait since then is given up, where that is not the usual time."""
    patient_since: str | None = None
    """When the wait began that has a patience of its own; another wait in between ends it not."""
    late_runs: int = 0
    """Runs of the parked step that had to stop before it was done."""
    progress: int = 0
    """Packets done when a watch last fired: only a standstill has messages sent again."""


def set_timer(timer: Timer) -> Write:
    """Sets or moves a timer."""
    shard = zlib.crc32(timer.ingest.encode()) % SHARDS
    return Write(_key(timer), item=timer.to_item() | {"dueShard": f"due#{shard}"})


def add_timer(timer: Timer) -> Write:
    """Sets a timer; fails where there is one of its name."""
    return replace(set_timer(timer), when=(Condition("pk", "absent"),))


def clear_timer(ingest: str, name: str) -> Write:
    """Takes a timer away; no error where there is none."""
    return Write(Key("ingests", ingest, f"DUE#{name}"), delete=True)


def move_timer(timer: Timer, due: datetime, *, progress: int = 0) -> Write:
    """Moves a timer that fired; fails where someone else moved or cleared it meanwhile."""
    return Write(
        _key(timer),
        assign={
            "dueDate": to_text(due),
            "attempts": timer.attempts + 1,
            "progress": progress,
        },
        when=(Condition("dueDate", "equals", timer.due_date),),
    )


def bring_forward(timer: Timer, due: datetime) -> Write:
    """Has a timer fire sooner; fails where it fired, was moved or cleared meanwhile."""
    return Write(
        _key(timer),
        assign={"dueDate": to_text(due)},
        when=(Condition("dueDate", "equals", timer.due_date),),
    )


def timer_names(state: StateStore, ingest: str, kind: TimerKind) -> set[str]:
    """The names of an ingest's timers of one kind."""
    prefix = f"DUE#{kind}"
    names: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        page = state.query("ingests", ingest, sk_prefix=prefix, after=cursor)
        names |= {item["name"] for item in page.items}
        cursor = page.cursor
    return names


def find_timer(state: StateStore, ingest: str, name: str) -> Timer | None:
    """The timer as it stands."""
    item = state.get(Key("ingests", ingest, f"DUE#{name}"))
    return Timer.from_item(item) if item else None


def due_timers(state: StateStore, now: datetime) -> Iterator[Timer]:
    """At most a page per shard of what is due; the next sweep takes the rest."""
    for shard in range(SHARDS):
        page = state.query_index(DUE_INDEX, f"due#{shard}", limit=PAGE, before=to_text(now))
        yield from (Timer.from_item(item) for item in page.items)


def _key(timer: Timer) -> Key:
    return Key("ingests", timer.ingest, f"DUE#{timer.name}")
