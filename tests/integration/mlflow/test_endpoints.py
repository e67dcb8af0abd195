"""docs/mlflow.md lists every endpoint that the client's package declares, and says what a server answers."""

import importlib
import json
import pkgutil
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mlflow.protos
import pytest
from mlflow.protos import databricks_pb2

from regie.app.mlflow.routes import UNKNOWN
from regie.app.policy import ROUTES

PAGE = (Path(__file__).parents[3] / "docs" / "mlflow.md").read_text()
HERE = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in ROUTES if path not in UNKNOWN}


def declared() -> Iterator[tuple[str, str]]:
    """Method and path of every endpoint of the installed client."""
    for module in pkgutil.iter_modules(mlflow.protos.__path__):
        if not module.name.endswith("_pb2"):
            continue
        for service in importlib.import_module(f"mlflow.protos.{module.name}").DESCRIPTOR.services_by_name.values():
            for call in service.methods:
                for one in call.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                    path = re.sub(r"<path:(\w+)>", r"{\1}", one.path.lstrip("/"))
                    # Of MLflow's own versions the client sends the first number alone.
                    minor = one.since.minor if path.startswith("unity-catalog") else 0
                    yield one.method, f"/api/{one.since.major}.{minor}/{path}"


def table(mark: str) -> list[tuple[str, str, str]]:
    """(method, path, state) of a table of the page."""
    text = PAGE.split(f"<!-- {mark} -->")[1].split(f"<!-- end of {mark} -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    return [(method, path.strip("`"), state) for path, method, state, *_ in rows]


def known(method: str, path: str) -> bool:
    return (method, re.sub(r"\{[^}]*\}", "{}", path)) in HERE


def answer(url: str, method: str, path: str) -> tuple[int, dict]:
    body = None if method == "GET" else b"{}"
    request = urllib.request.Request(
        url + re.sub(r"\{[^}]*\}", "x", path), body, {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request) as found:
            return found.status, {"text": found.read().decode()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_page_lists_every_endpoint_that_the_installed_client_declares_and_no_other():
    rows = table("endpoints")
    assert Counter((method, path) for method, path, _ in rows) == Counter(set(declared()))
    states = Counter(state for _, _, state in rows)
    said = re.search(r"<!-- count -->(.*?)<!-- end -->", PAGE)
    assert said is not None
    assert said[1] == f"{len(rows)} declared: {states['there']} there, {states['not yet']} not yet, {states['never']} never"


def test_what_the_page_calls_there_is_a_route_of_ours_and_every_route_of_ours_is_on_the_page():
    listed = table("endpoints") + table("other routes")
    assert [row for row in listed if row[2] == "there" and not known(row[0], row[1])] == []
    shown = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path, _ in listed}
    wire = {one for one in HERE if "/mlflow" in one[1] and one[1].startswith("/api/") and one[1].split("/")[2] != "v1"}
    spoken = {(method, path.replace("/ajax-api/", "/api/")) for method, path in shown}
    assert wire - spoken == set()


@pytest.mark.parametrize("mark", ["endpoints", "other routes"])
def test_what_the_page_does_not_call_there_answers_501_with_its_name(server, mark):
    rows = [(method, path) for method, path, state in table(mark) if state in ("not yet", "never")]
    assert rows
    for method, path in rows:
        status, said = answer(server.url, method, path)
        assert (status, said["error_code"]) == (501, "NOT_IMPLEMENTED"), (method, path, said)
        assert method in said["message"] or "not there yet" in said["message"]


def test_another_method_of_a_known_path_is_405_and_says_which_there_is(server):
    status, said = answer(server.url, "POST", "/api/2.0/mlflow/runs/get")
    assert (status, said["error_code"]) == (405, "BAD_REQUEST")
    assert "send GET" in said["message"]
