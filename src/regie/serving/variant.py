"""The process of one variant that is not the champion: `python -m regie.serving.variant`.

It talks in frames, `u32 length | JSON`, little-endian: on stdin first `{"open": folder, "signature": ..., "memory_bytes": N}`,
then `{"n": 1, "cols": [...], "rows": [[...]]}`; on stdout `{"ready": true, "names": [...]}` or `{"failed": text}`, then
`{"n": 1, "y": [...], "ms": 0.2}` or `{"n": 1, "err": text}`. It ends when its stdin does, even while a model hangs, so that it
never outlives the router. What a model prints goes to stderr.
"""

import json
import os
import queue
import signal
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from regie.base.clock import monotonic
from regie.base.loading import loading
from regie.runtime.manifest import intact
from regie.runtime.package import Package, open_package
from regie.runtime.signature import from_json

HEAD = struct.Struct("<I")
FRAME_BYTES = 64 << 20
ERROR_CHARS = 500
OUT_OF_MEMORY = 70  # exit code: the model asked for more than there is, and what it held goes back at once
Write = Callable[[dict[str, Any]], None]


def frame(payload: bytes) -> bytes:
    """A message as it goes through the pipe."""
    return HEAD.pack(len(payload)) + payload


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal ends the router, which then ends this
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    write = _writer(out)
    messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, messages), daemon=True).start()
    _warm()
    package = _open(messages.get(), write)
    if package is None:
        return 1
    while True:
        reply = _answer(package, messages.get())
        write(reply)
        if reply.get("err", "").startswith("MemoryError"):
            os._exit(OUT_OF_MEMORY)  # the thread that reads would keep the interpreter from ending in order


def _read(source: BinaryIO, messages: "queue.SimpleQueue[dict[str, Any]]") -> None:
    while len(head := source.read(HEAD.size)) == HEAD.size:
        length = HEAD.unpack(head)[0]
        body = source.read(length)
        if length > FRAME_BYTES or len(body) < length:
            break
        messages.put(json.loads(body))
    os._exit(0)  # the router is gone; the main thread may hang in a model


def _writer(out: BinaryIO) -> Write:
    def write(message: dict[str, Any]) -> None:
        out.write(frame(json.dumps(message, separators=(",", ":"), allow_nan=False).encode()))
        out.flush()

    return write


def _warm() -> None:
    """Import what packages need while nobody waits: it takes a second."""
    with loading():
        with suppress(ImportError):
            import lightgbm  # noqa: F401
        with suppress(ImportError):
            import sklearn.pipeline  # noqa: F401


def _open(message: dict[str, Any], write: Write) -> Package | None:
    _limit(message.get("memory_bytes"))
    signature = message.get("signature")
    try:
        folder = Path(message["open"])
        intact(folder)  # it may be long since it was fetched: a process is started again whenever it died
        package = open_package(folder, from_json(signature) if signature else None)
    except Exception as error:  # noqa: BLE001 - loading runs foreign code; whatever it raises is the answer
        write({"failed": _text(error)})
        return None
    write({"ready": True, "names": list(package.reader.names)})
    return package


def _limit(memory_bytes: int | None) -> None:
    """Where the platform has it; macOS takes the call and does nothing."""
    with suppress(OSError):  # where the machine's memory ends, the kernel takes this process, not the router
        Path("/proc/self/oom_score_adj").write_text("1000")
    if not memory_bytes:
        return
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _answer(package: Package, message: dict[str, Any]) -> dict[str, Any]:
    began = monotonic()
    try:
        names = message["cols"]
        answers = package.answer_records([dict(zip(names, row, strict=True)) for row in message["rows"]])
        reply = {"n": message["n"], "y": answers, "ms": round((monotonic() - began) * 1000, 3)}
        json.dumps(answers, allow_nan=False)
    except MemoryError as error:
        return {"n": message["n"], "err": f"MemoryError: {error}"[:ERROR_CHARS], "ms": round((monotonic() - began) * 1000, 3)}
    except Exception as error:  # noqa: BLE001 - a model is foreign code; the router hears what it raised
        return {"n": message["n"], "err": _text(error), "ms": round((monotonic() - began) * 1000, 3)}
    return reply


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:ERROR_CHARS]


if __name__ == "__main__":
    sys.exit(main())
