"""A function that has too little time for its packet, on real queues, tables and buckets."""

from __future__ import annotations

from importlib import import_module
from itertools import count

from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.adapters.sqs_consumer import SqsConsumer
from course_backfill.ingests import Stage
from course_backfill.local.lambda_event import sqs_event
from course_backfill.messages import StepMessage
from course_backfill.resources import queue_name
from course_backfill.run_time import MARGIN_SECONDS, limited
from course_backfill.uploads import PART_BYTES
from services.planner.handler import lambda_handler as planner
from services.replicator.handler import lambda_handler as replicator
from tests.features.installation import COURSE, Installation

LARGE = bytes(range(256)) * (5 * PART_BYTES // 256)


class Ending(LambdaContext):
    """A run that Lambda ends after so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override] # Powertools' is static.
        return int(self._seconds * 1000)


class Functions:
    """Handlers on an installation, each called with one message of its queue."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation

    def run(self, service: str, handler: LambdaWorker, *, seconds: float | None = None) -> None:
        """One message, which the handler has to be done with; without seconds in a run of ours."""
        name = queue_name(self.installation.settings.namespace, service)
        queue = SqsConsumer(self.installation.clients.sqs, name)
        [message] = queue.receive(wait_seconds=5, visibility_seconds=60)
        if seconds is None:
            step = import_module(f"services.{service}.handler").build_step(self.installation.wiring)
            step.handle(StepMessage.model_validate_json(message["Body"]))
        else:
            event = sqs_event(message, queue_arn=queue.arn)
            answer = handler.on(self.installation.wiring)(event, Ending(seconds))
            assert answer == {"batchItemFailures": []}
        queue.delete(message)

    def packet(self, ingest: str) -> tuple[str | None, str | None, int]:
        """Its result, its claim and its attempts."""
        one = self.installation.wiring.packets.get(ingest, "primary", 0)
        return one.copied, one.claimed_until, one.attempts

    def parts(self) -> int:
        """Parts of the upload that is open in the primary."""
        s3, bucket = self.installation.clients.s3, self.installation.wiring.primary.bucket
        uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return sum(
            len(s3.list_parts(Bucket=bucket, Key=one["Key"], UploadId=one["UploadId"])["Parts"])
            for one in uploads
        )


def test_a_packet_is_sent_again_and_goes_on_with_the_parts_that_are_stored(
    installation: Installation,
) -> None:
    installation.save(COURSE, "large.bin", LARGE)
    functions = Functions(installation)
    ingest = installation.start()
    functions.run("planner", planner, seconds=300)
    functions.run("replicator", replicator, seconds=MARGIN_SECONDS)
    assert functions.packet(ingest) == (None, None, 1)
    looks = count()
    with limited(MARGIN_SECONDS + 3.5, now=lambda: float(next(looks))):
        functions.run("replicator", replicator)
    assert functions.packet(ingest) == (None, None, 2)
    sent = functions.parts()
    assert 0 < sent < 5
    functions.run("replicator", replicator, seconds=300)
    assert installation.wiring.ingests.get(ingest).stage is Stage.VERIFYING
    assert functions.parts() == 0
    key = installation.wiring.primary.version_prefix(COURSE, "v1") + "assets/large.bin"
    assert b"".join(installation.wiring.reader(installation.wiring.primary).read(key)) == LARGE
