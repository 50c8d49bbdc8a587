"""The probe: tries on the configured endpoint, for real, what the product's promises rest on."""

from __future__ import annotations

import uuid

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.aws_errors import error_code, named_errors
from course_backfill.adapters.probe_objects import ObjectTrials
from course_backfill.adapters.probe_queues import QueueTrials
from course_backfill.adapters.probe_state import StateTrials
from course_backfill.adapters.probe_trials import ProbeFailed, Trial
from course_backfill.errors import CourseBackfillError
from course_backfill.findings import Finding
from course_backfill.settings import Settings


def probe(settings: Settings, clients: AwsClients) -> list[Finding]:
    """Writes, below a `_probe/` key of each bucket and in the tables, and removes it all again.

    Needs an installation that was set up. Nothing is raised: an outage is a finding too.
    """
    run = uuid.uuid4().hex
    areas: list[ObjectTrials | StateTrials | QueueTrials] = [
        *(
            ObjectTrials(clients.s3, location.bucket, f"{location.prefix}_probe/{run}/")
            for location in settings.locations
        ),
        StateTrials(clients.dynamodb, settings.namespace, f"_probe/{run}"),
        QueueTrials(clients.sqs, f"{settings.namespace}-probe-{run[:12]}"),
    ]
    findings: list[Finding] = []
    for area in areas:
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
