"""Becomes another program that ends when the process that started it ends, however that ends.

Run as a file: `bound_process.py PARENT_PID SIGNAL PROGRAM ARGUMENT…`. On Linux the kernel sends the
signal when the starting thread is gone, also after kill -9; on other systems it is an ordinary
start. This runs in the child itself, because between fork and exec of a program with threads no
Python code can run safely.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def bound(argv: list[str], ending: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command that runs `argv` bound to the calling thread, to be started by it."""
    return [
        sys.executable,
        # Isolated and without site packages, so that it takes a few milliseconds.
        "-I",
        "-S",
        str(Path(__file__)),
        str(os.getpid()),
        str(int(ending)),
        *argv,
    ]


def _main(parent: int, ending: int, argv: list[str]) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, ending) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:
            # It ended before the kernel knew of the wish.
            sys.exit(1)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - The caller's own command; there is no shell.
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
