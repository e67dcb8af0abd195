"""The peer of `queue_jobs`: workflows that do nothing, through a queue of DBOS. Runs in the peer's environment.

`python peer_dbos.py DATABASE_URL`; each line on stdin is a count, each line on stdout the workflows a second that were done.
"""

import sys
import time

from dbos import DBOS  # type: ignore[import-not-found]

LOOK_S = 0.05  # as our worker

DBOS(config={"name": "peer", "system_database_url": sys.argv[1], "run_admin_server": False, "log_level": "ERROR"})


@DBOS.workflow()  # type: ignore[untyped-decorator]
def nothing(number: int) -> int:
    return number


def work(queue: object, count: int) -> float:
    began = time.perf_counter()
    handles = [queue.enqueue(nothing, number) for number in range(count)]  # type: ignore[attr-defined]
    assert [handle.get_result() for handle in handles] == list(range(count))
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    DBOS.launch()
    queue = DBOS.register_queue("queue", polling_interval_sec=LOOK_S)
    work(queue, 20)
    for line in sys.stdin:
        print(work(queue, int(line)), flush=True)
    DBOS.destroy()
