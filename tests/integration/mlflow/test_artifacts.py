import hashlib
import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

import mlflow
import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture
def run_id(server) -> str:
    client = server.client()
    return client.create_run(client.create_experiment(f"artifacts-{uuid4().hex}")).info.run_id


def answered(server, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """A call whose path nobody touches on its way."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return found


def raw(server, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    return answered(server, method, path, body)[:2]


def kept(server) -> int:
    """How many blobs there are, and what lies beside them."""
    blobs = server.store.blobs
    return len([*blobs.root.glob("[0-9a-f][0-9a-f]/*")]) + 1000 * len([*blobs.temporary.iterdir()])


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
    "path",
    [
        "../x", "%2e%2e/x", "%252e%252e/x", "%25252e%25252e%25252fx", "a/%2e%2e/x", "a%00b", "a%2523", "./x", "a//b", "a%09b",
        "C:/x", "c%3a%5cx", "%5c%5cserver%5cshare", "a/..", "x" * 1001,
    ],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_out_of_its_run(server, run_id, path):
    for method in ("PUT", "GET", "DELETE"):
        status, body = raw(server, method, f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/{path}", b"x")
        assert status == 400
        assert b"INVALID_PARAMETER_VALUE" in body


def test_a_backslash_is_a_plain_name(server, run_id):
    assert raw(server, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/..%5cx", b"x")[0] == 200


@pytest.mark.parametrize("name", ["ä😀.txt", "a b", "100%.txt", "a+b", "...", "a\\b", "x" * 255, "-", "a;b=c", "a\"b'c"])
def test_an_odd_name_is_a_plain_name(server, run_id, name):
    path = f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/{quote(name)}"
    assert raw(server, "PUT", path, b"x")[0] == 200
    assert raw(server, "GET", path) == (200, b"x")
    assert [one.path for one in server.client().list_artifacts(run_id)] == [name]


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


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_500_000])
def test_a_file_of_any_size_comes_back_as_it_was(server, run_id, size):
    content = os.urandom(size)
    path = f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/file"
    assert raw(server, "PUT", path, content) == (200, b"{}")
    assert raw(server, "GET", path) == (200, content)


def test_a_download_is_a_file_never_a_page_and_may_be_asked_for_in_ranges_or_for_its_head(server, run_id):
    content = b"<script>alert(1)</script>" * 10
    path = f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}/evil.html"
    assert raw(server, "PUT", path, content)[0] == 200
    for where in (path, f"/get-artifact?run_id={run_id}&path=evil.html"):
        status, body, headers = answered(server, "GET", where)
        assert (status, body, headers["content-type"]) == (200, content, "application/octet-stream")
        assert headers["content-disposition"] == 'attachment; filename="evil.html"'
        assert (headers["x-content-type-options"], headers["accept-ranges"]) == ("nosniff", "bytes")
        status, body, headers = answered(server, "HEAD", where)
        assert (status, body, headers["content-length"]) == (200, b"", str(len(content)))
    status, body, headers = answered(server, "GET", path, Range="bytes=1-6")
    assert (status, body, headers["content-range"]) == (206, b"script", f"bytes 1-6/{len(content)}")
    assert answered(server, "GET", path, Range="bytes=-9")[:2] == (206, b"</script>")
    assert answered(server, "GET", path, Range="bytes=9999-")[0] == 416


def test_the_same_content_is_kept_once_whoever_sends_it(server, run_id):
    content = os.urandom(2_000_000)
    before = kept(server)
    base = f"/api/2.0/mlflow-artifacts/artifacts/runs/{run_id}"
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda number: raw(server, "PUT", f"{base}/file{number}", content)[0], range(16)))
    assert (said, kept(server)) == ([200] * 16, before + 1)


def test_a_file_may_be_sent_in_parts_and_fetched_in_ranges_by_the_client(server, run_id, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "1000000")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "700000")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", "900000")
    large = tmp_path / "größe 100%.bin"
    large.write_bytes(os.urandom(3_000_000))
    before = kept(server)
    for client, run in ((server.client(), run_id), (elsewhere := server.client("gamma"), elsewhere.create_run("0").info.run_id)):
        server.client("gamma" if client is elsewhere else None)
        client.log_artifact(run, str(large), "deep/er")
        assert [(one.path, one.file_size) for one in client.list_artifacts(run, "deep/er")] == [
            (f"deep/er/{large.name}", 3_000_000)
        ]
        back = Path(client.download_artifacts(run, f"deep/er/{large.name}", str(tmp_path / run)))
        assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(large.read_bytes()).digest()
    assert kept(server) == before + 1


def mpu(server, verb: str, root: str, **said: object) -> tuple[int, dict[str, object]]:
    path = f"/api/2.0/mlflow-artifacts/mpu/{verb}/{root}"
    status, body, _ = answered(server, "POST", path, json.dumps(said).encode(), **{"Content-Type": "application/json"})
    return status, json.loads(body or b"{}")


def test_parts_that_are_missing_foreign_or_aborted_make_no_file(server, run_id):
    root, before = f"runs/{run_id}", kept(server)
    status, begun = mpu(server, "create", root, path="/home/me/file.bin", num_parts=2)
    assert status == 200
    upload = begun["upload_id"]
    first = urlsplit(begun["credentials"][0]["url"]).path
    _, _, headers = answered(server, "PUT", first, b"one")
    sent = {"part_number": 1, "etag": headers["etag"]}
    wrong = (
        [],
        [sent, {"part_number": 2, "etag": "0" * 16}],
        [sent, sent],
        [{**sent, "part_number": 2}],
        [{**sent, "etag": "../upload"}],
    )
    for parts in wrong:
        assert mpu(server, "complete", root, path="file.bin", upload_id=upload, parts=parts)[0] == 400
    assert mpu(server, "complete", root, path="other.bin", upload_id=upload, parts=[sent])[0] == 400
    assert answered(server, "PUT", f"/w/gamma{first}", b"x")[0] == 404
    for number in ("0", "10001", "x", "-1"):
        assert answered(server, "PUT", first.rsplit("/", 1)[0] + f"/{number}", b"x")[0] == 400
    assert mpu(server, "abort", root, path="file.bin", upload_id=upload)[0] == 200
    assert mpu(server, "complete", root, path="file.bin", upload_id=upload, parts=[sent])[0] == 404
    assert mpu(server, "abort", root, path="file.bin", upload_id=upload)[0] == 200
    for said in (
        {"path": "..", "num_parts": 1},
        {"path": "a", "num_parts": 0},
        {"path": "a", "num_parts": 10_001},
        {"num_parts": 1},
    ):
        assert mpu(server, "create", root, **said)[0] == 400
    assert mpu(server, "create", "runs/none", path="a", num_parts=1)[0] == 404
    assert (kept(server), server.client().list_artifacts(run_id)) == (before, [])


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


def test_files_of_logged_models_are_listed_and_fetched_as_the_ui_does(server, run_id, tmp_path):
    client = server.client()
    model = client.create_logged_model(client.get_run(run_id).info.experiment_id, name="m", source_run_id=run_id)
    path = f"/api/2.0/mlflow-artifacts/artifacts/models/{model.model_id}/data/model.bin"
    assert raw(server, "PUT", path, b"model")[0] == 200
    ui = f"/ajax-api/2.0/mlflow/logged-models/{model.model_id}/artifacts"
    status, body = raw(server, "GET", f"{ui}/directories?artifact_directory_path=data")
    assert (status, json.loads(body)["files"]) == (200, [{"path": "data/model.bin", "is_dir": False, "file_size": 5}])
    assert raw(server, "GET", f"{ui}/files?artifact_file_path=data/model.bin") == (200, b"model")
    assert raw(server, "GET", f"{ui}/files?artifact_file_path=data")[0] == 404
    assert raw(server, "GET", f"{ui}/files")[0] == 400
