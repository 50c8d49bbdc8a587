"""Runs the embedded AWS as a process of its own: `--port N`, where 0 takes a free one."""

import argparse
import sys
from pathlib import Path

from course_backfill.local.embedded_aws.blobs import DirectoryInUse
from course_backfill.local.embedded_aws.server import PortInUse, serve_embedded_aws


def main() -> int:
    """Serves until it is told to end; gives the exit code."""
    parser = argparse.ArgumentParser(prog="embedded_aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data-dir", type=Path, help="where objects lie while it runs")
    arguments = parser.parse_args()
    try:
        serve_embedded_aws(
            arguments.port, arguments.data_dir, ready=lambda line: print(line, flush=True)
        )
    except (PortInUse, DirectoryInUse) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
