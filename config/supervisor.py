"""Runs several programs side by side: starts again what dies, and leaves nothing behind however it ends.

Each program runs below a guard (guard.py) that leads a session of its own. The guard ends its group when the
program ends or when this process does, even by SIGKILL; should the guard itself die, this process ends the group.
"""

import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.guard import GRACE

GUARD = Path(__file__).with_name("guard.py")
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds before what died is started again
LONG_ENOUGH = 10.0  # seconds of running after which a program counts as sound again
TICK = 0.2  # seconds


class AlreadyRunning(Exception):
    """Another supervisor works on the same data."""


@contextmanager
def only_one(folder: Path) -> Iterator[int]:
    """Be the only supervisor of `folder`, or raise AlreadyRunning; yields a descriptor for the guards to keep.

    The system lets go of a lock when its last holder ends, so files left over are no obstacle.
    """
    with (folder / "up.lock").open("a+") as ours, (folder / "up.guards.lock").open("a+") as guards:
        _lock(ours, seconds=0)
        # After a SIGKILL the guards of the one before need a moment to end what they guard.
        _lock(guards, seconds=GRACE + 3)
        ours.truncate(0)
        ours.write(f"{os.getpid()}\n")
        ours.flush()
        yield guards.fileno()


def _lock(file, seconds) -> None:
    patience = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= patience:
                file.seek(0)
                raise AlreadyRunning(file.read().strip()) from error
        time.sleep(TICK)


@dataclass
class Program:
    """One program to keep running: its command, and what it gets besides."""

    name: str
    command: list[str]
    environment: dict[str, str]
    descriptors: tuple[int, ...] = ()
    guard: subprocess.Popen | None = None
    lifeline: int = -1
    started_at: float = 0.0
    start_at: float = 0.0
    pause: float = FIRST_PAUSE
    unfinished_line: bytes = b""

    def start(self, lock: int, folder: Path) -> None:
        """Start the program below a guard that holds `lock`, in `folder`."""
        theirs, self.lifeline = os.pipe()
        try:
            self.guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", str(GUARD), str(theirs), str(lock), *self.command],
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs, lock, *self.descriptors),
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        os.set_blocking(self.guard.stdout.fileno(), False)
        self.started_at = time.monotonic()

    def stop(self) -> None:
        """Ask the guard to end the program, by letting go of its lifeline."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1

    def kill(self) -> None:
        """End whatever is left of the program's group at once."""
        try:
            os.killpg(self.guard.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone; macOS says the second of what is only a zombie
            pass

    def is_over(self) -> bool:
        """Whether the guard has ended; then nothing of its group is left either."""
        if self.guard is None:
            return True
        if self.guard.poll() is None:
            return False
        self.kill()
        return True

    def rest(self) -> float:
        """Put off the next start, longer each time unless the program ran well before; returns the pause."""
        now = time.monotonic()
        if now - self.started_at >= LONG_ENOUGH:
            self.pause = FIRST_PAUSE
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE)
        self.start_at = now + pause
        return pause


@dataclass
class Supervisor:
    """Keeps `programs` running in `folder` until it is asked to stop; `say` is given each line they print."""

    programs: list[Program]
    folder: Path
    lock: int
    say: Callable[[str, str], None]
    is_stopping: bool = False
    _output: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or a closed terminal; none of the programs is left afterwards."""
        with self._signals():
            try:
                while not self.is_stopping:
                    self._restart()
                    self._listen()
            finally:
                self._stop()

    def ask_to_stop(self, *_) -> None:
        """Stop soon; asked a second time, without waiting for anything to end well."""
        if self.is_stopping:
            for program in self.programs:
                program.kill()
        self.is_stopping = True

    @contextmanager
    def _signals(self):
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self.ask_to_stop) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _restart(self) -> None:
        for program in self.programs:
            if program.guard is not None and program.is_over():
                self._forget(program)
                self.say(program.name, f"starting again in {program.rest():.1f} s")
            if program.guard is None and time.monotonic() >= program.start_at:
                program.start(self.lock, self.folder)
                self._output.register(program.guard.stdout, selectors.EVENT_READ, program)

    def _forget(self, program) -> None:
        program.stop()
        self._read(program)
        self._close(program)
        program.guard = None

    def _listen(self) -> None:
        if not self._output.get_map():
            time.sleep(TICK)
            return
        for key, _ in self._output.select(TICK):
            self._read(key.data)

    def _read(self, program) -> None:
        """Pass on whole lines; what is incomplete waits for its end."""
        if program.guard.stdout.closed:
            return
        try:
            chunk = os.read(program.guard.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        *lines, program.unfinished_line = (program.unfinished_line + chunk).split(b"\n")
        if not chunk or len(program.unfinished_line) > 65536:
            lines, program.unfinished_line = [*lines, program.unfinished_line], b""
        for line in filter(None, lines):
            self.say(program.name, line.decode("utf-8", "replace"))
        if not chunk:
            self._close(program)

    def _close(self, program) -> None:
        if not program.guard.stdout.closed:
            self._output.unregister(program.guard.stdout)
            program.guard.stdout.close()

    def _stop(self) -> None:
        started = [program for program in self.programs if program.guard is not None]
        for program in started:
            program.stop()
        patience = time.monotonic() + GRACE + 1.5
        while time.monotonic() < patience and not all(program.is_over() for program in started):
            self._listen()
        for program in started:
            program.kill()
            program.guard.wait()
            self._read(program)
            self._close(program)
        self._output.close()
