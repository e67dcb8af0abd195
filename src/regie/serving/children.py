"""The processes of variants, as the router starts, hears and ends them; one is spare while variants live. `variant.py` is their other end."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from regie.serving.variant import FRAME_BYTES, HEAD, OUT_OF_MEMORY

REFILL_S = 2.0
END_S = 0.5
KILLED = "killed, probably out of memory"  # as the worker says it of a task
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Spare:
    """One process that has imported the libraries and waits for a package, so that a variant that died is soon there again."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._asked = 0
        self._filling: set[asyncio.Task[None]] = set()

    async def take(self) -> asyncio.subprocess.Process:
        """The waiting process, or a new one; another one is then started."""
        async with self._lock:
            process, self._process = self._process, None
            if process is None or process.returncode is not None:
                process = await spawn()
        self.refill(REFILL_S)
        return process

    def refill(self, after_s: float = 0.0) -> None:
        """Start another one, a little later: its imports must not compete with the variant that was just taken."""
        self._asked += 1
        task = asyncio.get_running_loop().create_task(self._fill(self._asked, after_s))
        self._filling.add(task)
        task.add_done_callback(self._filling.discard)

    async def close(self) -> None:
        """End the waiting process: it holds more memory than this one. A variant that comes later starts another."""
        self._asked += 1
        async with self._lock:
            process, self._process = self._process, None
            if process:
                await end(process)

    async def _fill(self, asked: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        async with self._lock:
            if self._process is None and asked == self._asked:
                with suppress(OSError):
                    self._process = await spawn()


async def spawn() -> asyncio.subprocess.Process:
    # Nothing of the node's configuration goes to foreign code; one thread, for each core has its own worker.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGIE_")}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "regie.serving.variant",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment, start_new_session=True,
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def message(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next frame. Raises IncompleteReadError where the process ends, ValueError where it does not keep to the protocol."""
    assert process.stdout is not None
    length = HEAD.unpack(await process.stdout.readexactly(HEAD.size))[0]
    if length > FRAME_BYTES:
        raise ValueError("a frame is too long")
    return dict(json.loads(await process.stdout.readexactly(length)))


async def fate(process: asyncio.subprocess.Process) -> str:
    """How a process ended that talks no more, in words; it has ended then."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), END_S)
    code = process.returncode
    await end(process)
    if code is None:
        return "it broke off in the middle"
    if code == -9:
        return KILLED
    if code == OUT_OF_MEMORY:
        return "ended, out of memory"
    return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def resident_bytes(pid: int) -> int:
    """The memory that a process holds; 0 where the system does not say (macOS), or the process is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0
