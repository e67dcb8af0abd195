"""Running again from a task: it and what follows are computed anew, what comes before is not; and a log is followed while it grows."""

import threading
import time
from dataclasses import replace

from regie.pipelines import logs, queries

FOLLOWED = """
import time
from pathlib import Path
from regie import Dataset, Table, pipeline, step

@step
def talk(customers: Dataset) -> int:
    print("first <b>words</b>", flush=True)
    while not Path("GO").exists():
        time.sleep(0.05)
    print("last words")
    return 1

@pipeline
def talks(customers: Dataset) -> int:
    return talk(customers)
"""


def test_a_task_that_is_asked_for_runs_with_what_follows_and_the_cache_has_the_rest(world):
    world.go(world.request("evaluated"))
    again = replace(world.request("evaluated"), fresh=frozenset({"fit", "score"}))
    world.go(again)
    assert world.tasks(again) == [("clean", "cached"), ("fit", "finished"), ("score", "finished")]
    later = world.request("evaluated")
    world.go(later)
    assert {state for _, state in world.tasks(later)} == {"cached"}  # what was computed anew is what the cache has now


def test_a_worker_that_takes_the_run_over_computes_nothing_anew_twice(world):
    world.go(world.request("train"))
    again = replace(world.request("train"), fresh=frozenset({"clean", "fit"}))
    world.go(again)
    world.go(again)  # the next worker, on the same run
    assert [state for _, state in world.tasks(again)] == ["finished", "finished", "cached", "cached"]


def test_a_living_task_is_followed_and_its_whole_log_goes_on_at_the_same_offset(world):
    go = world.folder / "go"
    request = world.request("talks", flow=FOLLOWED.replace('"GO"', repr(str(go))))
    done = threading.Thread(target=world.go, args=(request,))
    done.start()
    seen, task = None, None
    until = time.monotonic() + 60
    while time.monotonic() < until and (seen is None or not seen.text):
        time.sleep(0.05)
        with world.store.read() as db:
            made = queries.attempts_at(db, request.run_id, "talk", "")
            if made:
                task = made[-1]
                seen = logs.piece(db, world.store.blobs, task, None)
    assert (seen.text, seen.live) == ("first <b>words</b>\n", True)
    go.write_text("")
    done.join(60)
    with world.store.read() as db:
        task = queries.attempts_at(db, request.run_id, "talk", "")[-1]
        rest = logs.piece(db, world.store.blobs, task, seen.end_bytes)
    assert (task["state"], rest.at_bytes, rest.text, rest.live) == ("finished", seen.end_bytes, "last words\n", False)
