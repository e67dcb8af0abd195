"""`regie up`: server, worker and serve of one home on one machine, kept running.

One per home, by a lock. Ports are looked at before anything starts. A child that dies is started again, after a pause that doubles.
Server and worker end with this process, however it ends; serve goes on answering, and the next `up` of the home adopts it.
"""

import fcntl
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regie.app.children import END_S, Adopted, Child, Process, Start, asked, health, healthy, log_tail
from regie.base.clock import monotonic
from regie.base.errors import Conflict, RegieError
from regie.base.files import write_atomically
from regie.base.processes import StopSignal, started
from regie.serving.errors import PortBusy

HOST = "127.0.0.1"
READY_S = 60.0  # a first start creates the database and imports everything from a cold disk
LOOK_S = 0.2
READY_LOOK_S = 0.05
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0  # who lived that long gets the first pause again
FORMER_S = 15.0  # within that time the children of a killed supervisor have left their ports
log = logging.getLogger("regie.up")


class DidNotStart(RegieError):
    """A process ended, or did not answer, before `up` was ready."""

    code, status = "process.did_not_start", 500

    def __init__(self, name: str, why: str, log_file: Path, exit_code: int) -> None:
        super().__init__(f"{name} {why}\n{log_tail(log_file)}".rstrip(), str(log_file), "see the whole log")
        vars(self)["exit_code"] = exit_code


@dataclass(frozen=True)
class Plan:
    """What to run. Addresses are on loopback."""

    home: Path
    port: int
    serve_port: int
    replay_from: str | None = None
    invites: bool = True  # prints a link to sign in; not into a log

    @property
    def server(self) -> str:
        return f"http://{HOST}:{self.port}"

    def starts(self) -> list[Start]:
        """The processes in the order in which they start."""
        home, logs = str(self.home), self.home / "logs"
        replay = ["--replay-from", self.replay_from] if self.replay_from else []
        return [
            Start("server", ["server", "--home", home, "--port", str(self.port), *replay], logs, self.server),
            Start("worker", ["worker", "--home", home, "--server", self.server], logs, None),
            Start(
                "serve", ["serve", "--home", str(self.home / "serve"), "--server", self.server, "--port", str(self.serve_port)],
                logs, f"http://{HOST}:{self.serve_port}", outlives=True,
            ),
        ]  # fmt: skip


@dataclass
class Kept:
    """One process under supervision. `pause_s`: before it is started again."""

    start: Start
    process: Process
    since: float = field(default_factory=monotonic)
    pause_s: float = FIRST_PAUSE_S
    again_at: float | None = None


def up(plan: Plan, say: Callable[[str], None]) -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit code. Raises Conflict, PortBusy, DidNotStart; then nothing is left running."""
    (plan.home / "logs").mkdir(parents=True, exist_ok=True)
    with Lock(plan.home):
        serve = adoptable(plan.home)
        _ports_are_free(plan, serve, patient=(plan.home / "up.json").exists())
        if serve and serve.port != plan.serve_port:
            plan = replace(plan, serve_port=serve.port)
        stop = _stop_on_signals()
        kept: list[Kept] = []
        try:
            _write_state(plan)
            _start_all(plan, serve, kept, stop, say)
            if not stop.is_set():
                say(f"server  {plan.server}\nserve   http://{HOST}:{plan.serve_port}\nlogs    {plan.home / 'logs'}")
                if plan.invites:
                    say(invitation(plan.server))
            _keep(kept, stop, say)
        finally:
            _end_all(kept, say)
            (plan.home / "up.json").unlink(missing_ok=True)
        return 0


def invitation(server: str) -> str:
    """A line with a link that signs the local user in at the control room, once; or with the way to one."""
    status, answer = asked(server, "/api/v1/session/codes", "POST")
    if status != 201:
        return "open    sign in at the control room: regie open"
    return f"open    {server}/sign-in#{json.loads(answer)['code']}  (works once, for 15 minutes; then: regie open)"


class Lock:
    """One supervisor per home; the system lets go of it when the process dies. Raises Conflict, naming who has it."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __enter__(self) -> None:
        self.file = (self.home / "up.lock").open("a")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.close()
            said = _read(self.home / "up.json")
            who = f"pid {said['pid']}, {said['server']} and {said['serve']}" if said else "it is just starting or ending"
            raise Conflict(
                f"`regie up` runs on this home already: {who}", str(self.home), "use it, end it, or choose another --home"
            ) from None

    def __exit__(self, *_: object) -> None:
        self.file.close()


