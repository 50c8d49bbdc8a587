"""The Lambda package: whose wheels it holds, what of us, how small it is, that it stays equal."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import packaging
from infra.packaging import BOTO_SERVICES, HERE, PackagingError, Platform, package, size

AARCH64 = 183
"""What an ELF file says of its machine, by the ELF specification."""
MOST_FILES = 60_000_000
MOST_ZIPPED = 20_000_000
"""Bytes: a fourth of what Lambda takes, and less than half of what can be sent without S3."""

IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.append(sys.argv[1])
for name in ("course_backfill", "services"):
    folder = importlib.import_module(name).__path__
    for found in pkgutil.walk_packages(folder, f"{name}."):
        print(importlib.import_module(found.name).__name__)
"""


@pytest.fixture(scope="module")
def made() -> Path:
    return package()


@pytest.fixture(scope="module")
def made_here() -> Path:
    return package(platform=HERE)


def compiled(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.so*") if path.is_file()]


def modules(folder: Path) -> set[str]:
    """What can be imported from there: compiled or not, for whichever machine and Python."""
    found = (path for kind in ("*.py", "*.so") for path in folder.rglob(kind))
    return {str((one.parent / one.name.partition(".")[0]).relative_to(folder)) for one in found}


def everything(folder: Path) -> list[tuple[str, int, float, bytes]]:
    return [
        (str(path.relative_to(folder)), path.stat().st_mode, path.stat().st_mtime, content)
        for path in sorted(folder.rglob("*"))
        for content in [path.read_bytes() if path.is_file() else b""]
    ]


def clients_named(path: Path) -> Iterator[str]:
    """The services that a module makes clients of."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="client" | "create_client"),
                args=[ast.Constant(value=str(service)), *_],
            ):
                yield service
            case ast.Call(
                func=ast.Name(id="partial"),
                args=[
                    ast.Attribute(attr="client" | "create_client"),
                    ast.Constant(value=str(service)),
                    *_,
                ],
            ):
                yield service
            case _:
                pass


def test_everything_compiled_is_for_lambdas_processor(made: Path) -> None:
    machines = {path.name: path.read_bytes()[:20] for path in compiled(made)}
    assert len(machines) >= 5
    assert {head[:4] for head in machines.values()} == {b"\x7fELF"}
    assert {int.from_bytes(head[18:20], "little") for head in machines.values()} == {AARCH64}


def test_lambda_can_import_what_this_machine_can(made: Path, made_here: Path) -> None:
    assert modules(made) == modules(made_here)


def test_our_modules_need_nothing_that_is_not_shipped(made_here: Path, tmp_path: Path) -> None:
    isolated = ["-I", "-S", "-X", f"pycache_prefix={tmp_path}", "-W", "error"]
    done = subprocess.run(  # noqa: S603 - This Python.
        [sys.executable, *isolated, "-c", IMPORT_ALL, str(made_here)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "services.janitor.handler" in done.stdout.split()


def test_the_command_and_the_stack_of_one_machine_are_not_shipped(made: Path) -> None:
    assert {path.parent.name for path in made.glob("services/*/handler.py")} == {
        path.parent.name for path in (packaging.ROOT / "services").glob("*/handler.py")
    }
    shipped = {path.name for path in (made / "course_backfill").iterdir()}
    assert shipped.isdisjoint({"cli", "local", "__main__.py"})
    assert not any((made / name).exists() for name in ("moto", "uvicorn", "typer", "pytest"))


def test_nothing_is_shipped_that_nobody_runs(made: Path) -> None:
    suffixes = {path.suffix for path in made.rglob("*") if path.is_file()}
    assert suffixes.isdisjoint({".pyc", ".pyi", ".c", ".h", ".rst"})
    assert not list(made.rglob("__pycache__"))
    assert not [path for path in made.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_every_dependency_says_what_it_is_and_under_which_licence(made: Path) -> None:
    told = list(made.glob("*.dist-info"))
    locked = [line for line in packaging.LOCK.read_text().splitlines() if "==" in line]
    assert len(told) == len(locked)
    assert all((folder / "METADATA").is_file() for folder in told)


def test_aws_is_described_for_the_services_that_we_use_and_no_other(made: Path) -> None:
    sources = [packaging.ROOT / path for path in packaging.own_files()]
    assert {service for path in sources for service in clients_named(path)} == BOTO_SERVICES
    described = {path.name for path in (made / "botocore" / "data").iterdir() if path.is_dir()}
    assert described == BOTO_SERVICES


def test_the_package_is_small(made: Path) -> None:
    found = size(made)
    assert found.files < MOST_FILES
    assert found.zipped < MOST_ZIPPED


def test_the_same_input_gives_the_same_package_and_is_built_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for name in ("one", "two"):
        monkeypatch.setattr(packaging, "BUILD", tmp_path / name)
        made.append(package())
    one, two = made
    assert one.name == two.name
    assert everything(one) == everything(two)
    monkeypatch.setattr(packaging, "_fill", pytest.fail)
    assert package() == two


def test_other_code_gives_another_package(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    less = [path for path in packaging.own_files() if path.name != "handler.py"]
    monkeypatch.setattr(packaging, "own_files", lambda: iter(less))
    monkeypatch.setattr(packaging, "_fill", lambda folder, _: folder.mkdir())
    other = package()
    try:
        assert other.name != made.name
    finally:
        other.rmdir()


def test_a_dependency_without_a_wheel_for_the_platform_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "BUILD", tmp_path)
    old = Platform("old", ("--python-platform=aarch64-manylinux_2_17", "--python-version=3.13"))
    with pytest.raises(PackagingError, match=r"requirements/lambda\.txt"):
        package(platform=old)
    assert list(tmp_path.iterdir()) == []


def test_packages_that_nobody_asks_for_are_discarded_after_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "BUILD", tmp_path)
    monkeypatch.setattr(packaging, "_fill", lambda folder, _: folder.mkdir())
    for name, minutes in [("lambda-old", 61), ("lambda-recent", 59), ("other-old", 61)]:
        (tmp_path / name).mkdir()
        then = (tmp_path / name).stat().st_mtime - minutes * 60
        os.utime(tmp_path / name, (then, then))
    made = package()
    assert {path.name for path in tmp_path.iterdir()} == {made.name, "lambda-recent", "other-old"}
