"""Real packages, a real serving process, a client with kept connections, and a small control plane for the contract."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from regie.base.blobs import BlobStore
from regie.predictions.segments import HEADER_BYTES, read_records, segment_path, segments, whole_records
from regie.runtime.manifest import pack
from regie.runtime.package import write_package
from regie.runtime.signature import Column
from regie.serving.files import write_json
from regie.serving.routefile import write as write_routes

MAC_KEY = "ab" * 32
SIGNATURE = (Column("carrier", "str"), Column("distance", "float"), Column("hour", "int"))
ROW = {"carrier": "AA", "distance": 500.0, "hour": 8}


def frame(rows: int, seed: int) -> Any:
    import numpy
    import pandas

    random = numpy.random.default_rng(seed)
    return pandas.DataFrame({
        "carrier": pandas.Categorical(random.choice(["AA", "UA", "DL"], rows), categories=["AA", "DL", "UA"]),
        "distance": random.uniform(100, 2500, rows), "hour": random.integers(0, 24, rows),
    })  # fmt: skip


def write_lightgbm(folder: Path, seed: int) -> None:
    import lightgbm
    import numpy

    inputs = frame(600, seed)
    late = (inputs["hour"] > 12).to_numpy() ^ (numpy.random.default_rng(seed).random(600) < 0.2)
    model = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=7, verbose=-1, n_jobs=1, random_state=seed).fit(inputs, late)
    write_package(folder, model, SIGNATURE, inputs, True, "binary")


def write_sklearn(folder: Path) -> None:
    """A regression on two of the columns' like: takes other columns than the LightGBM packages."""
    from sklearn.linear_model import LinearRegression

    inputs = frame(200, 1)[["distance", "hour"]]
    model = LinearRegression().fit(inputs, inputs["distance"] * 2 + inputs["hour"])
    write_package(folder, model, (Column("distance", "float"), Column("hour", "int")), inputs, None, "regression")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three LightGBM packages of one signature, and one of scikit-learn."""
    root = tmp_path_factory.mktemp("packages")
    for number in (1, 2, 3):
        write_lightgbm(root / f"lgb{number}", number)
    write_sklearn(root / "linear")
    return {path.name: path for path in root.iterdir()}


def digest_name(name: str) -> str:
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def variant(
    version: int, package: str, role: str = "champion", mode: str = "live", share: float = 1.0, **more: Any
) -> dict[str, Any]:
    return {"version": version, "package": digest_name(package), "path": f"packages/{package}", "role": role, "mode": mode,
            "share": share, **more}  # fmt: skip


def route(variants: list[dict[str, Any]], generation: int = 1, **more: Any) -> dict[str, Any]:
    return {"workspace": "flights", "mac_key": MAC_KEY, "generation": generation, "model": "flights", "key": ["flight"],
            "time": "at", "deadline_ms": 1000, "variants": variants, **more}  # fmt: skip


class Node:
    """A serving process of one home."""

    def __init__(self, home: Path, server: str = "http://127.0.0.1:9") -> None:
        self.home, self.server = home, server
        self.process: subprocess.Popen[bytes] | None = None
        self.seen: dict[int, int] = {}  # where the records begin that a test asks for
        self.second = "1"  # the version beside the champion

    def routes(self, endpoints: dict[str, Any], packages: dict[str, Path], clock: str = "wall") -> None:
        (self.home / "packages").mkdir(parents=True, exist_ok=True)
        for name, path in packages.items():
            if not (self.home / "packages" / name).exists():
                (self.home / "packages" / name).symlink_to(path)
        content = {"format": 1, "clock": clock, "now_ms": 5000, "endpoints": endpoints}
        write_routes(self.home / "routes.json", content, bytes.fromhex(self.key))

    @property
    def key(self) -> str:
        """Of the seal; made here before the node's first start."""
        path = self.home / "node.json"
        if not path.exists():
            write_json(path, {"id": "0" * 32, "tag": 0, "key": "cd" * 32})
        return str(json.loads(path.read_text())["key"])

    def start(self, wait: bool = True, **environment: str) -> "Node":
        serve = self.home / "serve.json"
        serve.unlink(missing_ok=True)
        with (self.home.parent / f"{self.home.name}.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "regie.serving", "--home", str(self.home), "--server", self.server, "--port", "0"],
                stderr=errors, env={**os.environ, **environment},
            )  # fmt: skip
        if wait:
            until(lambda: serve.exists() and self.get("/health")[0] == 200)
        return self

    @property
    def port(self) -> int:
        return int(json.loads((self.home / "serve.json").read_text())["port"])

    @property
    def errors(self) -> str:
        return (self.home.parent / f"{self.home.name}.err").read_text()

    def client(self) -> "Client":
        return Client(self.port)

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with self.client() as client:
                return client.call("GET", path)
        except OSError:
            return 0, None

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(20)

    def forget(self) -> None:
        """From here on, `records` has what is answered from now on."""
        self.seen = {number: segment_path(self.home / "log", number).stat().st_size for number in segments(self.home / "log")}

    def takes(self, plane: "Plane", packages: dict[str, Path], variants: list[dict[str, Any]], **more: Any) -> "Node":
        """The node answers by these variants, each in its process; whatever is not version 1 is `second`, which has no past."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.second = str(int(self.second) + 1)
        wanted = plane.want(
            *(
                {**one, "version": 1 if one["version"] == 1 else int(self.second), "package": plane.add(packages[Path(one["path"]).name])}
                for one in variants
            ),
            **more,
        )  # fmt: skip
        until(lambda: plane.has(wanted))
        until(lambda: all(self.get("/health")[1]["endpoints"]["flights"]["processes"].values()))
        self.forget()
        return self

    def records(self) -> list[dict[str, Any]]:
        found = []
        for number in segments(self.home / "log"):
            data = segment_path(self.home / "log", number).read_bytes()[self.seen.get(number, HEADER_BYTES) :]
            found += [json.loads(payload) for payload in read_records(data[: whole_records(data)])]
        return found


class Client:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self.connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if "json" in (answer.getheader("content-type") or "") else text.decode()

    def ask(self, row: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        status, body = self.call("POST", "/invocations", {"dataframe_records": [ROW if row is None else row]}, **headers)
        assert status == 200, body
        return dict(body)


def until(holds: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := holds():
            return value
        time.sleep(0.02)
    raise AssertionError("it did not come true in time")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    one = Node(tmp_path / "node")
    one.home.mkdir()
    yield one
    if one.process and one.process.poll() is None:
        one.kill()


class Plane:
    """The contract of docs/reference/node-http.md with the standard library, for one node: keeps what it was sent, refuses gaps."""

    def __init__(self, folder: Path) -> None:
        self.blobs = BlobStore(folder)
        self.endpoints: dict[str, Any] = {}
        self.clock, self.flush, self.now_ms = "wall", 0, 0
        self.generation = 0  # the last that was wanted
        self.seen: dict[tuple[str, int], int] = {}  # where the records of this test begin
        self.reports: list[dict[str, Any]] = []
        self.refusals: list[dict[str, Any]] = []
        self.stored: dict[tuple[str, int], bytearray] = {}
        self.cut_uploads = self.forget_answers = 0
        self.server: ThreadingHTTPServer | None = None
        self.port = 0
        self.lock = threading.Lock()

    def add(self, package: Path) -> str:
        return pack(package, self.blobs)

    def start(self) -> None:
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                digest = self.path.rsplit("/", 1)[1]
                self.answer(200, plane.blobs.get(digest) if plane.blobs.has(digest) else b"{}")

            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers["content-length"])
                if "/segments/" in parts.path:
                    if plane.cut_uploads:
                        plane.cut_uploads -= 1
                        self.rfile.read(length // 2)
                        self.close_connection = True
                        return
                    _, _, _, _, name, _, number = parts.path.split("/")
                    status, wanted = plane.take(
                        name, int(number), int(parse_qs(parts.query)["offset"][0]), self.rfile.read(length)
                    )
                    if plane.forget_answers:
                        plane.forget_answers -= 1
                        self.close_connection = True
                        return
                    self.answer(status, json.dumps({"next": wanted}).encode())
                elif parts.path.endswith("/refusals"):
                    plane.refusals.append(json.loads(self.rfile.read(length)))
                    self.answer(200, b"{}")
                else:
                    self.answer(200, json.dumps(plane.sync(json.loads(self.rfile.read(length)))).encode())

            def answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sync(self, report: dict[str, Any]) -> dict[str, Any]:
        self.reports.append(report)
        end = time.monotonic() + (0.1 if report["wait"] else 0)
        while time.monotonic() < end and not self.behind(report):
            time.sleep(0.005)
        return {"flush": self.flush, "clock": {"mode": self.clock, "now_ms": self.now_ms}, "wait_ms": 100,
                "routes": {"format": 1, "clock": self.clock, "endpoints": self.endpoints}}  # fmt: skip

    def behind(self, report: dict[str, Any]) -> bool:
        wanted = {name: value["generation"] for name, value in self.endpoints.items()}
        later = any(
            number > report["generations"].get(name, 0) and name not in report["failed"] for name, number in wanted.items()
        )
        return later or self.flush > report["flush"]

    def take(self, name: str, number: int, offset: int, data: bytes) -> tuple[int, int]:
        with self.lock:
            have = self.stored.setdefault((name, number), bytearray())
            if offset > len(have):
                return 409, len(have)
            have += data[len(have) - offset :]
            return 200, len(have)

    def want(self, *variants: dict[str, Any], **more: Any) -> int:
        """Another route of the endpoint `flights`; returns its generation."""
        self.generation += 1
        plain = [{key: value for key, value in one.items() if key != "path"} for one in variants]
        self.endpoints = {"flights": route(plain, self.generation, **more)}
        return self.generation

    def has(self, generation: int) -> bool:
        """Whether the node says that it answers by it."""
        return bool(self.report["generations"] == {"flights": generation})

    @property
    def report(self) -> dict[str, Any]:
        return self.reports[-1] if self.reports else {"generations": {}, "failed": {}, "flush": 0}

    def records(self) -> list[dict[str, Any]]:
        found = []
        for key, data in list(self.stored.items()):  # each segment begins after the one before
            found += [json.loads(payload) for payload in read_records(bytes(data[self.seen.get(key, HEADER_BYTES) :]))]
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Plane]]:
    """A node with its control plane, for test after test: starting one takes seconds."""
    folder = tmp_path_factory.mktemp("synced")
    plane = Plane(folder / "blobs")
    plane.start()
    node = Node(folder / "node", plane.url)
    node.home.mkdir()
    yield node.start(), plane
    if node.process and node.process.poll() is None:
        node.kill()
    plane.stop()
