"""Run the benchmarks and write their tables into docs/benchmarks.md, between the markers; the words around them are a person's.

`python -m benchmarks [PART...]`: all parts, or some. A part that fails keeps its former table, with the day of it, and the exit code is 1.
With `PEERS=1` in the environment the peers are installed first.
"""

import importlib
import os
import sys
import time
import traceback

from benchmarks import page, peers

# Each has a `run() -> list[str]`; what is measured by the wall's clock first, before the machine is warm from the rest.
PARTS = (
    "queue_jobs",
    "audited_changes",
    "pipeline_steps",
    "pipeline_first_line",
    "idle_processes",
    "serve_one_row",
    "answer_one_row",
    "start_up",
)


def main(words: list[str]) -> int:
    """Run the named parts, by default all; returns the exit code."""
    unknown = set(words) - set(PARTS)
    if unknown:
        print(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if os.environ.get("PEERS"):
        peers.install()
    told, failed = page.machine(), []
    for name in words or PARTS:
        began = time.monotonic()
        try:
            lines = importlib.import_module(f"benchmarks.{name}").run()
        except Exception:  # noqa: BLE001 - whatever fails, the other parts are measured
            traceback.print_exc()
            failed.append(name)
            continue
        lines += ["", f"Measured on {time.strftime('%Y-%m-%d')}; {told}."]
        print("\n".join(["", f"## {name}, {time.monotonic() - began:.0f} s", *lines]), flush=True)
        page.write({name: lines})
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
