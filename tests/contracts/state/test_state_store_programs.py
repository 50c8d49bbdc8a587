"""The state store in memory and in DynamoDB: any small program leaves the same state in both."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.adapters.setup_tables import create_table
from course_backfill.errors import ConditionFailed
from course_backfill.ports import Condition, Key, StateStore, Write
from course_backfill.resources import Resources
from course_backfill.settings import Settings

# So few names and values that programs keep meeting their own traces.
TEXTS = st.sampled_from(["a", "ab", "b"])
TEXT_ATTRIBUTES = st.sampled_from(["statusKey", "createdKey"])
NUMBERS = st.integers(-1, 2)
PLAIN = st.recursive(
    TEXTS | st.integers(-(10**20), 10**20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ITEMS = st.fixed_dictionaries(
    {}, optional={"statusKey": TEXTS, "createdKey": TEXTS, "count": NUMBERS, "name": PLAIN}
)
NAMES = st.sampled_from(["statusKey", "createdKey", "count", "name"])
KEYS = st.builds(Key, st.just("ingests"), st.just("p"), TEXTS)
CONDITIONS = st.one_of(
    st.builds(Condition, NAMES | st.just("pk"), st.sampled_from(["exists", "absent"])),
    st.builds(Condition, TEXT_ATTRIBUTES, st.just("equals"), TEXTS | st.none()),
    st.builds(Condition, st.just("count"), st.just("equals"), NUMBERS),
)
DEMANDS = st.lists(CONDITIONS, max_size=1)


@st.composite
def updates(draw: st.DrawFn) -> Write:
    assign = draw(ITEMS)
    rest = draw(st.sets(NAMES.filter(lambda name: name not in assign), max_size=2))
    remove = sorted(rest - {"count"})
    add = {"count": draw(NUMBERS)} if "count" in rest else {}
    if not (assign or remove or add):
        add = {"count": 1}
    return Write(draw(KEYS), assign=assign, remove=remove, add=add, when=draw(DEMANDS))


WRITES = st.one_of(
    st.builds(Write, KEYS, item=ITEMS, when=DEMANDS),
    st.builds(Write, KEYS, delete=st.just(True), when=DEMANDS),
    st.builds(Write, KEYS, when=st.lists(CONDITIONS, min_size=1, max_size=2)),
    updates(),
)
NUMBERED = itertools.count()


def outcome(store: StateStore, writes: list[Write]) -> str:
    try:
        store.write(*writes)
    except ConditionFailed:
        return "refused"
    return "written"


class Programs(RuleBasedStateMachine):
    """Runs each step on both, and compares what each gives back."""

    clients: ClassVar[AwsClients]
    namespace: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryStateStore()
        self.dynamo = DynamoStateStore(self.clients.dynamodb, self.namespace)
        # Partitions of this program's own: nothing needs to be emptied between two.
        self.mark = f"{next(NUMBERED)}-"

    def own(self, write: Write) -> Write:
        """The write on this program's own items and index partitions."""
        key = Key(write.key.table, self.mark + write.key.pk, write.key.sk)
        return replace(
            write,
            key=key,
            item=None if write.item is None else self.own_values(write.item),
            assign=self.own_values(write.assign),
            when=[
                replace(one, value=self.own_value(one.attribute, one.value)) for one in write.when
            ],
        )

    def own_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.own_value(name, value) for name, value in values.items()}

    def own_value(self, name: str, value: Any) -> Any:
        if name != "statusKey" or value is None:
            return value
        if isinstance(value, list):
            return [self.mark + one for one in value]
        return self.mark + value

    @rule(writes=st.lists(WRITES, min_size=1, max_size=3, unique_by=lambda one: one.key))
    def write(self, writes: list[Write]) -> None:
        own = [self.own(write) for write in writes]
        assert outcome(self.memory, own) == outcome(self.dynamo, own)

    @rule(key=KEYS)
    def get(self, key: Key) -> None:
        own = Key(key.table, self.mark + key.pk, key.sk)
        assert self.memory.get(own) == self.dynamo.get(own)

    @rule(prefix=TEXTS | st.just(""), after=TEXTS | st.just(""), limit=st.integers(1, 3))
    def query(self, prefix: str, after: str, limit: int) -> None:
        one, other = (
            store.query("ingests", f"{self.mark}p", sk_prefix=prefix, after=after, limit=limit)
            for store in (self.memory, self.dynamo)
        )
        assert one == other

    @rule(
        partition=TEXTS,
        after=TEXTS | st.just(""),
        before=TEXTS | st.just(""),
        descending=st.booleans(),
    )
    def query_index(self, partition: str, after: str, before: str, descending: bool) -> None:
        one, other = (
            store.query_index(
                "by-status",
                self.mark + partition,
                limit=100,
                after=after,
                before=before,
                descending=descending,
            )
            for store in (self.memory, self.dynamo)
        )
        assert _unordered(one.items) == _unordered(other.items)

    @invariant()
    def has_the_same_items(self) -> None:
        everything = [
            store.query("ingests", f"{self.mark}p") for store in (self.memory, self.dynamo)
        ]
        assert everything[0] == everything[1]


def programs(clients: AwsClients, namespace: str) -> type[Programs]:
    """The state machine on these tables."""
    return type("ProgramsHere", (Programs,), {"clients": clients, "namespace": namespace})


def _unordered(items: list[dict[str, Any]]) -> list[str]:
    """Items may share a sort attribute, and then come in any order."""
    return sorted(repr(sorted(item.items())) for item in items)


@pytest.fixture(scope="module")
def clients(aws_endpoint: str) -> AwsClients:
    chosen = Settings(aws_endpoint_url=aws_endpoint, aws_region="eu-west-1", namespace="programs")
    clients = AwsClients.connect(chosen)
    for table in Resources.of(chosen).tables:
        create_table(clients.dynamodb, table)
    return clients


def test_programs_have_the_same_outcome_in_memory_and_in_dynamodb(clients: AwsClients) -> None:
    run_state_machine_as_test(
        programs(clients, "programs"),
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            # A failure is told at once, unshrunk: over HTTP shrinking takes many minutes.
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
