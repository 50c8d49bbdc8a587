"""A stage's settings for a shell, as its functions have them: `python -m infra.shell STAGE`."""

from __future__ import annotations

import shlex
import sys

from course_backfill.errors import InvalidInput
from infra.app import find_stages
from infra.environment import environment


def main(arguments: list[str]) -> int:
    """Prints a line for every variable of the stage, its region too; the exit code."""
    try:
        for stage in find_stages(arguments[:1] or [""]):
            region = {"AWS_REGION": stage.region}
            for name, value in (region | environment(stage.settings)).items():
                print(f"export {name}={shlex.quote(value)}")
    except InvalidInput as error:
        for problem in error.problems:
            print(f"{problem.pointer}: {problem.detail}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
