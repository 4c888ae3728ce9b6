"""Stands between `manage.py up` and one of its processes, so that none of them outlives it.

    guard.py LIFELINE LOCK COMMAND …

LIFELINE is the reading end of a pipe whose only writing end is in `up`: when it closes, `up` has stopped or
was killed. LOCK is kept open as long as this lives. Run as a script, in a session and process group of its
own, with the standard library alone: it must cost little, and must not fail for want of anything.
"""

import os
import select
import signal
import subprocess
import sys

GRACE = 7.0  # seconds a process has to end by itself once it was asked to


def main(lifeline: int, lock: int, command: list[str]) -> None:
    """Run the command until it ends or `up` does; then nothing of the group is left, this process included."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    # A handler instead of SIG_IGN: what is ignored stays ignored in the command, which could not be asked to end.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    for descriptor in (lifeline, lock):
        os.set_inheritable(descriptor, False)
    child = subprocess.Popen(command, close_fds=False)  # noqa: S603
    try:
        if _wait(child, woken, lifeline):
            _tell(child.returncode)
        else:
            _end(child)
    finally:
        os.killpg(0, signal.SIGKILL)


def _wait(child, woken, lifeline) -> bool:
    """Sleep until the command ends (True) or the lifeline does (False)."""
    while child.poll() is None:
        ready, _, _ = select.select([lifeline, woken], [], [])
        if lifeline in ready:
            return False
        os.read(woken, 512)
    return True


def _end(child) -> None:
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        print(f"did not end within {GRACE:.0f} s and is killed", file=sys.stderr)  # noqa: T201


def _tell(code) -> None:
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    print(how, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
