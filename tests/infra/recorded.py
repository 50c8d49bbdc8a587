"""An installation whose functions run one message at a time, and every request of each is kept.

The functions run as Lambda would run them, on the embedded AWS, each with credentials of its own:
by these a request is told to be its function's.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote

from pydantic import SecretStr

from course_backfill.adapters.aws_clients import AwsClients, Reach, aws_session
from course_backfill.adapters.connected import ConnectedWiring
from course_backfill.adapters.event_bridge import EventBridgeBus
from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.adapters.memory_callbacks import MemoryCallbackSender
from course_backfill.adapters.memory_contentstore import MemoryContentstore
from course_backfill.adapters.memory_meter import MemoryMeter
from course_backfill.adapters.memory_source import MemorySource
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.setup import create_resources
from course_backfill.adapters.sqs_consumer import SqsConsumer
from course_backfill.callbacks import CallbackRules
from course_backfill.clock import system_clock
from course_backfill.local.embedded_aws.application import EmbeddedAws
from course_backfill.local.lambda_event import LocalContext, has_failed, sqs_event
from course_backfill.messages import SERVICES
from course_backfill.resources import dead_letters_name, queue_name
from course_backfill.settings import Settings
from infra.stage import API, FUNCTIONS, Stage
from services.ingests_api.handler import build_api
from services.notifier.handler import build_step as build_notifier
from tests.infra.needed_rights import Request

CALLED = "lms.example.org"
Event = dict[str, Any]


class ShiftedClock:
    """The time of day, pushed on by as much as a test wants."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self._ahead

    def advance(self, **time: float) -> None:
        """Pushes it on."""
        self._ahead += timedelta(**time)


class FunctionWiring(ConnectedWiring):
    """The wiring of one function; its source is in memory, so that no MongoDB is needed."""

    def __init__(
        self, settings: Settings, function: str, source: MemorySource, clock: ShiftedClock
    ) -> None:
        super().__init__(settings)
        self.clock = clock
        self._memory_source = source
        self._function = function

    @contextmanager
    def _credentials(self) -> Iterator[None]:
        """The function's own, for what is opened meanwhile: sessions keep what they find."""
        keys = {"AWS_ACCESS_KEY_ID": self._function, "AWS_SECRET_ACCESS_KEY": "of-a-test"}
        with patch.dict(os.environ, keys):
            yield

    @cached_property
    def clients(self) -> AwsClients:
        """Opened by the function."""
        with self._credentials():
            return super().clients

    @cached_property
    def bus(self) -> EventBridgeBus | None:
        """Opened by the function."""
        with self._credentials():
            return super().bus

    def _open(self, reach: Reach) -> S3Clients:
        with self._credentials():
            return super()._open(reach)

    @cached_property
    def meter(self) -> MemoryMeter:
        """Read, as in a function, so that all is counted that is."""
        return MemoryMeter(self.settings.namespace)

    @cached_property
    def source(self) -> MemorySource:  # type: ignore[override] # A twin of what it stands in for.
        return self._memory_source


@contextmanager
def recording(requests: list[Request]) -> Iterator[None]:
    """Keeps every request that a function makes of the embedded AWS of this process."""
    carried_out = EmbeddedAws._carried_out

    async def keep(self: EmbeddedAws, operation: Any, scope: Any, body: bytes, payload: Any) -> Any:
        answer = await carried_out(self, operation, scope, body, payload)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = unquote(scope["query_string"].decode())  # Where a link has its signature.
        signed = (headers.get("authorization", "") + query).partition("Credential=")[2]
        requests.append(
            Request(
                function=signed.partition("/")[0],
                service=operation.service,
                operation=operation.name,
                bucket=operation.bucket,
                key=operation.key,
                query=scope["query_string"].decode(),
                headers=headers,
                body=body,
                status=answer.status,
            )
        )
        return answer

    with patch.object(EmbeddedAws, "_carried_out", keep):
        yield


