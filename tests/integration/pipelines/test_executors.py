"""A step in its own process: what it may see, how it may end, and what is said about each end. Real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from regie.pipelines.executors import KILLED, ProcessExecutor, bare_environment, libraries_of

FLOW = """
import os, signal, sys, time
from regie import Model, Table, step

@step
def add(a: int, b: int = 2) -> int:
    print("adding", a, b)
    print("a warning", file=sys.stderr)
    return a + b

@step
def raises(a: int) -> int:
    return inner(a)

def inner(a):
    raise ValueError(f"no good: {a}")

@step
def exits(a: int) -> int:
    os._exit(7)

@step
def leaves(a: int) -> int:
    sys.exit("I am done")

@step
def aborts_at_its_end(a: int) -> int:
    import atexit
    atexit.register(os.abort)
    return a + 1

@step
def is_killed(a: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)

@step
def sleeps(a: int) -> int:
    child = os.fork()
    open(os.path.join(os.getcwd(), f"pid-{'child' if child == 0 else 'parent'}"), "w").write(str(os.getpid()))
    time.sleep(60)

@step
def wrong(a: int) -> int:
    return "seven"

@step
def wrong_table(a: int) -> Table:
    return [1, 2]

@step
def environment(a: int) -> dict:
    return dict(os.environ)

@step
def greedy(a: int) -> int:
    return len(bytearray(3_000_000_000))

@step
def talkative(a: int) -> int:
    print("x" * 3_000_000)
    return 1

@step
def threads(a: int) -> int:
    import threading
    return threading.active_count()

@step
def order(a: int) -> list:
    return list({"a", "b", "c", "d", "e", "f"})
"""


@pytest.fixture(scope="module")
def executor():
    with ProcessExecutor() as one:
        yield one


class Place:
    """A project's code and one task after another in it."""

    def __init__(self, folder: Path, executor: ProcessExecutor) -> None:
        self.folder, self.executor, self.count = folder, executor, 0
        (folder / "code").mkdir()
        (folder / "code" / "flow.py").write_text(FLOW)
        self.log = folder / "log.txt"

    def run(self, step, timeout_s=30.0, on_wait=lambda: True, inputs=None, **more):
        self.count += 1
        work = self.folder / f"work-{self.count}"
        work.mkdir()
        self.log = self.folder / f"log-{self.count}.txt"
        payload = {
            "kind": "task", "server": "http://127.0.0.1:9", "token": "t", "step": f"flow:{step}", "code_path": str(self.folder / "code"),
            "inputs": {name: {"kind": "json", "value": value} for name, value in (inputs or {"a": 1}).items()}, "workdir": str(work),
        }  # fmt: skip
        return self.executor.run(payload, timeout_s, self.log, on_wait, **more)


@pytest.fixture
def place(tmp_path, executor):
    return Place(tmp_path, executor)


def test_a_step_runs_in_a_child_and_its_output_is_captured(place):
    result = place.run("add", inputs={"a": 40})
    assert (result.how, result.output, result.exit_code) == ("finished", {"kind": "json", "value": 42}, 0)
    assert place.log.read_text() == "adding 40 2\na warning\n"


def test_a_step_that_raises_says_what_and_where_without_our_own_frames(place):
    result = place.run("raises")
    assert result.how == "failed"
    assert (result.error["type"], result.error["message"]) == ("ValueError", "no good: 1")
    assert "flow.py" in result.error["traceback"]
    assert "in inner" in result.error["traceback"]
    assert "pipelines/task.py" not in result.error["traceback"]
    assert "no good: 1" in place.log.read_text()


def test_a_step_that_dies_without_a_word_is_told_from_one_that_fails(place):
    result = place.run("exits")
    assert (result.how, result.exit_code) == ("died", 7)
    assert result.error["message"] == "its process ended with exit code 7, without a result"


def test_a_result_that_was_written_whole_counts_whatever_the_interpreters_end_does(place):
    result = place.run("aborts_at_its_end")
    assert (result.how, result.exit_code, result.output["value"]) == ("finished", -6, 2)


def test_a_step_that_calls_exit_has_failed(place):
    result = place.run("leaves")
    assert (result.how, result.error["type"], result.error["message"]) == ("failed", "SystemExit", "I am done")


def test_a_killed_step_is_said_to_be_out_of_memory(place):
    result = place.run("is_killed")
    assert (result.how, result.exit_code, result.error["message"]) == ("killed", -9, KILLED)


def test_a_timeout_kills_the_whole_group_and_leaves_a_traceback_in_the_log(place):
    result = place.run("sleeps", timeout_s=1.0)
    assert result.how == "timeout"
    assert result.error["message"] == "it ran longer than its timeout of 1 s"
    assert 1.0 <= result.seconds < 10
    assert "in sleeps" in place.log.read_text()
    for who in ("parent", "child"):
        pid = int((place.folder / f"work-{place.count}" / f"pid-{who}").read_text())
        wait_for(lambda pid=pid: gone(pid))


