"""Any order of requests, workers, lost answers and late messages keeps what must always hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from course_backfill.courses import CourseId
from course_backfill.errors import Conflict, Fenced, StateUnavailable
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from tests.domain.life_invariants import Invariants
from tests.domain.life_services import Claim, Services
from tests.generators import COURSE, OLD_COURSE, Stores, create_failure, create_ingest

COURSES = [COURSE, OLD_COURSE]
LATE = (Fenced, Conflict)


class Life(RuleBasedStateMachine):
    """Drives the stores as the services do; what was sent comes late, twice or never."""

    ingests: Bundle[str] = Bundle("ingests")
    claims: Bundle[Claim] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.stores = Stores().with_courses(*COURSES)
        self.services = Services(self.stores)
        self.watched = Invariants(self.stores, COURSES)
        self.numbers = itertools.count(1)

    # --- what people and the janitor do ---

    @rule(
        target=ingests,
        course=st.sampled_from(COURSES),
        on_failure=st.sampled_from(["keep", "rollback"]),
        corrupt_objects=st.sampled_from(["fail", "record"]),
        is_dry=st.integers(0, 5).map(lambda one: one == 0),
    )
    def accept(
        self, course: CourseId, on_failure: str, corrupt_objects: str, is_dry: bool
    ) -> str | MultipleResults[str]:
        name = f"ingest-{next(self.numbers)}"
        ingest = create_ingest(
            name, course, dry_run=is_dry, on_failure=on_failure, corrupt_objects=corrupt_objects
        )
        try:
            self.stores.lifecycle.accept(ingest)
        except Conflict:
            assert self.stores.ingests.find(name) is None
            return multiple()
        return name

    @rule(ingest=ingests)
    def cancel(self, ingest: str) -> None:
        with suppress(Conflict):
            self.stores.lifecycle.cancel(ingest, by="operator")

    @rule(ingest=ingests)
    def retry(self, ingest: str) -> None:
        with suppress(Conflict):
            self.stores.lifecycle.retry(ingest, by="operator")

    @rule(ingest=ingests)
    def expire(self, ingest: str) -> None:
        with suppress(Conflict):
            self.stores.lifecycle.expire(self.stores.ingests.get(ingest))

    @rule(ingest=ingests)
    def send_again(self, ingest: str) -> None:
        self.stores.outbox.send(self.stores.flow.messages(self.stores.ingests.get(ingest)))

    @rule(seconds=st.sampled_from([1, 30, 3_600]))
    def wait(self, seconds: int) -> None:
        self.stores.clock.advance(seconds=seconds)

    # --- what services do on a message, however late ---

    @rule(ingest=ingests, turns=st.integers(1, 4))
    def go_well(self, ingest: str, turns: int) -> None:
        for _ in range(turns):
            self.services.turn(ingest)

    @rule(data=st.data(), is_lost=st.booleans())
    def plan(self, data: st.DataObject, is_lost: bool) -> None:
        for message in self.sent(data, Step.PLAN):
            with self.lost_answer(is_lost), suppress(*LATE):
                self.services.plan(message)

    @rule(target=claims, data=st.data())
    def claim(self, data: st.DataObject) -> MultipleResults[Claim]:
        messages = self.sent(data, Step.REPLICATE, Step.VERIFY)
        return multiple(*filter(None, map(self.services.claim, messages)))

    @rule(claim=consumes(claims), bad=st.integers(0, 1), is_lost=st.booleans())
    def end_packet(self, claim: Claim, bad: int, is_lost: bool) -> None:
        then, _ = claim
        now = self.stores.ingests.get(then.id)
        with self.lost_answer(is_lost):
            if self.services.end_packet(claim, bad=bad):
                assert (now.epoch, now.stage) == (then.epoch, then.stage)

    @rule(claim=claims)
    def renew(self, claim: Claim) -> None:
        self.stores.packets.renew(*claim)

    @rule(claim=consumes(claims))
    def break_off(self, claim: Claim) -> None:
        self.stores.packets.release(*claim)

    @rule(ingest=ingests, is_lost=st.booleans())
    def move_on(self, ingest: str, is_lost: bool) -> None:
        with self.lost_answer(is_lost), suppress(*LATE):
            self.services.move_on(ingest)

    @rule(data=st.data(), is_lost=st.booleans())
    def register(self, data: st.DataObject, is_lost: bool) -> None:
        for message in self.sent(data, Step.REGISTER):
            with self.lost_answer(is_lost), suppress(*LATE):
                self.services.register(message)

    @rule(data=st.data(), is_lost=st.booleans())
    def roll_back(self, data: st.DataObject, is_lost: bool) -> None:
        for message in self.sent(data, Step.ROLL_BACK):
            with self.lost_answer(is_lost), suppress(*LATE):
                self.services.roll_back(message)

    @rule(data=st.data())
    def fail_late(self, data: st.DataObject) -> None:
        """A worker that read the ingest some time ago comes to the end of its patience."""
        seen = sorted(self.watched.seen.values(), key=lambda one: one.id)
        if seen:
            with suppress(*LATE):
                ingest = data.draw(st.sampled_from(seen))
                self.stores.lifecycle.fail(ingest, create_failure("gave-up-waiting"))

    def sent(self, data: st.DataObject, *steps: Step) -> list[StepMessage]:
        """One of all messages that were ever sent for these steps, if any was."""
        messages = [one for one in self.stores.outbox.sent if one.step in steps]
        # The newest come first, for they are the ones that most often still count.
        return [data.draw(st.sampled_from(messages[::-1]))] if messages else []

    @contextmanager
    def lost_answer(self, is_lost: bool) -> Iterator[None]:
        """The first write is done, but its answer lost."""

        def lose(writes: Sequence[Write]) -> None:
            raise StateUnavailable("the answer got lost")

        self.stores.state.after_write = lose if is_lost else None
        with suppress(StateUnavailable):
            yield
        self.stores.state.after_write = None

    # --- what must always hold, and what must come in the end ---

    @invariant()
    def everything_holds(self) -> None:
        self.watched.check()

    def teardown(self) -> None:
        for ingest in list(self.watched.seen):
            event(f"was {self.watched.seen[ingest].status}")
            self.services.drain(ingest)
            self.watched.check()
        for course in COURSES:
            assert self.stores.courses.get(str(course)).active_ingest is None


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40)
