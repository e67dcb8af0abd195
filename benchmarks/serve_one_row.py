"""One-row requests over HTTP: `regie serve` beside a plain FastAPI application with the same model, in the same run, in turns.

One client with one kept connection sends one request after the other. Regie checks the row, gives it an id and has its record in the
prediction log before it answers; the peer only answers.
"""

import http.client
import json
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import model
from benchmarks.processes import free_ports
from regie.serving.files import write_json
from regie.serving.routefile import write as write_routes

ROUNDS, OURS, THEIRS, WARM_UP = 7, 1_000, 200, 100  # a peer that is slower is asked less often
DIGEST = "sha256:" + "0" * 64
KEY = "cd" * 32
READY_S = 60.0


def run() -> list[str]:
    """Lines of a table: requests a second, the median of the rounds, and the ratio within each round."""
    estimator, ports = model.trained(), free_ports()
    bodies = [json.dumps({"dataframe_records": [row]}).encode() for row in model.records(OURS)]
    with tempfile.TemporaryDirectory() as folder:
        commands = (_ours(estimator, Path(folder), ports[0]), _theirs(estimator, Path(folder), ports[1]))
        started = [subprocess.Popen(command) for command in commands]
        try:
            figures = _measured(ports, bodies)
        finally:
            for process in started:
                process.terminate()
                process.wait(20)
    ratios = [own / peer for own, peer in figures]
    return [
        "| endpoint | requests a second |",
        "|---|---|",
        f"| `regie serve`, with its prediction log | {statistics.median(own for own, _ in figures):,.0f} |",
        f"| peer: FastAPI, uvicorn, a DataFrame of one row | {statistics.median(peer for _, peer in figures):,.0f} |",
        "",
        f"Ratio: {statistics.median(ratios):.1f} (between {min(ratios):.1f} and {max(ratios):.1f} over {ROUNDS} rounds of "
        f"{OURS:,} and {THEIRS} requests in turns).",
    ]


def _ours(estimator: Any, folder: Path, port: int) -> list[str]:
    home = folder / "home"
    model.package(estimator, home / "packages/one")
    champion = {"version": 1, "package": DIGEST, "path": "packages/one", "role": "champion", "mode": "live", "share": 1.0}
    endpoint = {
        "workspace": "benchmark", "mac_key": "ab" * 32, "generation": 1, "model": "one", "key": ["row"], "time": "at",
        "deadline_ms": 1000, "variants": [champion],
    }  # fmt: skip
    write_json(home / "node.json", {"id": "0" * 32, "tag": 0, "key": KEY})
    content = {"format": 1, "clock": "wall", "now_ms": 0, "endpoints": {"one": endpoint}}
    write_routes(home / "routes.json", content, bytes.fromhex(KEY))
    nobody = "http://127.0.0.1:9"  # no control plane: the data plane answers without one
    return [sys.executable, "-m", "regie.serving", "--home", str(home), "--server", nobody, "--port", str(port)]


def _theirs(estimator: Any, folder: Path, port: int) -> list[str]:
    (folder / "model.pkl").write_bytes(pickle.dumps(estimator))
    return [sys.executable, "-m", "benchmarks.peer", str(port), str(folder / "model.pkl")]


def _measured(ports: tuple[int, int], bodies: list[bytes]) -> list[tuple[float, float]]:
    connections = [connected(port) for port in ports]
    for connection in connections:
        _per_second(connection, bodies[:WARM_UP])
    figures = []
    for _ in range(ROUNDS):
        figures.append((_per_second(connections[0], bodies), _per_second(connections[1], bodies[:THEIRS])))
    for connection in connections:
        connection.close()
    return figures


def connected(port: int) -> http.client.HTTPConnection:
    until = time.monotonic() + READY_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().read():
                return connection
        except OSError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _per_second(connection: http.client.HTTPConnection, bodies: list[bytes]) -> float:
    began = time.perf_counter()
    for body in bodies:
        connection.request("POST", "/invocations", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
    return len(bodies) / (time.perf_counter() - began)


if __name__ == "__main__":
    print("\n".join(run()))
