"""Rates: how fast an installation is taken to work, as its settings give it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic_settings import NoDecode

from course_backfill.records import Record
from course_backfill.settings_values import from_json

Rate = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class Rates(Record):
    """Assumptions, to be replaced by what an installation shows in its first waves."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    workers: Annotated[int, Field(ge=1, le=10_000)] = 16
    """Packets that are worked on at a time, over all courses: 8 copied while 8 are read back."""
    objects_per_second: Rate = 200
    """Small objects that one worker copies, or reads back, in a second."""
    megabytes_per_second: Rate = 60
    """What passes through one worker beside that, in a second."""
    source_megabytes_per_second: Rate = 200
    """What MongoDB may be read with by all workers together."""
    listed_objects_per_second: Rate = 3_500
    """Objects of one course whose lists are made in a second: planned, compared, aggregated."""
    course_seconds: Rate = 5
    """What an ingest takes beside its objects."""
    memory_megabytes: Annotated[int, Field(ge=128, le=10_240)] = 1_769
    """Of a Lambda function; with so much it has one processor."""
    large_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of a plan without data: the share of the bytes that is in large objects."""
    large_object_megabytes: Rate = 32
    """Of a plan without data: what a large object has."""


RateTable = Annotated[Rates, NoDecode, BeforeValidator(from_json)]
