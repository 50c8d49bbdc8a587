"""What tests of the deployment share."""

from __future__ import annotations

import infra  # noqa: F401 - before any test imports aws_cdk: it chooses the Node that the CDK runs on.
