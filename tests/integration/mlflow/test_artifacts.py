import http.client
import os
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import mlflow
import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture
def run_id(server) -> str:
    client = server.client()
    return client.create_run(client.create_experiment(f"artifacts-{uuid4().hex}")).info.run_id


def raw(server, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """A call whose path nobody touches on its way."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_artifacts_are_uploaded_listed_and_downloaded(server, run_id, tmp_path):
    client = server.client()
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "a b.txt").write_text("one")
    (folder / "deep" / "ü.bin").write_bytes(os.urandom(3_000_000))
    client.log_artifacts(run_id, str(folder), "out")
    client.log_text(run_id, "hello", "note.txt")
    assert [(one.path, one.is_dir) for one in client.list_artifacts(run_id)] == [("note.txt", False), ("out", True)]
    assert [(one.path, one.file_size) for one in client.list_artifacts(run_id, "out") if not one.is_dir] == [("out/a b.txt", 3)]
    assert client.list_artifacts(run_id, "note.txt") == []
    back = Path(client.download_artifacts(run_id, "out", str(tmp_path)))
    assert (back / "deep" / "ü.bin").read_bytes() == (folder / "deep" / "ü.bin").read_bytes()
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/note.txt") == "hello"


def test_artifacts_of_a_workspace_come_back_through_its_own_address(server, tmp_path):
    client = server.client("gamma")
    run = client.create_run("0")
    client.log_text(run.info.run_id, "hello", "note.txt")
    assert Path(client.download_artifacts(run.info.run_id, "note.txt", str(tmp_path))).read_text() == "hello"
    status, _ = raw(server, "GET", f"/api/2.0/mlflow-artifacts/artifacts/runs/{run.info.run_id}/note.txt")
    assert status == 404


@pytest.mark.parametrize(
    "path", ["../x", "%2e%2e/x", "%252e%252e/x", "%25252e%25252e%25252fx", "a/%2e%2e/x", "a%00b", "a%2523", "./x", "a//b"]
)
def test_no_spelling_of_a_path_leads_out_of_its_run(server, run_id, path):
    for method in ("PUT", "GET", "DELETE"):
        status, body = raw(server, method, f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/{path}", b"x")
        assert status == 400
        assert b"INVALID_PARAMETER_VALUE" in body


def test_a_backslash_is_a_plain_name(server, run_id):
    assert raw(server, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/..%5cx", b"x")[0] == 200


@pytest.mark.parametrize("path", ["", "etc/passwd", "runs", "models/m-1/x", "packages/00/x"])
def test_there_are_no_places_but_runs_models_and_packages(server, path):
    assert raw(server, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", b"x")[0] in (400, 404)


def test_a_file_is_no_folder_and_a_folder_no_file(server, run_id):
    base = f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}"
    assert raw(server, "PUT", f"{base}/a/b", b"x")[0] == 200
    assert raw(server, "PUT", f"{base}/a", b"x")[0] == 400
    assert raw(server, "PUT", f"{base}/a/b/c", b"x")[0] == 400


def test_an_upload_that_breaks_off_stores_nothing(server, run_id):
    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.netloc)
    connection.putrequest("PUT", f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/broken")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    connection.send(b"x" * 1000)
    connection.close()
    assert server.client().list_artifacts(run_id) == []


def test_an_unknown_run_takes_no_artifact(server):
    assert raw(server, "PUT", "/api/2.0/mlflow-artifacts/artifacts/runs/none/x", b"x")[0] == 404
    with pytest.raises(MlflowException):
        server.client().list_artifacts("none")


def test_deleted_artifacts_are_gone(server, run_id):
    client = server.client()
    for name in ("dir/a", "dir/b", "c"):
        assert raw(server, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/{name}", b"x")[0] == 200
    assert raw(server, "DELETE", f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/dir")[0] == 200
    assert [one.path for one in client.list_artifacts(run_id)] == ["c"]
