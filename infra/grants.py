"""Who may do what: the rights of every function, as tables, and the grants that follow from them.

Nobody but the janitor deletes objects, only the planner and the register make items in the table
of courses, only those who read MongoDB read its secret, and only the notifier has the key of
callbacks and may speak to the bus of domain events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from course_backfill.courses import Course, Version, VersionReplica
from course_backfill.messages import READS_MONGODB, SERVICES
from infra.arns import Arns
from infra.stage import API, Stage


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of a policy; `why` says, where a resource is many, that it is no more."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str
    when: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


NOTIFIER, JANITOR = "notifier", "janitor"

_ONWARDS = ("warmer", "replicator", "verifier", "aggregator", "register", JANITOR, NOTIFIER)
SENDS: dict[str, tuple[str, ...]] = {
    API: SERVICES,  # Redrive sends whatever died.
    "planner": SERVICES,
    "warmer": _ONWARDS,
    "replicator": _ONWARDS,
    "verifier": _ONWARDS,
    "aggregator": _ONWARDS,
    "register": ("register", JANITOR, NOTIFIER),
    JANITOR: SERVICES,  # Lost messages of any step.
    NOTIFIER: (NOTIFIER,),
}
"""To whose queues a function sends: its own, to go on near its deadline, and what may follow."""

INDEXES: dict[str, tuple[str, ...]] = {
    API: ("by-course", "by-status", "courses-by-status"),
    "planner": ("courses-by-status",),
    JANITOR: ("due", "by-status", "courses-by-audit", "courses-by-status"),
}
"""Which indexes a function looks through."""

_KEYS = ("pk", "sk")
ENDING = (
    *("activeIngest", "lastIngest", "status", "statusKey", "keptIngest"),
    *("replicas", "latestLocations", "failedAudits", "auditFailedDate"),
    *("sourceCheckedDate", "stale"),
)
"""What an ingest that ends changes of its course, but for what registering a version adds."""

_REGISTERING = (
    *("versions", "latestVersion", "latestObjects", "latestBytes", "latestExceptions"),
    "unauditedSince",
)
COURSE_CHANGES: dict[str, tuple[str, ...]] = {
    API: ENDING,
    "planner": (*ENDING, "lastVersionNumber", "latestVersion"),
    "warmer": ENDING,
    "replicator": ENDING,
    "verifier": ENDING,
    "aggregator": ENDING,
    "register": (*ENDING, *_REGISTERING),
    JANITOR: ENDING,
}
"""Which attributes of a course a function changes, or names in a condition."""

_COURSE_WRITES = {"register": ("dynamodb:UpdateItem", "dynamodb:ConditionCheckItem")}

COURSE_ITEMS: dict[str, tuple[str, ...]] = {
    "planner": (*_KEYS, "statusKey", *Course(id="", org="", discovered_date="").to_item()),
    "register": tuple(
        dict.fromkeys(
            [
                *_KEYS,
                *(str(one.alias) for one in Version.model_fields.values()),
                *(str(one.alias) for one in VersionReplica.model_fields.values()),
            ]
        )
    ),
}
"""Which attributes the items have that a function makes in the table of courses: discovered
courses, and registered versions with where they are."""

READ, ADD, GO_ON, RESTORE, ERASE = "read", "add", "go on", "restore", "erase"
OBJECT_ACTIONS: dict[str, tuple[str, ...]] = {
    READ: ("s3:GetObject",),
    ADD: ("s3:PutObject", "s3:AbortMultipartUpload"),
    GO_ON: ("s3:ListMultipartUploadParts",),  # With an upload that another worker left.
    RESTORE: ("s3:RestoreObject",),
    ERASE: ("s3:DeleteObjectVersion", "s3:AbortMultipartUpload"),
}
BUCKET_ACTIONS: dict[str, tuple[str, ...]] = {
    READ: ("s3:ListBucket",),
    ADD: (),
    GO_ON: ("s3:ListBucketMultipartUploads",),
    RESTORE: (),
    ERASE: ("s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
}

LOCATIONS: dict[str, tuple[str, ...]] = {
    API: (READ,),
    "planner": (READ,),
    "warmer": (READ, RESTORE),
    "replicator": (READ, ADD, GO_ON),
    "verifier": (READ,),
    "aggregator": (READ, ADD, GO_ON),
    JANITOR: (ERASE,),
}
"""What a function does in the locations, below their prefixes of courses."""

IN_PRIMARY_ALONE = (API,)
"""Functions for which the primary is the only location."""

WORK: dict[str, tuple[str, ...]] = {
    API: (READ,),
    "planner": (READ, ADD),
    "warmer": (READ,),
    "replicator": (READ, ADD),
    "verifier": (READ, ADD),
    "aggregator": (READ, ADD),
    "register": (READ,),
}
"""What a function does in the work bucket, below `ingests/` and `failures/`."""

IN_NETWORK = tuple(one for one in (API, *SERVICES) if one != NOTIFIER)
"""The functions that are inside the network, where there is one; the notifier alone is outside,
and reaches out."""


def grants_of(stage: Stage, function: str) -> list[Grant]:
    """Every right of a function; what is not here it may not do."""
    arns = Arns(stage)
    return [
        *_log(arns, function),
        *_state(arns, function),
        *_messages(arns, function),
        *_work(arns, function),
        *_locations(arns, function),
        *_secrets(arns, function),
        *_outside(arns, function),
        *_network(stage, function),
    ]


def _log(arns: Arns, function: str) -> Iterator[Grant]:
    yield Grant(
        "WriteLog",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        (arns.log_streams(function),),
        "Lambda names the streams of a log group; it is the function's own group.",
    )


def _state(arns: Arns, function: str) -> Iterator[Grant]:
    ingests, courses = arns.table("ingests"), arns.table("courses")
    yield Grant("ReadState", ("dynamodb:GetItem", "dynamodb:Query"), (ingests, courses), "")
    if indexes := INDEXES.get(function):
        yield Grant("FindState", ("dynamodb:Query",), tuple(map(arns.index, indexes)), "")
    changes = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
    yield Grant("ChangeIngests", tuple(f"dynamodb:{one}" for one in changes), (ingests,), "")
    if attributes := COURSE_CHANGES.get(function):
        yield Grant(
            "ChangeCourses",
            _COURSE_WRITES.get(function, ("dynamodb:UpdateItem",)),
            (courses,),
            "",
            _only_attributes((*_KEYS, *attributes)),
        )
    if attributes := COURSE_ITEMS.get(function):
        yield Grant(
            "AddToCourses", ("dynamodb:PutItem",), (courses,), "", _only_attributes(attributes)
        )


def _only_attributes(names: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    return {"ForAllValues:StringEquals": {"dynamodb:Attributes": sorted(set(names))}}


def _messages(arns: Arns, function: str) -> Iterator[Grant]:
    sent = tuple(map(arns.queue, SENDS[function]))
    yield Grant("SendMessages", ("sqs:SendMessage", "sqs:GetQueueUrl"), sent, "")
    if function == API:
        return
    received = [arns.queue(function)]
    if function == JANITOR:
        received += map(arns.dead_letters, SERVICES)
    actions = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
    yield Grant(
        "TakeMessages",
        (*(f"sqs:{one}" for one in actions), "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        tuple(received),
        "",
    )


def _work(arns: Arns, function: str) -> Iterator[Grant]:
    rights = WORK.get(function, ())
    if not rights:
        return
    yield Grant(
        "Work",
        _actions(OBJECT_ACTIONS, rights),
        (arns.work("ingests/"), arns.work("failures/")),
        "Keys hold the ids of ingests, which are made while it runs; both prefixes are its own.",
        _in_own_account(arns),
    )
    yield Grant("ListWork", ("s3:ListBucket",), (arns.work(),), "", _in_own_account(arns))


def _locations(arns: Arns, function: str) -> Iterator[Grant]:
    rights = LOCATIONS.get(function, ())
    if not rights:
        return
    locations = arns.stage.settings.locations
    wanted = locations[:1] if function in IN_PRIMARY_ALONE else locations
    own = [one for one in wanted if one.role_arn is None]
    if own:
        buckets = dict.fromkeys(arns.bucket(one.bucket) for one in own)
        yield Grant(
            "Locations",
            _actions(OBJECT_ACTIONS, rights),
            tuple(arns.courses(one) for one in own),
            "Keys hold the names of courses and files; the prefix of courses is the product's own.",
            _in_own_account(arns),
        )
        listing = _actions(BUCKET_ACTIONS, rights)
        yield Grant("ListLocations", listing, tuple(buckets), "", _in_own_account(arns))
    roles = [one.role_arn for one in wanted if one.role_arn]
    if roles:
        yield Grant("AssumeRoles", ("sts:AssumeRole",), tuple(dict.fromkeys(roles)), "")


def _in_own_account(arns: Arns) -> dict[str, dict[str, list[str]]]:
    """A bucket that is gone may be anybody's the next day, under the same name."""
    return {"StringEquals": {"aws:ResourceAccount": [arns.stage.account]}}


