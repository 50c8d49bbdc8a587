"""What the resources of a stage are called in policies; names come from `Resources` alone."""

from __future__ import annotations

from dataclasses import dataclass

from course_backfill.locations import Location
from course_backfill.resources import dead_letters_name, find_index, queue_name, table_name
from infra.stage import Stage

_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov"}


@dataclass(frozen=True, slots=True)
class Arns:
    """The ARNs of one stage: texts, so that no policy waits for a resource to be made."""

    stage: Stage

    @property
    def partition(self) -> str:
        """The part of AWS that the region is in."""
        region = self.stage.region
        found = (name for begin, name in _PARTITIONS.items() if region.startswith(f"{begin}-"))
        return next(found, "aws")

    def table(self, table: str) -> str:
        """The table that the ports call `ingests` or `courses`."""
        return self._regional("dynamodb", f"table/{table_name(self._namespace, table)}")

    def index(self, index: str) -> str:
        """An index, with its table."""
        return f"{self.table(find_index(index)[0])}/index/{index}"

    def queue(self, service: str) -> str:
        """The queue of a service."""
        return self._regional("sqs", queue_name(self._namespace, service))

    def dead_letters(self, service: str) -> str:
        """The queue of a service's dead letters."""
        return self._regional("sqs", dead_letters_name(self._namespace, service))

    def bucket(self, name: str) -> str:
        """A bucket."""
        return f"arn:{self.partition}:s3:::{name}"

    def work(self, prefix: str = "") -> str:
        """The work bucket, or what is below a prefix of it."""
        bucket = self.bucket(self.stage.settings.work_bucket)
        return f"{bucket}/{prefix}*" if prefix else bucket

    def courses(self, location: Location) -> str:
        """Everything that the product has in a location."""
        return f"{self.bucket(location.bucket)}/{location.prefix}courses/*"

    def secret(self, name: str) -> str:
        """A secret by its name, whose ARN ends in six characters of chance, or by its ARN."""
        if name.startswith("arn:"):
            return name
        return self._regional("secretsmanager", f"secret:{name}-??????")

    def bus(self) -> str:
        """The bus of domain events."""
        return self._regional("events", f"event-bus/{self.stage.settings.event_bus}")

    def log_streams(self, function: str) -> str:
        """What a function writes its log to."""
        name = self.stage.function_name(function)
        return self._regional("logs", f"log-group:/aws/lambda/{name}:log-stream:*")

    def _regional(self, service: str, name: str) -> str:
        stage = self.stage
        return f"arn:{self.partition}:{service}:{stage.region}:{stage.account}:{name}"

    @property
    def _namespace(self) -> str:
        return self.stage.settings.namespace
