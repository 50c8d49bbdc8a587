"""The error tree: every failure this product names, and whether trying again can help.

CourseBackfillError
├── InvalidInput                 the request or setting is wrong; all problems at once
├── NotFound                     no such ingest, course, version, entry, …
├── Conflict                     well-formed, but the present state forbids it
├── Fenced                       the ingest moved on without this worker: stop, touch nothing
├── KnownOutage                  trying again later helps: the step waits, parked
│   ├── SourceUnavailable        MongoDB does not answer, or lost its primary
│   ├── StorageUnavailable       S3 throttles or fails beyond the client's own retries
│   ├── StateUnavailable         DynamoDB throttles or fails likewise
│   ├── QueueUnavailable         SQS throttles or fails likewise
│   ├── SecretsUnavailable       Secrets Manager throttles or fails likewise
│   └── EventsUnavailable        EventBridge throttles or fails likewise
├── StorageRefused               S3 denies for good: credentials, policy, missing bucket
│   └── CopyRefused              it copies nothing by itself on this way: bytes have to be streamed
├── StateRefused                 DynamoDB denies for good: credentials, policy, missing table
├── QueueRefused                 SQS denies for good: credentials, policy, missing queue
├── SecretRefused                a secret is missing, denied, or not what it has to be
├── EventsRefused                EventBridge denies for good: credentials, policy, missing bus
├── SourceRefused                MongoDB denies for good: missing rights, unsupported server
│   └── LoginRefused             its user or password, which may have been changed meanwhile
├── OutOfTime                    the time of a run is over, and its work is not
├── LocationUnknown              a location that an ingest needs is not in the settings
├── LocationMoved                a location's id points elsewhere than it did
├── ConditionFailed              a conditional write met another state than it asked for
├── ObjectExists                 a create-only write met an object
├── ObjectChanged                a write or copy pinned to one state of an object met another
├── ObjectCold                   an archived object was read without being restored
├── ExpeditedUnavailable         S3 has no capacity for expedited restores at the moment
└── UploadLost                   a multipart upload vanished or conflicted; start it again

What is answered on the spot by whoever calls is no part of the tree and stands where it is raised:
BadObject and CallbackFailed (`ports`), ObjectDiffers (`uploads`), NotErasable (`erasure`).
"""

from __future__ import annotations

from dataclasses import dataclass


class CourseBackfillError(Exception):
    """Base of every named error; `str()` is a sentence a user may read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: a JSON pointer (or a setting's name) and what was expected."""

    pointer: str
    detail: str


class InvalidInput(CourseBackfillError):
    """The input cannot be used; `problems` names every fault found in it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.pointer}: {p.detail}" for p in problems))
        self.problems = problems


class NotFound(CourseBackfillError):
    """Nothing of that name exists; the sentence says how one would come to exist."""


class Conflict(CourseBackfillError):
    """The present state forbids it; `ingest` is the active ingest's id where one is in the way."""

    def __init__(self, message: str, *, ingest: str | None = None) -> None:
        super().__init__(message)
        self.ingest = ingest


class Fenced(CourseBackfillError):
    """The ingest has ended or its epoch was raised: this worker's work no longer counts."""


class KnownOutage(CourseBackfillError):
    """Something outside is away for now; trying again later can help."""


class SourceUnavailable(KnownOutage):
    """MongoDB cannot be reached or has no primary at the moment."""


class StorageUnavailable(KnownOutage):
    """S3 throttled or failed the request beyond the client's own retries."""


class StateUnavailable(KnownOutage):
    """DynamoDB did not answer or throttled beyond the client's own retries; a write may be done."""


class QueueUnavailable(KnownOutage):
    """SQS did not answer or throttled beyond the client's own retries; some may have been sent."""


class SecretsUnavailable(KnownOutage):
    """Secrets Manager did not answer or throttled beyond the client's own retries."""


class EventsUnavailable(KnownOutage):
    """EventBridge did not answer or throttled beyond retries; some events may have been taken."""


class StorageRefused(CourseBackfillError):
    """S3 refused for good: bad credentials, a denying policy, a missing bucket."""


class CopyRefused(StorageRefused):
    """S3 does not copy by itself on the way that it is reached: the bytes have to be streamed."""


class StateRefused(CourseBackfillError):
    """DynamoDB refused for good: bad credentials, a denying policy, a missing table or index."""


class QueueRefused(CourseBackfillError):
    """SQS refused for good: bad credentials, a denying policy, a missing queue."""


class SecretRefused(CourseBackfillError):
    """A secret that a setting names is missing, denied, or not of the form that it has to have."""


class EventsRefused(CourseBackfillError):
    """EventBridge refused for good: bad credentials, a denying policy, a missing bus."""


class SourceRefused(CourseBackfillError):
    """MongoDB refused for good: bad credentials, missing rights, an unsupported server."""


class LoginRefused(SourceRefused):
    """MongoDB does not know the user, or not with this password."""


class OutOfTime(CourseBackfillError):
    """A run has to stop before its work is done: another one goes on with it."""


class LocationUnknown(CourseBackfillError):
    """A location was taken out of the settings while something still needs it."""


class LocationMoved(CourseBackfillError):
    """A location's id points to another bucket, prefix or endpoint than what lies there needs."""


class ConditionFailed(CourseBackfillError):
    """A conditional write of the state store met another state; nothing of it was applied."""


class ObjectExists(CourseBackfillError):
    """A create-only write met an existing object at the key."""


class ObjectChanged(CourseBackfillError):
    """The object is another one by now, or gone: what was pinned to its ETag was not done."""


class ObjectCold(CourseBackfillError):
    """The object is archived, and no restored copy of it can be read."""


class ExpeditedUnavailable(CourseBackfillError):
    """S3 refuses expedited restores for now; a slower tier is always taken."""


class UploadLost(CourseBackfillError):
    """The multipart upload no longer exists, or completing it conflicted: begin a new one."""