def _actions(table: Mapping[str, Sequence[str]], rights: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(action for right in rights for action in table[right]))


def _secrets(arns: Arns, function: str) -> Iterator[Grant]:
    settings = arns.stage.settings
    named = {
        settings.mongo_uri_secret_name: READS_MONGODB,
        settings.callback_secret_name: (NOTIFIER,),
    }
    wanted = [arns.secret(name) for name, readers in named.items() if name and function in readers]
    if wanted:
        yield Grant(
            "ReadSecret",
            ("secretsmanager:GetSecretValue",),
            tuple(wanted),
            "Secrets Manager ends the ARN of a secret in six characters that nobody knows before.",
        )


def _outside(arns: Arns, function: str) -> Iterator[Grant]:
    if function == NOTIFIER:
        yield Grant("TellOthers", ("events:PutEvents",), (arns.bus(),), "")


def _network(stage: Stage, function: str) -> Iterator[Grant]:
    if stage.network.vpc_id and function in IN_NETWORK:
        yield Grant(
            "JoinNetwork",
            (
                "ec2:CreateNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:DeleteNetworkInterface",
                "ec2:AssignPrivateIpAddresses",
                "ec2:UnassignPrivateIpAddresses",
            ),
            ("*",),
            "Lambda makes the interfaces of a function in a VPC by the function's role, and "
            "checks the role for exactly these actions on all resources.",
        )
