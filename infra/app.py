"""The CDK app of one stage.

`python -m infra.app [stage ...]` writes cdk.out/{stage} of these stages, or of all. The CDK's own
command has the stage in its context: `cdk deploy --all -c stage=prod`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from course_backfill.errors import InvalidInput, Problem
from infra.packaging import PackagingError, package
from infra.pipeline_stack import PipelineStack
from infra.stage import FOLDER, Stage, stages
from infra.storage_stack import RegionStack, StorageStack, other_regions

ROOT = Path(__file__).parent.parent
OUT = ROOT / "cdk.out"


def build(app: App, stage: Stage, *, code: Path) -> None:
    """Adds everything of a stage to the app; `code` is the folder that all functions run."""
    storage = StorageStack(app, stage)
    for region in other_regions(stage):
        RegionStack(app, stage, region)
    PipelineStack(app, stage, code=code).add_stack_dependency(storage)
    Tags.of(app).add("course-backfill", stage.settings.namespace)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def flags() -> Mapping[str, Any]:
    """What of the CDK's behaviour is chosen in cdk.json, for apps that its command does not run."""
    chosen: Mapping[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return chosen


def find_stages(names: Sequence[str]) -> list[Stage]:
    """The stages of these names, or all; raises InvalidInput that names every mistake of theirs.

    A stage that would be deployed over another one is a mistake, whichever of the two is asked for.
    """
    files = stages(FOLDER)
    known = ", ".join(files)
    unknown = [
        Problem(one, f"no such stage; there are {known}") for one in names if one not in files
    ]
    if unknown:
        raise InvalidInput(*unknown)
    read = {name: _read(file) for name, file in files.items()}
    found = [read[name] for name in names or files]
    loaded = [one for one in read.values() if isinstance(one, Stage)]
    wanted = [one for one in found if isinstance(one, Stage)]
    problems = [
        *(problem for one in found if isinstance(one, InvalidInput) for problem in one.problems),
        *_of_places(loaded, wanted),
    ]
    if problems:
        raise InvalidInput(*problems)
    return wanted


def main(arguments: Sequence[str]) -> int:
    """Synthesises; the exit code."""
    try:
        if "CDK_OUTDIR" in os.environ:
            _serve_cdk()
        else:
            for stage in find_stages(arguments):
                _synthesise(stage, OUT / stage.name)
    except InvalidInput as error:
        for problem in error.problems:
            print(f"{problem.pointer}: {problem.detail}", file=sys.stderr)
        return 2
    except PackagingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _read(file: Path) -> Stage | InvalidInput:
    try:
        return Stage.load(file)
    except InvalidInput as error:
        return error


def _of_places(loaded: Sequence[Stage], wanted: Sequence[Stage]) -> Iterator[Problem]:
    """Names in an account and region begin with the namespace: two stages would share them all."""
    places: dict[tuple[str, str, str], list[Stage]] = {}
    for one in loaded:
        place = (one.settings.namespace, one.account, one.region)
        places.setdefault(place, []).append(one)
    for (namespace, account, region), there in places.items():
        if len(there) > 1 and any(one in wanted for one in there):
            yield Problem(
                " and ".join(f"{one.name}.toml" for one in there),
                f"expected namespaces of their own, and each is {namespace} in the account "
                f"{account} and {region}: one would be deployed over the other",
            )


def _synthesise(stage: Stage, folder: Path) -> None:
    code = package()
    if folder.exists():
        # Stacks that the stage no longer has would stay, and `cdk --app` would deploy them.
        shutil.rmtree(folder)
    app = App(outdir=str(folder), context=flags())
    build(app, stage, code=code)
    app.synth()
    print(f"{stage.name}: {', '.join(_told(folder))}")


def _serve_cdk() -> None:
    """The CDK's command tells the folder and the context by the environment."""
    app = App()
    name = app.node.try_get_context("stage")
    if not name:
        raise InvalidInput(
            Problem("-c stage", f"is not set; there are {', '.join(stages(FOLDER))}")
        )
    (stage,) = find_stages([name])
    build(app, stage, code=package())
    app.synth()


def _told(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*.template.json")):
        count = len(json.loads(file.read_text())["Resources"])
        size = file.stat().st_size / 1_000
        yield f"{file.name.removesuffix('.template.json')} {count} resources in {size:.0f} kB"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
