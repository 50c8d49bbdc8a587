"""The whole product on one machine: MongoDB, the embedded AWS, API and workers, as processes."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.setup import create_resources
from course_backfill.errors import CourseBackfillError
from course_backfill.local.client_file import ClientFile
from course_backfill.local.folders import usable
from course_backfill.local.kept_process import Program
from course_backfill.local.mongod import start_mongod
from course_backfill.local.processes import Supervisor
from course_backfill.messages import SERVICES
from course_backfill.settings import Settings, environment_name

DATABASE = "edxapp"
"""What the platform calls its database, and we the one of our own MongoDB."""

AWS = "aws"
API = "api"
COPIERS = "copiers"
COPYING = ("replicator", "verifier")
STEERERS = "steerers"
STEERING = tuple(service for service in SERVICES if service not in COPYING)
"""Two processes of workers: loading the AWS and MongoDB libraries is most of what one costs."""

SECONDS_TO_ANSWER = 30
SECONDS_TO_FINISH = 3.0
"""For what API and workers have in hand at the end; what takes longer is taken over later."""

_LOCAL_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "",
    "AWS_REGION": "us-east-1",
}

_RESTORE_LOOKS = {"restore_first_look_seconds": 2, "restore_poll_seconds": 2}
"""The embedded AWS restores as fast as it is told to, not in the hours that S3 names."""


class DataDirInUse(CourseBackfillError):
    """Another stack runs from the same data directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """What to run, and where.

    `settings` name the servers to use; those that they do not name are started here. Its processes
    read all other settings for themselves.
    """

    data_dir: Path
    settings: Settings
    port: int = 0
    aws_port: int = 0

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.data_dir / "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What runs now. `settings` are those of its processes."""

    client: ClientFile
    settings: Settings
    supervisor: Supervisor


@contextmanager
def running_stack(
    options: StackOptions, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Stack]:
    """Runs everything until the end of the block, and leaves nothing running.

    `tell` gets a line for a person about each part while it starts. Raises DataDirInUse,
    InvalidInput, MongodUnavailable and ProcessEnded, each with what to do.
    """
    with ExitStack() as stack:
        stack.enter_context(_owned(options.data_dir))
        supervisor = stack.enter_context(Supervisor())
        environment: dict[str, str] = {}
        endpoint = options.settings.aws_endpoint_url
        if endpoint is None:
            _start_aws(supervisor, options)
        mongo = options.settings.mongo_uri
        uri = mongo.get_secret_value() if mongo else None
        if uri is None:
            tell("Starting MongoDB ...")
            uri = start_mongod(
                supervisor, options.data_dir / "mongodb", log_path=options.logs / "mongodb.log"
            )
        if endpoint is None:
            tell("Starting the embedded AWS ...")
            endpoint = supervisor.ready(AWS)
            environment |= _LOCAL_CREDENTIALS | _restore_looks(options.settings)
        environment |= {"MONGO_URI": uri, "AWS_ENDPOINT_URL": endpoint}
        database = options.settings.mongo_database or (None if mongo else DATABASE)
        if database:
            environment["MONGO_DATABASE"] = database
        settings = options.settings.model_copy(
            update={"aws_endpoint_url": endpoint, "mongo_database": database}
        )
        tell("Making tables, queues and buckets ...")
        create_resources(settings, AwsClients.connect(settings))
        tell("Starting the API and the workers ...")
        token = _token(settings)
        environment |= {
            "COURSE_BACKFILL_API_TOKEN": token,
            # A browser sends no token, and the address is this machine's alone.
            "COURSE_BACKFILL_OPEN_DESCRIPTION": "true",
        }
        stack.callback(supervisor.ask_to_end, API, STEERERS, COPIERS)
        url = _start_ours(supervisor, options, environment)
        client = ClientFile(
            url=url,
            token=token,
            mongo_uri=None if mongo else uri,
            mongo_database=None if mongo else database,
            aws_endpoint_url=None if options.settings.aws_endpoint_url else endpoint,
        )
        client.write(options.data_dir)
        stack.callback(ClientFile.remove, options.data_dir)
        yield Stack(client=client, settings=settings, supervisor=supervisor)


@contextmanager
def _owned(data_dir: Path) -> Iterator[None]:
    """Keeps a second stack off the directory; the lock ends with the process, however it ends."""
    lock = FileLock(data_dir / "lock")
    with usable(data_dir):
        # What lies in it is course content, also the locked kind.
        data_dir.chmod(0o700)
        _take(lock, data_dir)
    with lock:
        # Left by a stack that was killed.
        ClientFile.remove(data_dir)
        yield


def _take(lock: FileLock, data_dir: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        other = ClientFile.read(data_dir)
        answers = f", its API at {other.url}" if other else ""
        raise DataDirInUse(
            f"Another course-backfill serve runs from {data_dir}{answers}. "
            "Stop it with Ctrl-C, or give this one a directory of its own: --data-dir."
        ) from None


def _restore_looks(settings: Settings) -> dict[str, str]:
    """When restores are looked at, where nobody has said so."""
    unsaid = _RESTORE_LOOKS.keys() - settings.model_fields_set
    return {environment_name(name): str(_RESTORE_LOOKS[name]) for name in unsaid}


def _start_aws(supervisor: Supervisor, options: StackOptions) -> None:
    data = options.data_dir / "aws"
    argv = _command("aws", "--port", str(options.aws_port), "--data-dir", str(data))
    supervisor.start(AWS, Program(argv=argv, log_path=options.logs / "aws.log"))


def _start_ours(
    supervisor: Supervisor, options: StackOptions, environment: Mapping[str, str]
) -> str:
    """The API's URL, once it answers and the workers work."""
    commands = {
        API: _command("api", "--port", str(options.port)),
        STEERERS: _command("work", *STEERING),
        COPIERS: _command("work", *COPYING),
    }
    for name, argv in commands.items():
        program = Program(
            argv=argv,
            log_path=options.logs / f"{name}.log",
            env=environment,
            grace=SECONDS_TO_FINISH,
        )
        supervisor.start(name, program)
    url = supervisor.ready(API)
    # It comes back where it was: that is where everybody looks for it.
    supervisor.keep(API, _command("api", "--port", str(httpx.URL(url).port)))
    wait_until_healthy(url)
    for name in (STEERERS, COPIERS):
        supervisor.ready(name)
        supervisor.keep(name)
    return url


def wait_until_healthy(url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    with httpx.Client(base_url=url, trust_env=False, timeout=SECONDS_TO_ANSWER) as http:
        while True:
            try:
                http.get("/health").raise_for_status()
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                sleep(0.1)
            else:
                return


def _token(settings: Settings) -> str:
    return settings.api_token.get_secret_value() if settings.api_token else secrets.token_urlsafe()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "course_backfill", *arguments]