def test_a_cancelled_step_ends_within_a_moment(place):
    result = place.run("sleeps", on_wait=lambda: False)
    assert (result.how, result.seconds < 10) == ("cancelled", True)


def test_a_result_of_another_type_than_the_hint_is_an_error_that_names_both(place):
    result = place.run("wrong")
    assert result.error["type"] == "WrongResult"
    assert "it returned 'seven'; its type hint says int" in result.error["message"]
    table = place.run("wrong_table")
    assert "it returned a list; its type hint says Table" in table.error["message"]
    assert table.error["code"] == "pipeline.wrong_result"


def test_a_child_sees_no_database_and_no_secret(place, monkeypatch, tmp_path):
    monkeypatch.setenv("REGIE_DATABASE", "postgresql://somebody:secret@host/regie")
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("PLAIN_SETTING", "kept")
    with ProcessExecutor() as fresh:
        place.executor = fresh
        seen = place.run("environment", env={"MLFLOW_RUN_ID": "abc"}, threads=3).output["value"]
    assert not {"REGIE_DATABASE", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY"} & seen.keys()
    assert (seen["PLAIN_SETTING"], seen["MLFLOW_RUN_ID"], seen["OMP_NUM_THREADS"]) == ("kept", "abc", "3")


def test_a_memory_limit_is_an_error_in_the_step_and_kills_nobody_else(place):
    result = place.run("greedy", memory_bytes=1_500_000_000)
    assert (result.how, result.error["type"]) == ("failed", "MemoryError")
    assert place.run("add").ok


def test_much_output_blocks_nothing(place):
    assert place.run("talkative").ok
    assert place.log.stat().st_size == 3_000_001


def test_sets_are_ordered_alike_in_every_process(place):
    assert place.run("order").output == place.run("order").output


def test_tasks_of_several_threads_run_side_by_side(place, tmp_path):
    found = {}

    def one(number):
        other = Place(tmp_path / f"p{number}", place.executor)
        found[number] = other.run("add", inputs={"a": number}).output["value"]

    for number in range(6):
        (tmp_path / f"p{number}").mkdir()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number + 2 for number in range(6)}


def test_a_new_interpreter_for_each_task_gives_the_same_answers(place):
    with ProcessExecutor(fork=False) as spawning:
        place.executor = spawning
        assert place.run("add", inputs={"a": 40}).output == {"kind": "json", "value": 42}
        assert place.log.read_text() == "adding 40 2\na warning\n"
        assert place.run("exits").exit_code == 7
        assert place.run("is_killed").error["message"] == KILLED
        late = place.run("sleeps", timeout_s=4.0)
        assert late.how == "timeout"


def test_a_library_that_starts_threads_is_not_forked(place, tmp_path):
    with ProcessExecutor() as fresh:
        place.executor = fresh
        result = place.run("threads", libraries=("antithreads",))
        assert result.output["value"] == 1


def test_a_launcher_that_was_killed_is_replaced(place):
    with ProcessExecutor() as fresh:
        place.executor = fresh
        assert place.run("add").ok
        for launcher in fresh._launchers.values():
            launcher.process.kill()
            launcher.process.wait()
        assert place.run("add").ok


def test_a_dead_worker_takes_its_tasks_with_it(tmp_path):
    script = tmp_path / "worker.py"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "flow.py").write_text(FLOW)
    (tmp_path / "work").mkdir()
    script.write_text(
        f"""
from pathlib import Path
from regie.pipelines.executors import ProcessExecutor
payload = {{"kind": "task", "server": "http://127.0.0.1:9", "token": "t", "step": "flow:sleeps", "code_path": {str(tmp_path / "code")!r},
            "inputs": {{"a": {{"kind": "json", "value": 1}}}}, "workdir": {str(tmp_path / "work")!r}}}
ProcessExecutor().run(payload, 60.0, Path({str(tmp_path / "log.txt")!r}), lambda: True)
"""
    )
    worker = subprocess.Popen([sys.executable, str(script)])
    marks = [tmp_path / "work" / f"pid-{who}" for who in ("parent", "child")]
    wait_for(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    for mark in marks:
        wait_for(lambda mark=mark: gone(int(mark.read_text())))


def test_the_libraries_of_a_project_are_found_without_importing_it():
    files = {
        "flow.py": "import numpy as np\nimport helpers, os\nfrom pandas import DataFrame\nimport not_installed_at_all\nimport mlflow\n",
        "helpers.py": "from regie import step\ntry:\n    import sklearn.linear_model\nexcept ImportError:\n    pass\nraise SystemExit\n",
    }
    assert libraries_of(files) == ("numpy", "pandas", "sklearn")


def test_the_environment_keeps_what_a_step_may_need():
    kept = bare_environment(
        {"PATH": "/bin", "HOME": "/home/x", "LANG": "C", "REGIE_HOME": "x", "GITHUB_TOKEN": "x", "MY_DSN": "x"}
    )
    assert {"PATH", "HOME", "LANG"} <= kept.keys()
    assert not {"REGIE_HOME", "GITHUB_TOKEN", "MY_DSN"} & kept.keys()


def wait_for(condition, seconds=20.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
