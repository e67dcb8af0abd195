"""The stream of events as a browser reads it, by a socket of its own."""

import http.client
import json
import socket
import threading
from contextlib import suppress

READ_S = 30


class Reader:
    """One browser's stream."""

    def __init__(self, port, query="", **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READ_S)
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("GET", f"/api/v1/stream{query}", headers={"accept": "text/event-stream"} | said)
        self.answer = self.connection.getresponse()

    def next(self, kind=""):
        """The next message, of a kind if one is named; None where the stream has ended."""
        said, identity = None, ""
        while line := self.answer.readline():
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data":
                said = json.loads(value)
            elif name == "id":
                identity = value
            elif not line.strip() and said is not None:
                if kind in ("", said["kind"]):
                    return said | ({"at": identity} if identity else {})
                said, identity = None, ""
        return None

    def close(self):
        self.answer.close()
        self.connection.close()


class Browser:
    """Reads in a thread of its own, and comes back by itself where the stream has ended, with the last id that it has heard."""

    def __init__(self, port):
        self.port, self.heard, self.lost, self.boots = port, [], 0, []
        self._closed, self._reader = threading.Event(), None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def numbers(self):
        return [int(one["at"]) for one in self.heard]

    def close(self):
        self._closed.set()
        with suppress(OSError, AttributeError):  # it waits for what comes next, or for nothing any more
            self._reader.connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(READ_S)
        assert not self._thread.is_alive()

    def _read(self):
        while not self._closed.wait(0.02):
            with suppress(OSError, http.client.HTTPException):  # the server is away, or the stream broke off in a message
                self._reader = Reader(self.port, **({"last_event_id": self.heard[-1]["at"]} if self.heard else {}))
                while not self._closed.is_set() and (said := self._reader.next()) is not None:
                    self._take(said)
                self._reader.close()

    def _take(self, said):
        if said["kind"] == "event":
            self.heard.append(said)
        elif said["kind"] == "hello":
            self.boots.append(said["boot"])
        self.lost += said["kind"] == "lost"
