"""The syncer against the contract of docs/reference/node-http.md, played by a small control plane of the standard library."""

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest

from regie.runtime.package import open_package

from .conftest import ROW, Plane, until, variant, write_lightgbm


@pytest.fixture
def plane(home):
    return home[1]


@pytest.fixture
def synced(home, packages):
    """The node answers by version 1 alone, and all that it answered before is delivered."""
    node, plane = home
    route, plane.flush = plane.want(offered(plane, packages, 1, "lgb1")), plane.flush + 1
    until(lambda: plane.has(route) and plane.report["flush"] == plane.flush and not plane.report["failed"])
    plane.seen = {key: len(data) for key, data in plane.stored.items()}
    return node


def offered(plane: Plane, packages: dict[str, Path], version: int, name: str, *more: str, **other):
    return {**variant(version, name, *more, **other), "package": plane.add(packages[name])}


def test_a_fresh_node_fetches_takes_up_and_acknowledges_its_first_route(synced, plane):
    with synced.client() as client:
        assert client.ask()["version"] == "1"
    stored = synced.home / "routes.json"
    assert stored.stat().st_mode & 0o777 == 0o600
    assert json.loads(stored.read_text())["endpoints"]["flights"]["generation"] == plane.generation
    report = plane.report
    assert report["nonce"] == synced.get("/health")[1]["nonce"]
    assert report["address"] == f"http://127.0.0.1:{synced.port}"
    assert 0 <= report["tag"] <= 0xFFFF


def test_a_swap_under_load_drops_nothing_and_each_answer_belongs_to_one_generation(synced, plane, packages):
    models = {version: open_package(packages[f"lgb{version}"]).answer_records([ROW])[0] for version in (1, 2, 3)}
    answers, failures, stop = [], [], threading.Event()

    def ask() -> None:
        with synced.client() as client:
            while not stop.is_set():
                status, body = client.call("POST", "/invocations", {"dataframe_records": [ROW, ROW]})
                (answers if status == 200 else failures).append(body)
                stop.wait(0.003)  # the versions that open meanwhile need the machine too

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    # shadow, canary, full with the former as shadow, and to a third version: every kind of swap
    first = plane.generation
    for table in stages(plane, packages):
        wanted = plane.want(*table, deadline_ms=15_000)  # this machine may be busy
        until(lambda wanted=wanted: plane.has(wanted))
        seen = len(answers)
        until(lambda enough=seen + 30: len(answers) > enough)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {answer["version"] for answer in answers} == {"1", "2", "3"}
    for answer in answers:
        assert answer["predictions"] == [models[int(answer["version"])]] * 2
    logged = {one["rid"]: one for one in synced.records() if one["k"] == "p" and one["g"] >= first}
    assert len(logged) == len(answers)
    allowed = ({1}, {1}, {1, 2}, {2}, {3})  # from one generation to the next
    for answer in answers:
        record = logged[answer["request_id"]]
        assert record["ids"] == answer["prediction_ids"]
        assert int(answer["version"]) == record["v"]
        assert record["v"] in allowed[record["g"] - first]
        assert "err" not in record


def stages(plane: Plane, packages: dict[str, Path]):
    def of(version: int, *more: str, **other):
        return offered(plane, packages, version, f"lgb{version}", *more, **other)

    yield of(1), of(2, "challenger", "shadow")
    yield of(1, share=0.5), of(2, "challenger", share=0.5), of(1, "champion", "shadow", only="challenger")
    yield of(2), of(1, "former", "shadow")
    yield (of(3),)


@pytest.mark.parametrize("role", ["champion", "challenger"])
def test_a_package_that_cannot_be_loaded_is_reported_and_the_former_route_stays(synced, plane, packages, tmp_path, role):
    broken = tmp_path / "broken"
    shutil.copytree(packages["lgb2"], broken)
    (broken / "model.lgb").write_text("not a model")
    bad = {**variant(2, "broken", role), "package": plane.add(broken)}
    table = [bad] if role == "champion" else [offered(plane, packages, 1, "lgb1"), {**bad, "mode": "shadow"}]
    wanted = plane.want(*table)
    until(lambda: "flights" in plane.report["failed"])
    assert f"generation {wanted}" in plane.report["failed"]["flights"]
    assert "cannot be loaded" in plane.report["failed"]["flights"]
    assert plane.has(wanted - 1)
    with synced.client() as client:
        assert client.ask()["version"] == "1"
    wanted = plane.want(offered(plane, packages, 3, "lgb3"))
    until(lambda: plane.has(wanted) and not plane.report["failed"])


