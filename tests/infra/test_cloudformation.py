"""CloudFormation takes the templates: its own schemas hold every property of every resource."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.stage import stages
from tests.infra.templates import STAGES, Templates

NEEDLESS_DEPENDENCY = "W3005"
"""A dependency that a reference implies as well: the CDK writes both."""


@pytest.mark.parametrize("stage", stages(STAGES))
def test_cloudformation_would_take_every_template(
    templates: Templates, stage: str, tmp_path: Path
) -> None:
    for name, template in templates[stage].items():
        (tmp_path / f"{name}.template.json").write_text(json.dumps(template))

    said = subprocess.run(  # noqa: S603 - Our own templates.
        [
            Path(sys.executable).with_name("cfn-lint"),
            *("--ignore-checks", NEEDLESS_DEPENDENCY, "--"),
            *sorted(tmp_path.glob("*.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
