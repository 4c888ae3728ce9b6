"""A mail server on a bare socket that writes down what it accepts, and fails as it is told. Costs little.

    python sink.py PORT LOG CONTROL

LOG gets a line per accepted message and recipient: the moment, the Message-ID, the address, by tabs. CONTROL is
a file of JSON, read again whenever it changes: `later` is the share answered 451, `lose` the share accepted whose
answer is lost, `hang` seconds without an answer for the share `hangs`, `delay` seconds between accepting and saying
so. Standard library alone: it is started often.
"""

import json
import os
import random
import re
import socket
import sys
import threading
import time

_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Sink:
    """What the server was told, and where it writes."""

    def __init__(self, log, control):
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.control, self.read_at, self.told = control, None, {}

    def now(self) -> dict:
        """What CONTROL says now."""
        try:
            changed_at = os.stat(self.control).st_mtime_ns
            if changed_at != self.read_at:
                with open(self.control) as file:
                    self.told, self.read_at = json.load(file), changed_at
        except (OSError, ValueError):
            pass  # none, or half written: what was told before holds
        return self.told

    def accept(self, content, recipients):
        """Write it down before anything is answered, so that nothing accepted is missed."""
        found = _ID.search(content)
        for address in recipients:
            line = f"{time.time():.6f}\t{found[1].decode() if found else ''}\t{address}\n"
            os.write(self.log, line.encode())


class Line:
    """One connection."""

    def __init__(self, sink, peer):
        self.sink, self.peer, self.rest, self.recipients = sink, peer, b"", []

    def until(self, end) -> bytes:
        """What comes up to `end`; the rest waits."""
        while (at := self.rest.find(end)) < 0:
            more = self.peer.recv(1 << 16)
            if not more:
                raise ConnectionError("the other side has gone")
            self.rest += more
        found, self.rest = self.rest[:at], self.rest[at + len(end) :]
        return found

    def say(self, text):
        self.peer.sendall(text.encode() + b"\r\n")

    def serve(self):
        """Talk until the other side has enough, or the line is to be lost."""
        try:
            self.say("220 sink")
            while self._answer(self.until(b"\r\n")):
                pass
        except OSError:
            pass
        finally:
            self.peer.close()

    def _answer(self, command) -> bool:
        verb = command[:4].upper()
        if verb == b"RCPT":
            self.recipients.append(command.partition(b"<")[2].partition(b">")[0].decode())
        elif verb == b"DATA":
            return self._data()
        elif verb == b"QUIT":
            self.say("221 bye")
            return False
        elif verb == b"MAIL":
            self.recipients = []
        self.say("250 ok")
        return True

    def _data(self) -> bool:
        told = self.sink.now()
        self.say("354 go on")
        content = self.until(b"\r\n.\r\n")
        if random.random() < told.get("later", 0):
            self.say("451 not now")
            return True
        if random.random() < told.get("hangs", 0):
            time.sleep(told["hang"])
            return False
        self.sink.accept(content, self.recipients)
        if random.random() < told.get("lose", 0):
            return False
        if delay := told.get("delay", 0):
            time.sleep(delay)
        self.say("250 kept")
        return True


def main(port, log, control):
    """Serve until killed."""
    sink = Sink(log, control)
    with socket.create_server(("127.0.0.1", port), backlog=100) as server:
        while True:
            peer, _ = server.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Line(sink, peer).serve, daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