def test_a_challenger_with_other_columns_is_refused_by_name(synced, plane, packages):
    other = offered(plane, packages, 2, "linear", "challenger", "shadow")
    plane.want(offered(plane, packages, 1, "lgb1"), other)
    until(lambda: "carrier" in plane.report["failed"].get("flights", ""))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux lists the children of a process")
def test_a_spare_process_is_there_only_while_a_variant_lives_that_may_die(synced, plane, packages):
    until(lambda: children(synced.process.pid) == 0)  # the one that tried the champion is gone, and none waits
    champion, shadow = offered(plane, packages, 1, "lgb1"), offered(plane, packages, 2, "lgb2", "challenger", "shadow")
    plane.want(champion, shadow)
    until(lambda: children(synced.process.pid) == 2)
    plane.want(champion)
    until(lambda: children(synced.process.pid) == 0)


def children(pid: int) -> int:
    return sum(len((task / "children").read_text().split()) for task in Path(f"/proc/{pid}/task").iterdir())


def test_a_package_changed_on_its_way_is_never_opened(synced, plane, tmp_path):
    write_lightgbm(tmp_path / "other", 4)
    wanted, before = offered(plane, {"other": tmp_path / "other"}, 2, "other"), sorted((synced.home / "packages").iterdir())
    manifest = json.loads(plane.blobs.get(wanted["package"]))
    blob = plane.blobs.path(manifest["model.lgb"]["digest"])
    blob.write_bytes(blob.read_bytes() + b"\n")
    plane.want(wanted)
    until(lambda: "cannot be fetched" in plane.report["failed"].get("flights", ""))
    assert sorted((synced.home / "packages").iterdir()) == before


def test_without_its_control_plane_a_node_answers_restarts_and_uploads_later(synced, plane):
    plane.stop()
    asked = []
    with synced.client() as client:
        asked += [client.ask()["prediction_ids"][0] for _ in range(50)]
    synced.kill()
    synced.start()
    with synced.client() as client:
        asked += [client.ask()["prediction_ids"][0] for _ in range(50)]
    plane.start()
    until(lambda: len(plane.records()) >= 100)
    assert [one["ids"][0] for one in plane.records()] == asked
    until(lambda: plane.report["last_id"] == asked[-1][:32])


def test_uploads_that_are_cut_or_whose_answer_is_lost_arrive_once(synced, plane):
    asked = []
    with synced.client() as client:
        for _ in range(3):
            plane.cut_uploads, plane.forget_answers = 1, 1
            asked += [client.ask()["prediction_ids"][0] for _ in range(20)]
            until(lambda all_of=asked: len(plane.records()) == len(all_of))
    assert [one["ids"][0] for one in plane.records()] == asked


def test_a_control_plane_that_lost_the_end_of_a_segment_gets_it_again(synced, plane):
    with synced.client() as client:
        client.ask()
        until(lambda: len(plane.records()) == 1)
        for kept in plane.stored.values():
            del kept[8:]
        client.ask()
        until(lambda: len(plane.records()) == 2)


def test_a_flush_is_acknowledged_only_when_answers_and_shadows_before_it_have_arrived(synced, plane, packages):
    shadow = offered(plane, packages, 2, "lgb2", "challenger", "shadow")
    wanted = plane.want(offered(plane, packages, 1, "lgb1"), shadow, deadline_ms=1500)
    until(lambda: plane.has(wanted))
    pid = synced.get("/health")[1]["endpoints"]["flights"]["processes"]["2"]
    with synced.client() as client:
        for flushes in (1, 2):
            if flushes == 2:
                os.kill(pid, signal.SIGSTOP)  # its shadows end with their deadline
            for _ in range(40):
                client.ask()
            plane.flush += 1
            until(lambda: plane.report["flush"] >= plane.flush)
            kinds = [one["k"] for one in plane.records()]
            assert kinds.count("p") == kinds.count("s") == 40 * flushes
    os.kill(pid, signal.SIGCONT)


