"""What runs in a task's process, where there is no database: `docs/reference/task-http.md`.

Three kinds of payload: `task` runs a step, `plan` builds a pipeline's graph, `call` runs a function of Regie's own on a JSON value
(gates, the choice among candidates). Each ends by writing `result.json` into its working folder, or not at all.
"""

import atexit
import faulthandler
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from regie.base.canonical import canonical
from regie.base.errors import BadInput, NotFound, RegieError
from regie.pipelines import graph, values
from regie.pipelines.steps import Pipeline, Step

TRACEBACK_CHARS = 20_000


def main(payload: dict[str, Any]) -> None:
    """Do what the payload says and write `result.json`. The outermost loop of the process: whatever is raised is recorded."""
    workdir = Path(payload["workdir"])
    try:
        output = KINDS[payload.get("kind", "task")](payload)
        result = {"ok": True, "output": output}
    except (Exception, SystemExit) as error:  # noqa: BLE001
        result = {"ok": False, "error": described(error)}
        print(result["error"]["traceback"], file=sys.stderr, flush=True)  # type: ignore[index]
    unfinished = workdir / "result.json.part"
    unfinished.write_text(canonical(result))
    unfinished.replace(workdir / "result.json")


def run_step(payload: dict[str, Any]) -> dict[str, Any]:
    """Fetch the inputs, call the user's function, store what it returns."""
    called = _user_object(payload["step"], Path(payload["code_path"]))
    function = called.function if isinstance(called, Step) else called
    work = values.Values(payload)
    try:
        given = {name: work.read(name, one) for name, one in payload["inputs"].items()}
        returned = function(**given)
        return work.write(returned, graph.hints_of(function, payload["step"]).get("return", Any))
    finally:
        work.close()


def plan(payload: dict[str, Any]) -> dict[str, Any]:
    """The graph of `pipeline` for `params`; texts from a command line are read by their type hint."""
    called = _user_object(payload["pipeline"], Path(payload["code_path"]))
    if not isinstance(called, Pipeline):
        raise graph.BadGraph("it is not marked with @pipeline", payload["pipeline"], "write @pipeline above it")
    hints = graph.hints_of(called.function, called.where)
    texts = {name: read_text(text, hints.get(name, Any), name) for name, text in payload.get("texts", {}).items()}
    return graph.build(called, payload.get("params", {}) | texts).to_json()


def call(payload: dict[str, Any]) -> dict[str, Any]:
    """A function of Regie's own, `module:function`, on `arguments`. Its answer must be a JSON object."""
    module, _, name = str(payload["function"]).partition(":")
    if module.partition(".")[0] != "regie":
        raise BadInput(f"{module} is not a module of Regie", "call", "a step runs user code")
    answer = getattr(importlib.import_module(module), name)(payload["arguments"])
    if not isinstance(answer, dict):
        raise TypeError(f"{payload['function']} answered a {type(answer).__name__}, not a dict")
    return answer


KINDS = {"task": run_step, "plan": plan, "call": call}


def read_text(text: str, hint: Any, name: str) -> Any:
    """`-p depth=4`: as JSON where the type hint allows that, else as text. Raises BadGraph."""
    with suppress(ValueError):
        value = json.loads(text)
        if graph.fits(value, hint) and hint is not str:
            return value
    if graph.fits(text, hint):
        return text
    raise graph.BadGraph(f"{name} is {text!r}, not {graph.shown_hint(hint)}", "-p", f"-p {name}=VALUE")


def described(error: BaseException) -> dict[str, Any]:
    """An exception as `result.json` holds it; without the frames of this file, which say nothing about the user's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    message = f"{error.code}" if isinstance(error, SystemExit) else f"{error}"
    more = {"code": error.code} if isinstance(error, RegieError) else {}
    return {"type": type(error).__name__, "message": message, "traceback": text[-TRACEBACK_CHARS:], **more}


def prepare(memory_bytes: int | None) -> None:
    """Traceback into the log when a signal kills it; a limit of writable memory, where the system knows one: more is a MemoryError."""
    faulthandler.enable()
    faulthandler.register(signal.SIGTERM, chain=True)
    if memory_bytes:
        import resource

        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def leave() -> NoReturn:
    """End the interpreter as it ends itself: threads, then `atexit`, then the output. Only its modules are not taken apart.

    That costs 25 ms with pandas loaded, and native libraries crash in it now and then.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(0)


def _user_object(where: str, code: Path) -> Any:
    """Import `module:name` from the project's code, and from nowhere else what the project itself has."""
    folders = [str(code / "src"), str(code)] if (code / "src").is_dir() else [str(code)]
    sys.path[:0] = [folder for folder in folders if folder not in sys.path]
    sys.dont_write_bytecode = True  # the folder is shared with other tasks
    own = {entry.removesuffix(".py") for folder in folders for entry in os.listdir(folder)}
    for name in [name for name in sys.modules if name.partition(".")[0] in own - {"regie"} - set(sys.stdlib_module_names)]:
        del sys.modules[name]  # a library of the same name that was loaded before
    module, _, name = where.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise NotFound(f"{module} has no {name}", where, "correct `run:` in regie.yaml, or the function's name")
    return found


if __name__ == "__main__":
    request = json.load(sys.stdin)
    prepare(request["memory_bytes"])
    # Under its own name, so that there are not two of each class here.
    task = importlib.import_module("regie.pipelines.task")
    task.main(request["payload"])
    task.leave()
