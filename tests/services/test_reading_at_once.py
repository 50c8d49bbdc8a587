"""Two ingests that read the source at once: together no faster than the read rate, and in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, product

import pytest

from course_backfill.inventory import SourceObject
from course_backfill.messages import Step
from course_backfill.ports import ReadObject
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline
from tests.turns import Turns

RATE = 1_000_000
SHARE = 256 * 1024
FILES = 12


class Reads:
    """What is read of the source: when, how much, and for which course."""

    def __init__(self, pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[tuple[float, int, bool]] = []
        self._pipeline = pipeline
        self._read = pipeline.wiring.source.read_batch
        monkeypatch.setattr(pipeline.wiring.source, "read_batch", self)

    def __call__(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        size = sum(found.size for found in objects)
        is_old = isinstance(objects[0].source_id, dict)
        self.begun.append((self._pipeline.wiring.clock.now.timestamp(), size, is_old))
        return self._read(objects)

    def most_beyond(self, rate: int) -> float:
        """The seconds by which any of it came too early, whatever moment one counts from."""
        beyond = []
        for first, (since, _, _) in enumerate(self.begun):
            before = 0
            for until, size, _ in self.begun[first:]:
                beyond.append(before / rate - (until - since))
                before += size
        return max(beyond)

    def furthest_apart(self) -> int:
        """By how many reads one course was ever ahead of the other."""
        return max(map(abs, accumulate(1 if is_old else -1 for _, _, is_old in self.begun)))


@pytest.mark.parametrize("dry_run", [False, True])
def test_two_ingests_at_once_share_the_rate(
    monkeypatch: pytest.MonkeyPatch, *, dry_run: bool
) -> None:
    pipeline = MemoryPipeline(source_bytes_per_second=RATE)
    pipeline.discover(COURSE, OLD_COURSE)
    for number, course in product(range(FILES), (COURSE, OLD_COURSE)):
        pipeline.content.save(course, f"{number:02}.bin", bytes([number]) * SHARE)
    pipeline.start(COURSE)
    one = pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    assert one is not None
    request = {"dry_run": True, "read_source": True} if dry_run else {}
    pipeline.start(OLD_COURSE, **request)
    wanted = Step.PLAN if dry_run else Step.REPLICATE
    other = pipeline.run(until=lambda message: message.step is wanted)
    assert other is not None

    turns = Turns(pipeline.wiring.clock)
    monkeypatch.setattr(pipeline.wiring.read_shares, "_pause", turns.pause)
    reads = Reads(pipeline, monkeypatch)
    turns.run(lambda: pipeline.deliver(one), lambda: pipeline.deliver(other))
    assert sum(size for _, size, _ in reads.begun) == 2 * FILES * SHARE
    # Each look at the clock takes a millisecond.
    assert reads.most_beyond(RATE) <= 0.1
    took = reads.begun[-1][0] - reads.begun[0][0]
    assert took == pytest.approx((2 * FILES - 1) * SHARE / RATE, abs=0.1)
    assert reads.furthest_apart() <= 2
