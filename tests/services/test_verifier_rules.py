"""What the verifier finds: every copy that differs, and every key that is too few or too many."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill import sorting
from course_backfill.adapters.memory_bucket import MemoryBucket, StorageFault
from course_backfill.adapters.memory_objects import MemoryObjectReader
from course_backfill.audits import Method
from course_backfill.errors import Fenced, StorageUnavailable
from course_backfill.manifests import MANIFEST_FILES, Entry
from course_backfill.messages import Step
from services.verifier.fixity import AT_ONCE, FixityChecker, Wanted
from services.verifier.listing import listing_faults
from services.verifier.source_replica import SourceReplica
from tests.generators import create_entry
from tests.services.memory_pipeline import COURSE, MemoryPipeline

PREFIX = "courses/c/v1/"
KEYS = st.text(st.sampled_from("ab/é"), min_size=1, max_size=2).map(lambda name: f"assets/{name}")
SIZES = st.dictionaries(KEYS, st.integers(0, 2), max_size=8)
METHODS = pytest.mark.parametrize("method", ["bytes", "checksums"])


def wanted(entry: Entry) -> Wanted:
    return Wanted(PREFIX + entry.key, entry.source.size, entry.sha256)


class Copies:
    """Entries, their copies, and a checker of both."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.bucket = MemoryBucket()
        self.entries: list[Entry] = []
        self.checks = 0
        self._executor = executor

    def add(
        self, path: str, copy: bytes | None, content: bytes = b"alpha", *, hashed: bool
    ) -> None:
        """An entry of that content, and what is stored in its place."""
        self.entries.append(create_entry(path, content))
        if copy is not None:
            digest = hashlib.sha256(copy).hexdigest()
            self.bucket.store(PREFIX + path, copy, sha256=digest if hashed else None)

    def differing(self, method: Method) -> dict[str, str]:
        """Path → code of what differs."""

        def check() -> None:
            self.checks += 1

        checker = FixityChecker(
            reader=MemoryObjectReader(self.bucket),
            executor=self._executor,
            method=method,
            check=check,
        )
        compared = checker.compare(map(wanted, self.entries))
        pairs = list(zip(self.entries, compared, strict=True))
        assert not any(found.is_unread for _, found in pairs)
        return {entry.path: found.fault.code for entry, found in pairs if found.fault}


@pytest.fixture
def copies() -> Iterator[Copies]:
    with ThreadPoolExecutor(2) as executor:
        yield Copies(executor)


@METHODS
@pytest.mark.parametrize("hashed", [True, False])
def test_every_copy_that_differs_is_found_and_no_other(
    copies: Copies, method: Method, hashed: bool
) -> None:
    copies.add("assets/equal", b"alpha", hashed=hashed)
    copies.add("assets/empty", b"", b"", hashed=hashed)
    copies.add("assets/other", b"ALPHA", hashed=hashed)
    copies.add("assets/short", b"alph", hashed=hashed)
    copies.add("assets/long", b"alphas", hashed=hashed)
    copies.add("assets/gone", None, hashed=hashed)
    assert copies.differing(method) == {
        "assets/other": "fixity-mismatch",
        "assets/short": "fixity-mismatch",
        "assets/long": "fixity-mismatch",
        "assets/gone": "object-missing",
    }


def test_bytes_are_read_whatever_checksum_is_stored(copies: Copies) -> None:
    copies.add("assets/rotten", None, hashed=True)
    digest = hashlib.sha256(b"alpha").hexdigest()
    copies.bucket.store(f"{PREFIX}assets/rotten", b"ALPHA", sha256=digest)
    assert copies.differing("checksums") == {}
    assert copies.differing("bytes") == {"assets/rotten": "fixity-mismatch"}


def test_where_no_checksum_is_stored_bytes_are_read(copies: Copies) -> None:
    copies.add("assets/rotten", b"ALPHA", hashed=False)
    assert copies.differing("checksums") == {"assets/rotten": "fixity-mismatch"}


