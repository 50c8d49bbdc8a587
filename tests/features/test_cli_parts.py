"""The parts that run alone: the embedded AWS, the API, and a MongoDB that a dump is loaded into."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import bson
import httpx
import pytest

from tests.features.installation import COURSE, Installation
from tests.features.parts import TOKEN, Part, Shell, running, shell_beside
from tests.features.served import run_command

REGION = {"AWS_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def aws() -> Iterator[Part]:
    """The embedded AWS, alone."""
    with running("aws", "--port", "0") as part:
        yield part


@pytest.fixture
def shell(installation: Installation) -> Iterator[Shell]:
    with shell_beside(installation) as made:
        yield made


def test_the_embedded_aws_is_set_up_as_any_other(aws: Part) -> None:
    settings = {**REGION, "AWS_ENDPOINT_URL": aws.url}
    first, again = (run_command("setup", "--json", **settings) for _ in range(2))

    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert {one["detail"].partition(";")[0] for one in again.document} == {"is there"}


def test_a_port_that_is_taken_is_refused_by_its_option(aws: Part) -> None:
    port = aws.url.rsplit(":", 1)[1]
    refusals = [run_command(part, "--port", port, **REGION) for part in ("aws", "api")]

    assert [one.code for one in refusals] == [2, 2]
    assert all("--port" in one.err for one in refusals)


def test_ctrl_c_ends_a_part_in_peace() -> None:
    with running("aws", "--port", "0") as part:
        assert part.stop() == 0


def test_the_api_prints_the_token_that_it_made_and_keeps_one_that_was_given(aws: Part) -> None:
    settings = {**REGION, "AWS_ENDPOINT_URL": aws.url}
    with running("api", **settings) as own:
        (line,) = [line for line in own.lines if line.startswith("Token: ")]
        made = line.removeprefix("Token: ")
        answers = [_status(own.url, token) for token in (made, "another")]
        code = own.stop()
    with running("api", **settings, COURSE_BACKFILL_API_TOKEN=TOKEN) as given:
        printed = [line for line in given.lines if TOKEN in line or "Token" in line]

    assert answers == [200, 401]
    assert (code, printed) == (0, [])


def test_the_api_takes_the_tokens_of_its_clients_for_their_scopes_and_prints_none(
    aws: Part,
) -> None:
    clients = [{"id": "dashboard", "token": f"{TOKEN}-2", "scopes": ["ingests:read"]}]
    settings = {
        **REGION,
        "AWS_ENDPOINT_URL": aws.url,
        "COURSE_BACKFILL_API_CLIENTS": json.dumps(clients),
    }
    with running("api", **settings) as own:
        headers = {"authorization": f"Bearer {TOKEN}-2"}
        begun = httpx.post(f"{own.url}/discoveries", headers=headers)
        seen = [_status(own.url, token) for token in (f"{TOKEN}-2", TOKEN)]

    assert (seen, begun.status_code) == ([200, 401], 403)
    assert not [line for line in own.lines if "Token" in line or TOKEN in line]


def test_a_dump_is_loaded_where_it_is_told_to_and_never_over_content(
    shell: Shell, installation: Installation, tmp_path: Path
) -> None:
    installation.save(COURSE, "sound.txt", b"alpha")
    _dump(installation, tmp_path)
    target = f"{installation.database.name}_loaded"
    wanted = ("load-dump", str(tmp_path), "--mongo-database", target)
    unnamed = shell.command(*wanted, "--data-dir", str(tmp_path / "nothing"))
    into = (*wanted, "--mongo-uri", shell.settings["MONGO_URI"])
    loaded, again = shell.command(*into), shell.command(*into)
    database = installation.database.client[target]
    stored = {name: list(database[name].find()) for name in ("fs.files", "fs.chunks")}
    installation.database.client.drop_database(target)

    assert (unnamed.code, loaded.code, again.code) == (2, 0, 2), loaded.err
    assert "--mongo-uri" in unnamed.err
    assert "fs.files" in loaded.out
    assert "not empty" in again.err
    assert stored == {name: list(installation.database[name].find()) for name in stored}


def _dump(installation: Installation, folder: Path) -> None:
    """As mongodump writes it: one collection plain, one gzipped."""
    for name, suffix in (("fs.files", ".bson"), ("fs.chunks", ".bson.gz")):
        content = b"".join(map(bson.encode, installation.database[name].find()))
        path = folder / f"{name}{suffix}"
        path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)


def _status(url: str, token: str) -> int:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{url}/openapi.json", headers=headers).status_code
