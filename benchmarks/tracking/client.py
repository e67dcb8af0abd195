"""The load: a small HTTP client that keeps its connection, the same for both servers. Its own cost is in the wall's time only."""

import http.client
import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

WIRE, PAGES = "/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"
JSON = {"content-type": "application/json"}
LIMIT_S = 120.0
RESTS_S = 3.0  # servers close a connection that rests for longer, uvicorn after 5 s
LATE = f"no answer in {LIMIT_S:.0f} s".encode()
PIECE = 1 << 20
START_MS = 1_760_000_000_000  # when all runs began


class Refused(Exception):
    """Not the answer that was asked for."""


class Late(Refused):
    """No answer in time."""


class Client:
    """One connection. Not for two threads."""

    def __init__(self, port: int) -> None:
        self.http, self.used_s = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S), 0.0

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer; status 0 where the connection broke or nothing came in time."""
        if time.monotonic() - self.used_s > RESTS_S:
            self.http.close()
        try:
            self.http.request(method, path, body, headers or {})
            answer = self.http.getresponse()
            said = answer.read()
            self.used_s = time.monotonic()
            return answer.status, said
        except TimeoutError:
            self.http.close()
            return 0, LATE
        except (OSError, http.client.HTTPException) as error:
            self.http.close()  # the next request connects anew
            return 0, str(error).encode()

    def post(self, call: str, **said: Any) -> dict[str, Any]:
        """Raises Refused."""
        return self.read(*self.ask("POST", WIRE + call, json.dumps(said), JSON))

    def get(self, call: str, base: str = WIRE, **query: Any) -> dict[str, Any]:
        """Raises Refused."""
        return self.read(*self.ask("GET", f"{base}{call}?{urlencode(query)}"))

    def put(self, path: str, pieces: bytes | Iterable[bytes], size: int) -> None:
        """Raises Refused."""
        headers = {"content-length": str(size), "content-type": "application/octet-stream"}
        self.read(*self.ask("PUT", path, pieces, headers))

    def size_of(self, path: str) -> int:
        """Bytes of a download, read and thrown away. Raises Refused."""
        self.http.request("GET", path)
        answer, size = self.http.getresponse(), 0
        while piece := answer.read(PIECE):
            size += len(piece)
        if answer.status != 200:
            raise Refused(f"{answer.status} for {path}")
        return size

    def read(self, status: int, said: bytes) -> dict[str, Any]:
        """Raises Refused, Late."""
        if (status, said) == (0, LATE):
            raise Late(said.decode())
        if status != 200:
            raise Refused(f"{status}: {said[:300].decode(errors='replace')}")
        return dict(json.loads(said)) if said else {}

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, made if it is not there."""
        status, said = self.ask("GET", f"{WIRE}experiments/get-by-name?{urlencode({'experiment_name': name})}")
        if status == 200:
            return str(json.loads(said)["experiment"]["experiment_id"])
        return str(self.post("experiments/create", name=name)["experiment_id"])

    def run(self, experiment_id: str) -> dict[str, Any]:
        """A new run's info."""
        return dict(
            self.post("runs/create", experiment_id=experiment_id, start_time=START_MS, run_name="measured")["run"]["info"]
        )

    def close(self) -> None:
        self.http.close()
