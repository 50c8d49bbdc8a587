"""What the API says of the fields of a request, as the command line says it."""

from __future__ import annotations

import pytest

from course_backfill.cli.wording import FIELDS, as_options
from course_backfill.failures import ADVICE
from services.ingests_api.ingest_requests import IngestRequest

ALIASES = {str(one.alias) for one in IngestRequest.model_fields.values()}
NAMED = {one for one in ALIASES if one.lower() != one} - {"ingestType", "goLive"}
"""Not words of English; the command says the type, and nothing is switched live yet."""


def test_every_field_that_a_sentence_may_name_has_an_option() -> None:
    assert FIELDS.keys() == NAMED


@pytest.mark.parametrize(
    "sentence", [*ADVICE.values(), *(f"only with {one}" for one in sorted(NAMED))]
)
def test_no_field_of_the_api_is_left_in_what_a_person_reads(sentence: str) -> None:
    said = as_options(sentence)

    assert "in the API" not in said
    assert not [one for one in NAMED if one in said]