@METHODS
def test_more_entries_than_are_checked_at_once_are_all_checked(
    copies: Copies, method: Method
) -> None:
    for number in range(2 * AT_ONCE + 1):
        copies.add(f"assets/{number}", b"alpha" if number % AT_ONCE else None, hashed=True)
    assert set(copies.differing(method)) == {
        "assets/0",
        f"assets/{AT_ONCE}",
        f"assets/{2 * AT_ONCE}",
    }
    assert copies.checks >= 3


@pytest.mark.parametrize("error", [Fenced("taken over"), StorageUnavailable("S3 is away")])
def test_what_stops_the_work_comes_through(copies: Copies, error: Exception) -> None:
    copies.add("assets/a", b"alpha", hashed=False)

    def check() -> None:
        raise error

    checker = FixityChecker(
        reader=MemoryObjectReader(copies.bucket),
        executor=copies._executor,
        method="bytes",
        check=check,
    )
    with pytest.raises(type(error)):
        list(checker.compare(map(wanted, copies.entries)))


@METHODS
def test_an_outage_of_storage_is_no_mismatch(copies: Copies, method: Method) -> None:
    copies.add("assets/a", b"alpha", hashed=False)
    verb: Literal["read", "stat"] = "read" if method == "bytes" else "stat"
    copies.bucket.fail(verb, StorageFault.THROTTLED)
    with pytest.raises(StorageUnavailable):
        copies.differing(method)


def faults(expected: dict[str, int], listed: dict[str, int]) -> dict[str, str]:
    there = [(key, listed[key]) for key in sorted(listed, key=str.encode)]
    return {key: fault.code for key, fault in listing_faults(expected.items(), there)}


@given(expected=SIZES, listed=SIZES, run=st.integers(1, 5))
def test_a_listing_is_compared_as_two_dictionaries_are(
    expected: dict[str, int], listed: dict[str, int], run: int
) -> None:
    model = {
        **dict.fromkeys(expected.keys() - listed.keys(), "object-missing"),
        **dict.fromkeys(listed.keys() - expected.keys(), "surplus-object"),
        **{
            key: "fixity-mismatch"
            for key in expected.keys() & listed.keys()
            if expected[key] != listed[key]
        },
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sorting, "RUN_RECORDS", run)
        assert faults(expected, listed) == model


@pytest.mark.parametrize(
    ("key", "found"),
    [
        *((name, []) for name in MANIFEST_FILES),
        ("assets/manifest.json", ["surplus-object"]),
        ("other.json", ["surplus-object"]),
    ],
)
def test_manifest_files_of_an_earlier_attempt_may_be_there(key: str, found: list[str]) -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    ingest = pipeline.start()
    pipeline.run(until=lambda message: message.step is Step.VERIFY)
    pipeline.bucket.store(pipeline.prefix("v1") + key, b"12345")
    checking = SourceReplica(
        source=pipeline.wiring.source,
        location=pipeline.wiring.primary,
        reader=pipeline.wiring.reader(pipeline.wiring.primary),
        results=pipeline.wiring.results,
        executor=pipeline.wiring.executor,
        method="bytes",
        clock=pipeline.wiring.clock,
    )
    replica = pipeline.wiring.packets.replica(ingest, "primary")
    failures = list(checking.failures(pipeline.ingest(ingest), replica))
    assert [failure.code for failure in failures] == found
    assert {failure.path for failure in failures} <= {key}


def test_keys_that_sort_differently_as_names_and_as_keys_are_paired() -> None:
    """A percent sign sorts before letters, and what it stands for may not."""
    keys = {"assets/%5F": 1, "assets/%2E": 2, "assets/_long/0": 3, "assets/é": 4, "assets/z": 5}
    assert faults(dict(reversed(keys.items())), keys) == {}
