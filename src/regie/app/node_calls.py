"""What the control plane asks a serving node: how it is, and one row for a person who tries the endpoint.

Only at an address of this machine, as long as nodes answer nowhere else: the address is what the node itself reports, and nobody may
lead this server to another one by it. An answer has at most `ANSWER_BYTES`, and the whole call its time: who answers byte by byte is cut
off, and holds no thread. Raises NodeAway.
"""

import http.client
import json
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from regie.base.clock import monotonic
from regie.base.errors import RegieError
from regie.store.nodes import Node

HEALTH_S, ANSWER_S = 1.0, 10.0
ANSWER_BYTES = 1 << 20
HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class NodeAway(RegieError):
    """A serving node did not answer the control plane."""

    code, status, exit_code = "node.away", 502, 6


@dataclass(frozen=True)
class Answered:
    """What a node answered: the status, the JSON, and how long it took in milliseconds, both ways included."""

    status: int
    body: dict[str, Any]
    ms: float


def health(node: Node) -> dict[str, Any]:
    """The node's state."""
    return _ask(node, "GET", "/health", HEALTH_S).body


def invoke(node: Node, endpoint: str, row: dict[str, Any], request_id: str) -> Answered:
    """One row, answered by the endpoint. A refusal is an answer too."""
    body = json.dumps({"dataframe_records": [row]}).encode()
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
    return _ask(node, "POST", f"/endpoints/{quote(endpoint, safe='')}/invocations", ANSWER_S, body, headers)


def _ask(
    node: Node, method: str, path: str, timeout_s: float, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answered:  # fmt: skip
    began = monotonic()
    connection = _connection(node, timeout_s)
    # The socket's own limit is for each wait; this one is for all of them.
    cutting = threading.Timer(timeout_s, lambda: _cut(line))
    try:
        connection.connect()
        line: socket.socket = connection.sock  # the connection forgets it where the answer says that it is the last
        cutting.start()
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read(ANSWER_BYTES + 1)
        said = json.loads(data) if len(data) <= ANSWER_BYTES else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = f"no whole answer within {timeout_s:g} s"
        raise _away(node, late if monotonic() - began >= timeout_s else f"{type(error).__name__}: {error}") from error
    finally:
        cutting.cancel()
        connection.close()
    if not isinstance(said, dict):
        raise _away(node, "its answer is no JSON object, or too long")
    return Answered(answer.status, said, (monotonic() - began) * 1000)


def _cut(line: socket.socket) -> None:
    """End what another thread reads from."""
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _connection(node: Node, timeout_s: float) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(node.address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _away(node, f"its address {node.address[:80]!r} is none") from None
    if parts.scheme != "http" or host not in HERE or port is None:
        raise _away(node, f"its address {node.address[:80]!r} is not of this machine")
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _away(node: Node, why: str) -> NodeAway:
    return NodeAway(f"the serving node did not answer: {why}", f"node {node.id}", "regie status; see HOME/logs/serve.log")
