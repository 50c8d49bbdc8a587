"""Audits: what counts as damaged, as surplus, as unread."""

from __future__ import annotations

import pytest

from course_backfill.audits import FindingsTally, finding_of, is_surplus
from course_backfill.failures import Failure
from course_backfill.inventory import Fault


def finding(code: str) -> Failure:
    """One finding of the code."""
    return finding_of("courses/c/v1/x", Fault(code, "x"), "primary")


@pytest.mark.parametrize(
    ("code", "severity", "is_mended"),
    [
        ("object-missing", "failure", True),
        ("fixity-mismatch", "failure", True),
        ("surplus-object", "warning", False),
        ("unread-object", "warning", False),
    ],
)
def test_starting_again_is_advised_for_what_it_mends(
    code: str, severity: str, is_mended: bool
) -> None:
    found = finding(code)
    assert found.severity == severity
    assert found.action.startswith("Start the course again") is is_mended
    assert ("start" in found.action.lower()) is is_mended


def test_findings_are_counted_while_they_pass() -> None:
    findings = [
        finding("object-missing"),
        finding("fixity-mismatch"),
        finding("no-good-replica"),
        finding("surplus-object"),
        finding("unread-object"),
        finding("unread-object"),
    ]
    tally = FindingsTally()
    assert list(tally.counting(iter(findings))) == findings
    assert tally == FindingsTally(damaged=3, beyond_repair=1, surplus=1, unread=2)
    assert str(tally) == "3 damaged, 1 surplus, 2 unread"


@pytest.mark.parametrize(
    ("key", "is_one_too_many"),
    [
        ("courses/c/v1/assets/stray", True),
        ("courses/c/v2/assets/left-by-a-backfill", False),
        ("courses/c/v3/assets/left-by-a-rollback", True),
        ("courses/c/v4/assets/of-a-kept-failure", False),
        ("courses/c/stray", True),
    ],
)
def test_surplus_is_what_no_version_there_and_no_other_attempt_accounts_for(
    key: str, is_one_too_many: bool
) -> None:
    # v1 is registered there, v2 elsewhere; v3 failed, v4 failed and is kept.
    surplus = is_surplus(key, audited={"v1"}, registered={"v1", "v2"}, kept="v4")
    assert surplus is is_one_too_many