def test_a_node_whose_log_is_gone_comes_back_as_another_node(synced, plane):
    before = {name for name, _ in plane.stored}
    with synced.client() as client:
        client.ask()
    until(lambda: len(plane.records()) == 1)
    synced.kill(signal.SIGTERM)
    shutil.rmtree(synced.home / "log")
    synced.start()
    with synced.client() as client:
        client.ask()
    until(lambda: len(plane.records()) == 2)
    assert len({name for name, _ in plane.stored} - before) == (1 if before else 2)


def test_segments_are_deleted_only_once_the_control_plane_has_them(tmp_path):
    from regie.predictions.segments import segments
    from regie.serving.log import PredictionLog
    from regie.serving.plane import Away, ControlPlane
    from regie.serving.upload import Uploader

    log = PredictionLog(tmp_path / "log", max_bytes=400)
    for number in range(40):
        log.append(json.dumps({"k": "p", "ids": [f"{number:048x}"]}).encode())
    plane = Plane(tmp_path / "blobs")
    plane.start()
    client = ControlPlane(plane.url, "n", None)
    uploader = Uploader(tmp_path / "uploaded.json", log, client)
    plane.stop()
    with pytest.raises(Away):
        uploader.upload(5)
    written = segments(log.folder)
    assert len(written) > 4
    plane.start()
    assert uploader.upload(5)
    assert segments(log.folder) == written[-2:]
    assert [one["ids"][0] for one in plane.records()] == [f"{number:048x}" for number in range(40)]
    assert uploader.last_id == f"{39:048x}"[:32]
    client.close()
    log.close()
    plane.stop()


def test_a_log_that_is_taken_slowly_does_not_hold_up_a_route(synced, plane, packages, monkeypatch):
    go_on, take = threading.Event(), plane.take

    def slow(*stretch):
        go_on.wait(60)
        return take(*stretch)

    monkeypatch.setattr(plane, "take", slow)
    try:
        with synced.client() as client:
            client.ask()
            wanted = plane.want(offered(plane, packages, 2, "lgb2"))
            until(lambda: plane.has(wanted))
            assert client.ask()["version"] == "2"
            assert not go_on.is_set()
    finally:
        go_on.set()
    until(lambda: len(plane.records()) == 2)


def test_the_control_plane_hears_which_version_failed_and_how_often_its_process_was_started_again(synced, plane, packages):
    challenger = offered(plane, packages, 9, "lgb2", "challenger", "shadow")  # a version that has not suffered yet
    wanted = plane.want(offered(plane, packages, 1, "lgb1"), challenger)
    until(lambda: plane.has(wanted))
    os.kill(synced.get("/health")[1]["endpoints"]["flights"]["processes"]["9"], signal.SIGKILL)
    said = until(lambda: plane.report.get("variants", {}).get("flights", {}).get("9"))
    assert (said["restarts"], said["fallbacks"]) == (1, 0)


def test_a_version_that_opened_here_once_needs_no_trial_after_a_restart(synced, plane, packages):
    first, second = offered(plane, packages, 1, "lgb1"), offered(plane, packages, 2, "lgb2")
    wanted = plane.want(second)
    until(lambda: plane.has(wanted))
    synced.kill()
    kept = json.loads((synced.home / "tried.json").read_text())
    assert kept == sorted(kept)
    assert {f"packages/{one['package'].replace(':', '-')}" for one in (first, second)} <= set(kept)
    synced.start()
    wanted = plane.want(first)
    until(lambda: plane.has(wanted))
    with synced.client() as client:
        assert client.ask()["version"] == "1"
    (synced.home / "tried.json").write_text("[")  # a broken one is as good as none
    synced.kill()
    synced.start()
    wanted = plane.want(second)
    until(lambda: plane.has(wanted))