def adoptable(home: Path) -> Adopted | None:
    """The living serve of this home: what answers at the port that it wrote says the nonce that it wrote."""
    said = _read(home / "serve" / "serve.json")
    try:
        pid, port, nonce = int(said["pid"]), int(said["port"]), str(said["nonce"])
    except (KeyError, TypeError, ValueError):
        return None
    address = f"http://{HOST}:{port}"
    since = started(pid)
    return Adopted(pid, since, port) if since and health(address).get("nonce") == nonce else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _ports_are_free(plan: Plan, serve: Adopted | None, patient: bool) -> None:
    """`patient`: a supervisor of this home was killed; its server may need a moment to leave the port."""
    if plan.port == (serve.port if serve else plan.serve_port):
        raise PortBusy(f"server and serve cannot both listen on port {plan.port}", "--serve-port", "choose two ports")
    until = monotonic() + (FORMER_S if patient else 0)
    for flag, port in (("--port", plan.port), *([] if serve else [("--serve-port", plan.serve_port)])):
        while not _free(port):
            if monotonic() > until:
                raise PortBusy(f"port {port} of {HOST} is in use", flag, f"end what uses it, or choose another {flag}")
            threading.Event().wait(LOOK_S)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _stop_on_signals() -> StopSignal:
    # `nohup regie up &` has asked that some of them be ignored.
    asked = [one for one in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(one) != signal.SIG_IGN]
    return StopSignal([signal.SIGTERM, *asked])


def _write_state(plan: Plan) -> None:
    state = {
        "pid": os.getpid(), "started": started(os.getpid()), "nonce": secrets.token_hex(8), "server": plan.server,
        "serve": f"http://{HOST}:{plan.serve_port}", "port": plan.port, "serve_port": plan.serve_port,
    }  # fmt: skip
    write_atomically(plan.home / "up.json", json.dumps(state))


def _start_all(plan: Plan, serve: Adopted | None, kept: list[Kept], stop: StopSignal, say: Callable[[str], None]) -> None:
    """Start each and wait until it answers. Raises DidNotStart."""
    for start in plan.starts():
        if stop.is_set():
            return
        if start.name == "serve" and serve is not None:
            say(f"serve is adopted: pid {serve.pid}")
            kept.append(Kept(start, serve))
            continue
        kept.append(Kept(start, Child(start)))
        _wait_until_ready(kept[-1], stop)


def _wait_until_ready(one: Kept, stop: StopSignal) -> None:
    until = monotonic() + READY_S
    while not stop.is_set():
        ended = one.process.ended()
        if ended is not None:
            raise DidNotStart(one.start.name, f"ended with code {ended}", one.start.log, ended if 0 < ended < 128 else 1)
        if one.start.address is None or healthy(one.start.address):
            return
        if monotonic() > until:
            raise DidNotStart(one.start.name, f"does not answer after {READY_S:.0f} s", one.start.log, 1)
        stop.wait(READY_LOOK_S)


def _keep(kept: list[Kept], stop: StopSignal, say: Callable[[str], None]) -> None:
    """Start again what ends, until told to stop."""
    while not stop.wait(LOOK_S):
        for one in kept:
            _look(one, say)


def _look(one: Kept, say: Callable[[str], None]) -> None:
    now = monotonic()
    if one.again_at is None and (code := one.process.ended()) is not None:
        one.process.clear()
        one.pause_s = FIRST_PAUSE_S if now - one.since > STEADY_S else one.pause_s
        one.again_at = now + one.pause_s
        say(f"{one.start.name} ended with code {code}; it starts again in {one.pause_s:g} s (log: {one.start.log})")
    elif one.again_at is not None and now >= one.again_at:
        one.process, one.since, one.again_at = Child(one.start), now, None
        one.pause_s = min(one.pause_s * 2, LONGEST_PAUSE_S)


def _end_all(kept: list[Kept], say: Callable[[str], None]) -> None:
    """The last started first: serve delivers what it logged to a server that still answers."""
    for one in reversed(kept):
        if not one.process.end():
            say(f"{one.start.name} did not end within {END_S:g} s and was killed; its log says where it was: {one.start.log}")


def detach(words: list[str], home: Path) -> int:
    """Start `up` in the background and wait until it is ready; returns its pid. Raises DidNotStart, Conflict."""
    with Lock(home):
        pass
    start = Start("up", ["up", "--detached", *words], home / "logs", None, outlives=True)
    child = Child(start)
    until = monotonic() + 2 * READY_S
    while monotonic() < until:
        ended = child.ended()
        if ended is not None:
            raise DidNotStart("up", f"ended with code {ended}", start.log, ended if 0 < ended < 128 else 1)
        said = _read(home / "up.json")
        if said.get("pid") == child.pid and healthy(said["server"]) and healthy(said["serve"]):
            return child.pid
        threading.Event().wait(LOOK_S)
    child.end()
    raise DidNotStart("up", "is not ready", start.log, 1)
