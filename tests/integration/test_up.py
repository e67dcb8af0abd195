"""`regie up` with real processes on real ports: one per home, nothing left behind, what dies comes back."""

import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import chdir, redirect_stderr, redirect_stdout
from unittest import mock

import pytest

from regie.cli import root

LIMIT_S = 60


def free_ports(count=2):
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports


def until(holds, why, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {limit_s} s: {why}")


def answers(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def processes():
    """Every living process: pid, parent, group, words."""
    printed = subprocess.run(
        ["ps", "-axwwo", "pid=,ppid=,pgid=,stat=,command="], capture_output=True, text=True, check=True
    ).stdout
    split = [line.split(None, 4) for line in printed.splitlines()]
    return [(int(p), int(parent), int(group), words) for p, parent, group, stat, words in split if not stat.startswith("Z")]


def of_home(home):
    """The processes that were started for a home, and whatever shares a group with them."""
    found = processes()
    groups = {group for _, _, group, words in found if str(home) in words} - {os.getpgrp()}
    return {pid: words for pid, _, group, words in found if group in groups}


def pid_of(home, word):
    return next((pid for pid, words in of_home(home).items() if f"regie {word} " in words), None)


class Up:
    """A `regie up` of its own home."""

    def __init__(self, tmp_path, **environ):
        self.home = tmp_path / "home"
        self.port, self.serve_port = free_ports()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REGIE_")}
        self.environ = kept | {"XDG_CONFIG_HOME": str(tmp_path), "NO_COLOR": "1"} | environ
        self.cwd = tmp_path
        self.process, self.says = None, ""

    def words(self, *more):
        ports = ["--port", str(self.port), "--serve-port", str(self.serve_port)]
        return [sys.executable, "-m", "regie", "up", "--home", str(self.home), *ports, *more]

    def start(self, *more):
        self.process = subprocess.Popen(
            self.words(*more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environ, cwd=self.cwd,
            start_new_session=True,
        )  # fmt: skip
        until(lambda: self.process.poll() is not None or (answers(self.port) and answers(self.serve_port)), "up is ready")
        assert self.process.poll() is None, self.process.communicate()
        # A moment later it says so itself: server, serve, logs.
        self.says = "".join(self.process.stdout.readline() for _ in range(3))
        return self

    def run(self, *more):
        return subprocess.run(
            self.words(*more), capture_output=True, text=True, env=self.environ, cwd=self.cwd, timeout=LIMIT_S, check=False,
            start_new_session=True,
        )  # fmt: skip

    def regie(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "regie", *words], capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=self.cwd,
            env=self.environ | {"REGIE_HOME": str(self.home)},
        )  # fmt: skip

    def asks(self, *words):
        """The same for a command that only asks, in this process: half a second less each."""
        out, err = io.StringIO(), io.StringIO()
        environ = mock.patch.dict(os.environ, self.environ | {"REGIE_HOME": str(self.home)}, clear=True)
        with environ, chdir(self.cwd), redirect_stdout(out), redirect_stderr(err):
            code = root.run(list(words))
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def project(self, name, *words):
        """A command in the folder of a project."""
        return subprocess.run(
            [sys.executable, "-m", "regie", *words], capture_output=True, text=True, timeout=3 * LIMIT_S, check=False,
            cwd=self.cwd / name, env=self.environ | {"REGIE_HOME": str(self.home)},
        )  # fmt: skip

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
        printed = self.process.communicate(timeout=LIMIT_S) if self.process is not None else ("", "")
        for pid in of_home(self.home):
            os.kill(pid, signal.SIGKILL)
        return printed


@pytest.fixture
def up(tmp_path):
    made = Up(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    made = Up(tmp_path_factory.mktemp("running")).start()
    yield made
    made.stop()


def test_a_second_up_on_the_same_home_says_who_is_there_and_harms_nothing(running):
    refused = running.run()
    assert refused.returncode == 1
    assert f"pid {running.process.pid}" in refused.stderr
    assert f"127.0.0.1:{running.port}" in refused.stderr
    assert f"127.0.0.1:{running.serve_port}" in refused.stderr
    assert refused.stdout == ""
    assert answers(running.port)
    assert answers(running.serve_port)


def test_up_in_the_background_on_the_same_home_is_refused_as_well(running):
    refused = running.run("--detach")
    assert refused.returncode == 1
    assert f"pid {running.process.pid}" in refused.stderr


@pytest.mark.parametrize("taken", ["port", "serve_port"])
def test_a_busy_port_is_named_before_anything_starts(up, taken):
    with socket.create_server(("127.0.0.1", 0)) as other:
        setattr(up, taken, other.getsockname()[1])
        refused = up.run()
    assert refused.returncode == 1
    assert f"port {getattr(up, taken)} of 127.0.0.1 is in use" in refused.stderr
    assert f"--{taken.replace('_', '-')}" in refused.stderr
    assert not (up.home / "regie.db").exists()
    assert not (up.home / "up.json").exists()
    assert of_home(up.home) == {}


def test_one_port_for_both_is_refused(up):
    up.serve_port = up.port
    refused = up.run()
    assert (refused.returncode, of_home(up.home)) == (1, {})
    assert "--serve-port" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ending_up_leaves_no_process_and_frees_the_ports(up, number):
    up.start()
    words = " ".join(of_home(up.home).values())
    assert all(f"regie {name} " in words for name in ("up", "server", "worker", "serve"))
    up.process.send_signal(number)
    up.process.communicate(timeout=LIMIT_S)
    assert up.process.returncode == 0
    assert f"http://127.0.0.1:{up.port}" in up.says
    assert of_home(up.home) == {}
    assert not (up.home / "up.json").exists()
    for port in (up.port, up.serve_port):
        socket.create_server(("127.0.0.1", port)).close()
    assert "Traceback" not in "".join(log.read_text() for log in (up.home / "logs").glob("*.log"))
    assert "Fatal" not in "".join(log.read_text() for log in (up.home / "logs").glob("*.log"))


def test_a_process_that_does_not_end_is_killed_and_named(up):
    up.environ["REGIE_END_MS"] = "2000"
    up.start()
    worker = pid_of(up.home, "worker")
    os.kill(worker, signal.SIGSTOP)
    up.process.terminate()
    _, said = up.process.communicate(timeout=LIMIT_S)
    assert "worker did not end within 2 s and was killed; its log says where it was" in said
    assert up.process.returncode == 0
    assert of_home(up.home) == {}


def test_a_process_tells_where_each_of_its_threads_is_and_goes_on(running):
    pids = {name: pid_of(running.home, name) for name in ("server", "worker", "serve")}
    for name, pid in pids.items():
        os.kill(pid, signal.SIGUSR1)
        log = running.home / "logs" / f"{name}.log"
        until(lambda log=log: "(most recent call first)" in log.read_text(), f"the stacks of {name}")
    assert answers(running.port)
    assert answers(running.serve_port)
    assert {name: pid_of(running.home, name) for name in pids} == pids


def test_what_is_killed_is_started_again(up):
    up.start()
    for name in ("server", "worker", "serve"):
        killed = pid_of(up.home, name)
        os.kill(killed, signal.SIGKILL)
        until(lambda name=name, killed=killed: pid_of(up.home, name) not in (None, killed), f"{name} is back")
    until(lambda: answers(up.port) and answers(up.serve_port), "both answer again")
    _, said = up.stop()
    for name in ("server", "worker", "serve"):
        assert f"{name} ended with code -9; it starts again" in said


def test_a_killed_supervisor_takes_server_and_worker_along_but_serve_answers_on_and_is_adopted(up):
    up.start()
    server, worker, serve = (pid_of(up.home, name) for name in ("server", "worker", "serve"))
    up.process.kill()
    up.process.communicate()
    until(lambda: not {server, worker} & of_home(up.home).keys(), "server and worker end with their supervisor")
    assert answers(up.serve_port)
    up.start()
    assert pid_of(up.home, "serve") == serve
    assert pid_of(up.home, "server") not in (None, server)
    # An adopted serve is under supervision like any other.
    os.kill(serve, signal.SIGKILL)
    until(lambda: pid_of(up.home, "serve") not in (None, serve) and answers(up.serve_port), "serve is back")
    up.stop()
    assert of_home(up.home) == {}


def test_a_serve_of_another_home_is_not_adopted(up, running):
    """Its port is busy, that is all."""
    (up.home / "serve").mkdir(parents=True)
    (up.home / "serve" / "serve.json").write_text(
        json.dumps({"pid": pid_of(running.home, "serve"), "nonce": "mine", "port": running.serve_port})
    )
    up.serve_port = running.serve_port
    refused = up.run()
    assert refused.returncode == 1
    assert f"port {running.serve_port}" in refused.stderr
    assert answers(running.serve_port)


def test_in_the_background_it_returns_when_everything_answers(up):
    done = up.run("--detach")
    assert done.returncode == 0, done.stderr
    pid = int(done.stdout)
    (link,) = re.findall(r"http\S+/sign-in#\S+", done.stderr)
    assert link.partition("#")[2] not in (up.home / "logs" / "up.log").read_text()
    assert signed_in(link) == "local"
    assert answers(up.port)
    assert answers(up.serve_port)
    os.kill(pid, signal.SIGTERM)
    until(lambda: of_home(up.home) == {}, "everything has ended")


def signed_in(address):
    """Who the link of a sign-in makes one, as its page does it; None where it signs nobody in."""
    server, _, code = address.replace("/sign-in?next=/review", "").replace("/sign-in", "").partition("#")
    body = json.dumps({"code": code}).encode()
    asked = urllib.request.Request(f"{server}/api/v1/session", body, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=LIMIT_S) as answer:
            return json.load(answer)["actor"]
    except urllib.error.HTTPError as refused:
        refused.close()
        return None


def test_a_link_that_is_printed_signs_in_once_and_stands_in_no_log(running):
    link = running.regie("open", "/review", "--no-browser", "--server", f"http://127.0.0.1:{running.port}").stdout.strip()
    assert "/sign-in?next=/review#" in link
    assert [signed_in(link), signed_in(link)] == ["local", None]
    for file in (running.home / "logs").iterdir():
        assert link.partition("#")[2] not in file.read_text()
    assert running.regie("open", "//elsewhere").returncode == 2


def test_a_database_of_a_newer_version_is_refused_and_nothing_is_left_running(up):
    up.start()
    up.stop()
    with sqlite3.connect(up.home / "regie.db") as db:
        db.execute("UPDATE alembic_version SET version_num = 'ffff'")
    db.close()
    up.process = None
    refused = up.run()
    assert refused.returncode == 1
    assert "upgrade Regie" in refused.stderr
    assert of_home(up.home) == {}


def test_a_database_that_regie_does_not_know_is_refused(tmp_path):
    refused = Up(tmp_path, REGIE_DATABASE="mysql://me:pass@host/db").run()
    assert refused.returncode == 2
    assert "sqlite:///FILE" in refused.stderr
    assert "pass" not in refused.stderr


def test_a_malformed_start_of_a_replay_is_refused(up):
    refused = up.run("--replay-from", "yesterday")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "2013-01-01" in refused.stderr


READS = ["run list", "rollout list", "model list", "monitor list", "job list", "event list"]


@pytest.mark.parametrize("words", READS)
def test_every_list_of_nothing_is_an_empty_json_list_on_stdout(running, words):
    done = running.asks(*words.split(), "--json", "-w", "nobody")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")


def test_what_is_not_there_is_exit_code_5_and_says_what_to_do(running):
    for words in ("status", "run show nope", "rollout show nope", "model show nope", "job show nope", "pipeline list"):
        done = running.asks(*words.split(), "-w", "nobody")
        assert (done.returncode, done.stdout) == (5, ""), words
        assert done.stderr.strip()


def test_doctor_finds_what_runs_and_says_where_each_setting_came_from(running):
    done = running.regie("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (found["server"]["answers"], found["serve"]["answers"]) == (True, True)
    origins = {one["name"]: one["origin"] for one in found["settings"]}
    assert (origins["home"], origins["server"]) == ("REGIE_HOME", str(running.home / "up.json"))


def test_a_project_is_made_checked_planned_and_applied_twice_with_one_effect(running):
    assert running.regie("init", "shop").returncode == 0
    shop = running.cwd / "shop"
    plan = json.loads(running.regie("plan", str(shop), "--json").stdout)
    assert plan["changes"]
    stale = running.regie("apply", str(shop), "--plan", "sha256:" + "0" * 64)
    assert (stale.returncode, stale.stdout) == (1, "")
    assert json.loads(running.regie("apply", str(shop), "--dry-run", "--json").stdout) == plan
    assert running.asks("status", "-w", "shop").returncode == 5  # nothing was applied until here
    first = running.regie("apply", str(shop), "--plan", plan["digest"])
    assert first.returncode == 0, first.stderr
    event = first.stdout.strip()
    events = json.loads(running.asks("event", "list", "--json", "-w", "shop").stdout)
    assert event in [one["id"] for one in events]
    again = running.regie("apply", str(shop))
    assert (again.returncode, again.stdout) == (0, "")
    for words in ("status", "pipeline list", "dataset list", "dataset show deliveries", "why shop", "audit anchor"):
        done = running.asks(*words.split(), *(["-w", "shop"]), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


def test_a_typo_names_its_place_and_nothing_is_applied(running):
    running.regie("init", "typo")
    file = running.cwd / "typo" / "regie.yaml"
    file.write_text(file.read_text().replace("known_after", "known_afer"))
    for verb in ("check", "plan", "apply"):
        done = running.regie(verb, str(file.parent))
        assert (done.returncode, done.stdout) == (2, "")
        assert "regie.yaml:20:" in done.stderr
        assert "known_after" in done.stderr
    assert running.asks("status", "-w", "typo").returncode == 5


def test_the_audit_is_verified_through_the_server_and_in_a_copy_of_the_database(running, tmp_path):
    running.regie("init", "proof")
    running.regie("apply", "proof")
    anchor, copy = tmp_path / "anchor.json", tmp_path / "copy.db"
    assert running.regie("audit", "anchor", "--file", str(anchor)).returncode == 0
    assert running.regie("audit", "verify", "--anchor", str(anchor)).returncode == 0
    with sqlite3.connect(running.home / "regie.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    verify = ("audit", "verify", "--database", str(copy), "--anchor", str(anchor))
    good = running.regie(*verify, "--json")
    assert json.loads(good.stdout)["verified"] is True, good.stderr
    with sqlite3.connect(copy) as db:
        db.execute(
            "UPDATE audit_records SET record = replace(record, 'proof', 'prooF') WHERE seq = (SELECT max(seq) FROM audit_records)"
        )
        last = db.execute("SELECT max(seq) FROM audit_records").fetchone()[0]
    db.close()
    bad = running.regie(*verify)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert f"record {last}" in bad.stderr


def test_the_exported_audit_log_is_one_record_a_line(running):
    running.regie("init", "export")
    running.regie("apply", "export")
    done = running.asks("audit", "export")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["seq"] for one in records] == list(range(1, len(records) + 1))
    assert records


def test_the_tail_of_the_events_is_ndjson_and_interrupting_it_is_exit_code_130(running):
    running.regie("init", "tailed")
    running.regie("apply", "tailed")
    words = [sys.executable, "-m", "regie", "event", "tail", "--json", "-w", "tailed"]
    environ = running.environ | {"REGIE_HOME": str(running.home)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, cwd=running.cwd) as tail:
        first = json.loads(tail.stdout.readline())
        tail.send_signal(signal.SIGINT)
        _, said = tail.communicate(timeout=LIMIT_S)
    assert first["type"] == "workspace.created"
    assert (tail.returncode, said.strip()) == (130, "interrupted")


def test_waiting_for_a_run_whose_data_breaks_its_contract_is_exit_code_3(running):
    running.regie("init", "broken")
    running.regie("apply", "broken")
    data = running.cwd / "broken" / "data" / "deliveries.csv"
    head, first, *rest = data.read_text().splitlines()
    data.write_text("\n".join([head, first.replace(first.split(",")[2], "999"), *rest]))
    done = running.project("broken", "pipeline", "run", "train", "--wait")
    assert done.returncode == 3, done.stderr
    assert len(done.stdout.split()) == 1  # the run's id is the data, all else went to stderr
    assert "distance_km" in done.stderr


def test_waiting_for_a_run_that_trains_is_exit_code_0(running):
    """The project that `regie init` makes runs."""
    running.regie("init", "good")
    running.regie("apply", "good")
    done = running.project("good", "pipeline", "run", "train", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "finished"
    versions = json.loads(running.asks("model", "show", "good", "--json", "-w", "good").stdout)["versions"]
    assert [one["version"] for one in versions] == [1]


def test_waiting_for_a_step_that_fails_is_exit_code_1(running):
    running.regie("init", "bad")
    flow = running.cwd / "bad" / "flow.py"
    flow.write_text(flow.read_text().replace("    estimator =", "    raise ValueError('no luck')\n    estimator ="))
    running.regie("apply", "bad")
    done = running.project("bad", "pipeline", "run", "train", "--wait")
    assert (done.returncode, "no luck" in done.stderr) == (1, True)


def test_a_dry_run_starts_no_run_and_a_write_says_how_to_undo_it(running):
    running.regie("init", "runs")
    running.regie("apply", "runs")
    dry = running.project("runs", "pipeline", "run", "train", "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, "")
    assert json.loads(running.asks("run", "list", "--json", "-w", "runs").stdout) == []
    done = running.project("runs", "pipeline", "run", "train", "-p", "strength=0.5", "--reason", "try")
    run_id = done.stdout.strip()
    assert f"regie run cancel {run_id}" in done.stderr
    shown = json.loads(running.asks("run", "show", run_id, "--json", "-w", "runs").stdout)
    assert (shown["params"], shown["reason"]) == ({"strength": 0.5}, "try")
    assert running.project("runs", "pipeline", "run", "trian").returncode == 5
    without = running.regie("run", "cancel", run_id, "-w", "runs")
    assert (without.returncode, "--reason" in without.stderr) == (2, True)
