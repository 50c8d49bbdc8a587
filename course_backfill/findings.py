"""Findings: what a check or a probe looked at, how it stands, and what a person does about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `action` says what to do where it is not ok.

    `detail` and `action` are sentences for a person and name no secret.
    """

    name: str
    ok: bool
    detail: str
    action: str = ""
