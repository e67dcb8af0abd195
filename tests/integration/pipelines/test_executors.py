"""A step in its own process: what it may see, how it may end, and what is said about each end. Real processes.

Each promise holds for a forked child and for a new interpreter, as macOS starts it.
"""

import json
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
def leaves_a_thread(a: int) -> int:
    import threading
    ended = threading.Event()
    threading.Thread(target=lambda: (ended.wait(0.2), print("the thread ended"))).start()
    return a

@step
def has_last_words(a: int) -> int:
    import atexit
    atexit.register(print, "last words", end="")
    return a

@step
def launcher(a: int) -> int:
    keeper = open(f"/proc/{os.getppid()}/stat").read()
    return int(keeper.rpartition(")")[2].split()[1])

@step
def order(a: int) -> list:
    return list({"a", "b", "c", "d", "e", "f"})
"""


@pytest.fixture(scope="module", params=["fork", "spawn"])
def executor(request):
    if request.param == "fork" and not sys.platform.startswith("linux"):
        pytest.skip("forking is safe on Linux only")
    with ProcessExecutor(fork=request.param == "fork") as one:
        yield one


@pytest.fixture(scope="module")
def forking():
    """For what only a launcher that forks does."""
    if not sys.platform.startswith("linux"):
        pytest.skip("forking is safe on Linux only")
    with ProcessExecutor(fork=True) as one:
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


def test_threads_end_and_last_words_are_said_before_a_task_does(place):
    assert place.run("leaves_a_thread").ok
    assert place.log.read_text() == "the thread ended\n"
    assert place.run("has_last_words").ok
    assert place.log.read_text() == "last words"


def test_a_step_that_calls_exit_has_failed(place):
    result = place.run("leaves")
    assert (result.how, result.error["type"], result.error["message"]) == ("failed", "SystemExit", "I am done")


def test_a_killed_step_is_said_to_be_out_of_memory(place):
    result = place.run("is_killed")
    assert (result.how, result.exit_code, result.error["message"]) == ("killed", -9, KILLED)


def test_a_step_that_runs_longer_than_its_timeout_has_failed(place):
    result = place.run("sleeps", timeout_s=1.0)
    assert (result.how, result.error["message"]) == ("timeout", "it ran longer than its timeout of 1 s")


def test_a_cancelled_step_is_killed_with_its_whole_group_and_leaves_a_traceback_in_the_log(place):
    marks = [place.folder / f"work-{place.count + 1}" / f"pid-{who}" for who in ("parent", "child")]
    result = place.run("sleeps", on_wait=lambda: not all(mark.exists() and mark.read_text() for mark in marks))
    assert result.how == "cancelled"
    assert "in sleeps" in place.log.read_text()
    for mark in marks:
        wait_for(lambda mark=mark: gone(int(mark.read_text())))


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
    with ProcessExecutor(fork=place.executor.mode == "fork") as fresh:
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


def test_a_changed_lock_has_a_launcher_of_its_own_and_an_unchanged_one_keeps_it(tmp_path, forking):
    place = Place(tmp_path, forking)
    said = [place.run("launcher", lock=lock).output["value"] for lock in ("a", "a", "b", "a")]
    assert said[0] == said[1] == said[3] != said[2]


def test_a_launcher_forks_unless_a_library_started_threads_when_it_was_imported(tmp_path, forking):
    (tmp_path / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    said = {}
    for library in ("colorsys", "threaded"):
        command = [sys.executable, "-P", "-m", "regie.pipelines.launcher", str(tmp_path / library), "fork", f'["{library}"]']
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(tmp_path)}, stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
        said[library] = json.loads(done.stdout)["ready"]
    assert said == {"colorsys": "fork", "threaded": "spawn"}


def test_a_launcher_that_was_killed_is_replaced(tmp_path, forking):
    place = Place(tmp_path, forking)
    first = place.run("launcher", lock="killed").output["value"]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: gone(first))
    assert place.run("launcher", lock="killed").output["value"] != first


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