class Recorded:
    """The functions of a stage on the embedded AWS."""

    def __init__(self, stage: Stage, endpoint: str, requests: Sequence[Request]) -> None:
        """`requests` are being recorded: they tell which queues there is something in."""
        self._requests = requests
        self._seen = 0
        self.settings = stage.settings.model_copy(
            update={
                "aws_endpoint_url": endpoint,
                "mongo_uri_secret_name": None,
                "callback_secret_name": None,
                "callback_secret": SecretStr("the key of a test's callbacks"),
                "audit_every_days": 30,
            }
        )
        self.content = MemoryContentstore()
        self.source = MemorySource(self.content)
        self.clock = ShiftedClock()
        self.calls = MemoryCallbackSender(
            CallbackRules.of(self.settings),
            addresses={CALLED: ["93.184.216.34"]},
            receivers={CALLED: lambda delivery: 204},
        )
        self._clients = AwsClients.connect(self.settings)
        create_resources(self.settings, self._clients)
        self.s3 = self._clients.s3
        bus = aws_session(self.settings).client("events", endpoint_url=endpoint)
        bus.create_event_bus(Name=str(self.settings.event_bus))
        self.wirings = {
            name: FunctionWiring(self.settings, name, self.source, self.clock) for name in FUNCTIONS
        }
        self._handlers = {name: self.handler_on(name, self.wirings[name]) for name in SERVICES}
        self._queues = {name: self._queue(queue_name, name) for name in SERVICES}
        self._dead = {name: self._queue(dead_letters_name, name) for name in SERVICES}

    def _queue(self, name: Callable[[str, str], str], service: str) -> SqsConsumer:
        return SqsConsumer(self._clients.sqs, name(self.settings.namespace, service))

    def close(self) -> None:
        """Closes what the functions opened."""
        for wiring in self.wirings.values():
            wiring.close()

    def handler_on(self, service: str, wiring: FunctionWiring) -> Callable[[Event, Any], Any]:
        """The function's handler on a wiring."""
        if service == "notifier":
            return LambdaWorker(lambda any_: build_notifier(any_, self.calls)).on(wiring)
        module = importlib.import_module(f"services.{service}.handler")
        own = module.lambda_handler
        worker = own if isinstance(own, LambdaWorker) else LambdaWorker(module.build_step)
        return worker.on(wiring)

    @cached_property
    def api(self) -> Callable[[Event, Any], Any]:
        """What answers HTTP."""
        return build_api(self.wirings[API])

    def invoke(self, service: str, event: Event) -> Any:
        """Gives the function an event that is no batch of messages."""
        return self._handlers[service](event, LocalContext(service))

    def run(self) -> None:
        """Delivers messages until there are none; what fails is left hidden."""
        while services := self._sent():
            for name in services:
                while self._deliver(name, self._queues[name]):
                    pass

    def _sent(self) -> set[str]:
        """The services that messages were sent to since this was last asked."""
        new, self._seen = self._requests[self._seen :], len(self._requests)
        names = {
            json.loads(one.body)["QueueUrl"].rsplit("/", 1)[-1]
            for one in new
            if one.operation in {"SendMessage", "SendMessageBatch"}
        }
        namespace = self.settings.namespace
        return {name for name in SERVICES if queue_name(namespace, name) in names}

    def bury(self) -> None:
        """Delivers what is among the dead letters to the janitor."""
        for queue in self._dead.values():
            while self._deliver("janitor", queue):
                pass

    def put(self, service: str, body: str, *, dead: bool = False) -> None:
        """Puts a body on a queue, or among its dead letters."""
        name = dead_letters_name if dead else queue_name
        url = self._clients.sqs.get_queue_url(QueueName=name(self.settings.namespace, service))
        self._clients.sqs.send_message(QueueUrl=url["QueueUrl"], MessageBody=body)

    def use(self, service: str, handler: Callable[[Event, Any], Any] | None = None) -> None:
        """Has a service handled by another handler, or by its own again."""
        self._handlers[service] = handler or self.handler_on(service, self.wirings[service])

    def _deliver(self, service: str, queue: SqsConsumer) -> int:
        messages = queue.receive(wait_seconds=0, visibility_seconds=60)
        for message in messages:
            event = sqs_event(message, queue_arn=queue.arn)
            if not has_failed(self._handlers[service](event, LocalContext(service))):
                queue.delete(message)
        return len(messages)
