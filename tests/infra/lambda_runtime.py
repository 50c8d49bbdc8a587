"""What Lambda's runtime does, in the package's Python: imports a handler, calls it event by event.

Run as a file by an isolated Python that finds the standard library alone; the package is added.
Imports of this module are part of what the handler finds loaded: few, and none but the standard
library's.
"""

import importlib
import json
import sys
import time
import traceback
from typing import Any


class Context:
    """Lambda's context of one run."""

    memory_limit_in_mb = 512
    function_version = "$LATEST"
    seconds = 300

    def __init__(self, function_name: str, request_id: str) -> None:
        self.function_name = function_name
        self.aws_request_id = request_id
        self.invoked_function_arn = (
            f"arn:aws:lambda:eu-west-1:123456789012:function:{function_name}"
        )
        self._deadline = time.monotonic() + self.seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the run."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def serve(package: str, module: str, function_name: str) -> None:
    """Answers each line of stdin, an event, with a line: what the handler gave, or how it ended."""
    # Whatever a handler prints is its log, as on Lambda, and no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.path.append(package)
    handler = importlib.import_module(module).lambda_handler
    print(json.dumps({"path": sys.path}), file=answers, flush=True)
    for number, line in enumerate(sys.stdin):
        answer: dict[str, Any]
        try:
            answer = {"answer": handler(json.loads(line), Context(function_name, str(number)))}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
