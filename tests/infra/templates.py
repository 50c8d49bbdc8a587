"""Templates as tests look at them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.app import build, flags
from infra.stage import Stage, stages

STAGES = Path(__file__).parent / "stages"
"""Of the tests' own: what an operator writes into those of the installation breaks no test."""

Template = dict[str, Any]
Templates = dict[str, dict[str, Template]]
"""Stage → stack → template."""


def synthesise(scratch: Path) -> Templates:
    """All stages of the tests; the functions' code is a folder with nothing of use."""
    code = scratch / "code"
    code.mkdir()
    (code / "nothing.txt").write_text("Packaging has tests of its own.")
    found: Templates = {}
    for name, file in stages(STAGES).items():
        out = scratch / "cdk.out" / name
        app = App(outdir=str(out), context=dict(flags()))
        build(app, Stage.load(file), code=code)
        app.synth()
        found[name] = {
            template.name.removesuffix(".template.json"): json.loads(template.read_text())
            for template in sorted(out.glob("*.template.json"))
        }
    return found


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Logical id → properties of the resources of a type such as `AWS::SQS::Queue`."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def named(template: Template, kind: str, name: str) -> dict[str, dict[str, Any]]:
    """The same by the property that names them."""
    return {properties[name]: properties for properties in of_type(template, kind).values()}


def stack(templates: Templates, stage: str, end: str) -> Template:
    """The stack of a stage whose name ends so."""
    (found,) = (one for name, one in templates[stage].items() if name.endswith(end))
    return found


def loaded(stage: str) -> Stage:
    """A stage of the tests."""
    return Stage.load(stages(STAGES)[stage])


def attribute(reference: Any) -> str:
    """The logical id that `Fn::GetAtt` or `Ref` refers to."""
    match reference:
        case {"Fn::GetAtt": [str(name), *_]} | {"Ref": str(name)}:
            return name
        case _:
            raise AssertionError(f"no reference: {reference!r}")


def without_empty(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What says something."""
    return {name: value for name, value in properties.items() if value not in (None, "", [], {})}
