"""Faults that tests order over HTTP: refused calls, lost answers, errors inside a 200.

`POST /_faults` with a JSON object of the fields of Fault adds one, `DELETE /_faults` forgets all.
"""

import json
from typing import Any, Literal

from pydantic import BaseModel, Field

from course_backfill.local.embedded_aws.operations import Operation
from course_backfill.local.embedded_aws.s3_errors import s3_error, sts_error

PATH = "/_faults"


class Fault(BaseModel, extra="forbid"):
    """Answers the next `times` matching calls with an error.

    `operation` is AWS's name of the call, empty for any; `key` must occur in the S3 key or, for
    the other services, in the request's body; the first `skip` matching calls pass. The call has
    no effect, unless `after`: then it is carried out and only its answer is the error. `drop`
    closes the connection in place of an answer. A `status` of 200 puts the error into the body of
    a success, as S3 does for CopyObject and CompleteMultipartUpload. `extra` adds fields to the
    error of DynamoDB and SQS, e.g. CancellationReasons. `delay` is in seconds.
    """

    service: Literal["s3", "sqs", "dynamodb", "sts"]
    operation: str = ""
    key: str = ""
    status: int = Field(500, ge=200, le=599)
    code: str = "InternalError"
    message: str = "We encountered an internal error. Please try again."
    times: int = Field(1, ge=1)
    skip: int = Field(0, ge=0)
    after: bool = False
    drop: bool = False
    delay: float = Field(0.0, ge=0)
    extra: dict[str, Any] = {}

    def matches(self, operation: Operation, body: bytes) -> bool:
        """Whether it is ordered for such a call."""
        if self.service != operation.service or self.operation not in ("", operation.name):
            return False
        if operation.service == "s3":
            return self.key in operation.key
        return self.key.encode() in body

    def answer(self, operation: Operation) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the error, in the form of the service."""
        if operation.service == "s3":
            return s3_error(self.status, self.code, self.message)
        if operation.service == "sts":
            return sts_error(self.status, self.code, self.message)
        document = {"__type": self.code, "message": self.message, **self.extra}
        headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": self.code}
        return self.status, headers, json.dumps(document).encode()


class FaultPlan:
    """The faults still to happen, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Orders one more."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Takes all of them back."""
        self._faults.clear()

    def take(self, operation: Operation, body: bytes) -> Fault | None:
        """The fault of this call, which counts as having happened."""
        for fault in self._faults:
            if not fault.matches(operation, body):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times < 1:
                self._faults.remove(fault)
            return fault
        return None
