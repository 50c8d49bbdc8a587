"""The embedded AWS as a process: it says when it answers, stops cleanly, and stays small."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

COMMAND = [sys.executable, "-m", "course_backfill.local.embedded_aws"]
MIB = 1024 * 1024


@contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(  # noqa: S603  # This project's own module.
        [*COMMAND, *options], stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def client(url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_once_it_is_ready_and_leaves_nothing_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    with started(f"--data-dir={tmp_path}") as (process, line):
        word, _, url = line.strip().partition(" ")
        assert word == "Ready:"
        s3 = client(url)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=bytes(MIB))
        assert [path.stat().st_size for path in (tmp_path / "s3-objects").iterdir()] == [MIB]
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = subprocess.run(  # noqa: S603  # This project's own module.
            [*COMMAND, f"--port={port}"], capture_output=True, text=True, check=False, timeout=60
        )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Port {port} on 127.0.0.1 cannot be used")
    assert ended.stderr.count("\n") == 1


def test_its_memory_does_not_grow_with_the_objects(tmp_path: Path) -> None:
    with started(f"--data-dir={tmp_path}") as (process, line):
        s3 = client(line.strip().partition(" ")[2])
        server = psutil.Process(process.pid)
        s3.create_bucket(Bucket="bucket")
        where = {"Bucket": "bucket", "Key": "k"}
        before = server.memory_info().rss
        upload = s3.create_multipart_upload(**where)["UploadId"]
        body, parts = os.urandom(8 * MIB), []
        for number in range(1, 26):
            part = s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
        whole = {"Parts": parts}
        s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=whole)
        s3.copy_object(Bucket="bucket", Key="copy", CopySource=where)
        for chunk in s3.get_object(Bucket="bucket", Key="copy")["Body"].iter_chunks(8 * MIB):
            assert chunk
        assert server.memory_info().rss - before < 50 * MIB
