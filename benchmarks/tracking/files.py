"""Artifacts through the servers' proxies: one large file up and down, many small ones up. No two contents are the same."""

import os
from collections.abc import Iterator

from benchmarks.tracking.client import Client
from benchmarks.tracking.figures import Aim, Figure, Part, Round, Size, Took
from benchmarks.tracking.servers import Server, Spent
from benchmarks.tracking.writes import EXPERIMENT, each

MB = 1 << 20
SMALL_BYTES = 2_000
PROXY = "/api/2.0/mlflow-artifacts/artifacts/"


def large(server: Server, size: Size) -> Round:
    """100 MB."""
    return _up_and_down(server, size.of(100))


def huge(server: Server, size: Size) -> Round:
    """5 GB."""
    return _up_and_down(server, size.of(5_000))


def _up_and_down(server: Server, megabytes: int) -> Round:
    client = Client(server.port)
    path = f"{_root(client)}/large.bin"
    with server.spending() as up:
        client.put(path, _pieces(megabytes), megabytes * MB)
    with server.spending() as down:
        assert client.size_of(path) == megabytes * MB
    client.ask("DELETE", path)
    client.close()
    return _named("up", up[0], megabytes) | _named("down", down[0], megabytes)


def _named(way: str, spent: Spent, megabytes: int) -> Round:
    return {
        f"{way}_speed": Took(megabytes / spent.wall_s),
        f"{way}_cpu": Took(spent.cpu_s),
        f"{way}_grown": Took(spent.grown_mb),
    }


def _pieces(megabytes: int) -> Iterator[bytes]:
    piece, nonce = os.urandom(MB - 24), os.urandom(16)
    for number in range(megabytes):
        yield nonce + number.to_bytes(8, "big") + piece


def _root(client: Client) -> str:
    """Where the proxy has the files of a new run."""
    info = client.run(client.experiment(EXPERIMENT))
    return PROXY + str(info["artifact_uri"]).removeprefix("mlflow-artifacts:/")


def small(server: Server, size: Size) -> Round:
    """1,000 files of 2 kB, ten to a folder."""
    client, count = Client(server.port), size.of(1_000)
    root = _root(client)
    bodies = [os.urandom(SMALL_BYTES) for _ in range(count)]
    with server.spending() as spent:
        for place, body in enumerate(bodies):
            client.put(f"{root}/folder{place // 10}/{place}.bin", body, SMALL_BYTES)
    client.close()
    return each(spent[0], count)


def _figures(what: str) -> dict[str, Figure]:
    found = {}
    for way, said in (("up", f"{what} up"), ("down", f"{what} down")):
        found[f"{way}_speed"] = Figure(f"{said}: MB a second", Aim(times=1), more_is_better=True)
        found[f"{way}_cpu"] = Figure("CPU, s")
        found[f"{way}_grown"] = Figure("the server's memory grows by, MB", Aim(most=64))
    return found


PARTS = {
    "large_file": Part(large, _figures("100 MB"), rounds=3, databases=("SQLite",)),
    "huge_file": Part(huge, _figures("5 GB"), rounds=1, databases=("SQLite",), by_default=False),
    "small_files": Part(small, {"cpu": Figure("CPU a file, ms", Aim(times=1.5)), "wall": Figure("time a file, ms")}, rounds=3),
}
