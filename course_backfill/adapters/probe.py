"""The probe: tries on the configured endpoint, for real, what the product's promises rest on."""

from __future__ import annotations

import uuid

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.aws_errors import error_code, named_errors
from course_backfill.adapters.probe_copies import CopyTrials, Spot
from course_backfill.adapters.probe_objects import ObjectTrials
from course_backfill.adapters.probe_queues import QueueTrials
from course_backfill.adapters.probe_state import StateTrials
from course_backfill.adapters.probe_trials import ProbeFailed, Trial
from course_backfill.errors import CourseBackfillError
from course_backfill.findings import Finding
from course_backfill.locations import Location, is_copied_inside
from course_backfill.settings import Settings


def probe(settings: Settings, clients: AwsClients) -> list[Finding]:
    """Writes, below a `_probe/` key of each bucket and in the tables, and removes it all again.

    Needs an installation that was set up. Nothing is raised: an outage is a finding too.
    """
    run = uuid.uuid4().hex
    findings: list[Finding] = []
    for location in settings.locations:
        try:
            areas = _of_location(settings, clients, location, run)
        except CourseBackfillError as error:
            action = f"Mend the location {location.id!r} in the settings"
            findings.append(Finding(f"{location.bucket}: probe", False, str(error), action))
            continue
        findings += [finding for area in areas for finding in _of_area(area)]
    findings += _of_area(StateTrials(clients.dynamodb, settings.namespace, f"_probe/{run}"))
    findings += _of_area(QueueTrials(clients.sqs, f"{settings.namespace}-probe-{run[:12]}"))
    return findings


def _of_location(
    settings: Settings, clients: AwsClients, location: Location, run: str
) -> list[ObjectTrials | CopyTrials]:
    client, primary = clients.s3_of(location), settings.primary
    own = f"_probe/{run}-{location.id}/"
    target = Spot(client, location.bucket, f"{location.prefix}{own}copies/")
    source = target
    if location.id != primary.id and is_copied_inside(primary, location):
        source = Spot(clients.s3_of(primary), primary.bucket, f"{primary.prefix}{own}copies/")
    return [
        ObjectTrials(client, location.bucket, f"{location.prefix}{own}objects/"),
        CopyTrials(source, target, is_archive=location.is_archive),
    ]


def _of_area(area: ObjectTrials | CopyTrials | StateTrials | QueueTrials) -> list[Finding]:
    findings = []
    try:
        findings += [_tried(trial) for trial in area.trials()]
    finally:
        findings.append(_tried(area.cleaning()))
    return findings


def _tried(trial: Trial) -> Finding:
    try:
        with named_errors(trial.errors):
            detail = trial.run()
    except (ProbeFailed, CourseBackfillError) as error:
        return Finding(trial.name, False, str(error), trial.action)
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        detail = f"refused with {error_code(error)}: {message}"
        return Finding(trial.name, False, detail, trial.action)
    return Finding(trial.name, True, detail)
