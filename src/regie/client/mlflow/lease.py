"""One import or export at a time writes to a server: the right to is a tag of one experiment there, renewed while it works.

The wire knows no "set it if it is free". So whoever finds it free writes its name, waits for longer than anybody may need from
looking to writing, and looks again: the last one who wrote is the one. Who needed longer starts anew. One that was killed on this
machine is replaced at once, one elsewhere when its time is over.
"""

import os
import platform
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from regie.base.canonical import sha256
from regie.base.clock import MINUTE_MS, monotonic, wall_ms
from regie.base.errors import Conflict
from regie.base.ids import new_id
from regie.base.processes import started
from regie.client.http import RemoteError
from regie.client.mlflow import marks
from regie.client.mlflow.read import NOTHING
from regie.client.mlflow.things import pairs
from regie.client.mlflow.wire import Wire

LASTS_MS, RENEWED_MS = 5 * MINUTE_MS, 2 * MINUTE_MS
SETTLES_S = 0.3
TRIES = 20
FREE = "free"  # on an older server, which deletes no tags of experiments
PLACE = "Default"  # the experiment that every server has


@dataclass(frozen=True)
class Holder:
    """Who holds it: a process of a machine, one of its attempts, until when."""

    machine: str
    pid: int
    since: str
    attempt: str
    until_ms: int

    @classmethod
    def of(cls, text: str) -> "Holder | None":
        try:
            machine, pid, since, attempt, until_ms = text.split()
            return cls(machine, int(pid), since, attempt, int(until_ms))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.machine} {self.pid} {self.since} {self.attempt} {self.until_ms}"

    @property
    def works(self) -> bool:
        return self.until_ms > wall_ms() and (self.machine != machine() or _since(self.pid) == self.since)


class Lease:
    """Taken at the first write, so that a run which finds nothing to do writes nothing at all. Threads may share it."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._lock = wire, threading.Lock()
        self._attempt, self._place, self._renewed_ms = new_id(), "", 0  # 0: it is not held

    def hold(self) -> None:
        """Take it, or renew it in time. Raises Conflict where another one has it."""
        if wall_ms() - self._renewed_ms < RENEWED_MS:
            return
        with self._lock:
            if not self._renewed_ms:
                self._take()
            elif wall_ms() - self._renewed_ms >= RENEWED_MS:
                self._renew()
            self._renewed_ms = wall_ms()

    def give_back(self) -> None:
        """Leave the server to the next one."""
        if self._renewed_ms and (found := self._holder()) is not None and found.attempt == self._attempt:
            said = {"experiment_id": self._place, "key": marks.LEASE}
            try:
                self._wire.send("experiments/delete-experiment-tag", said)
            except RemoteError as error:
                if error.status not in NOTHING:
                    raise
                self._wire.send("experiments/set-experiment-tag", {**said, "value": FREE})
        self._renewed_ms = 0

    def _take(self) -> None:
        self._place = self._place or self._placed()
        for _ in range(TRIES):
            looked = monotonic()
            if (found := self._holder()) is not None and found.works and found.attempt != self._attempt:
                raise self._busy(found)
            self._write()
            if monotonic() - looked < SETTLES_S:
                time.sleep(SETTLES_S)
                if (found := self._holder()) is not None and found.attempt == self._attempt:
                    return
                raise self._busy(found)
        raise Conflict(
            "the server answers too slowly to say who may write to it", self._wire.url, "try again when it has less to do"
        )

    def _renew(self) -> None:
        found = self._holder()
        if found is None or found.attempt != self._attempt:
            raise self._busy(found)
        self._write()

    def _write(self) -> None:
        holder = Holder(machine(), os.getpid(), _since(os.getpid()), self._attempt, wall_ms() + LASTS_MS)
        said = {"experiment_id": self._place, "key": marks.LEASE, "value": str(holder)}
        self._wire.send("experiments/set-experiment-tag", said)

    def _holder(self) -> Holder | None:
        found = self._wire.get("experiments/get", experiment_id=self._place)["experiment"]
        return Holder.of(pairs(found.get("tags")).get(marks.LEASE, ""))

    def _placed(self) -> str:
        """The experiment that carries the tag: the default one, or, where that was deleted, the first by name."""
        said = {"max_results": 1, "order_by": ["name ASC"], "view_type": "ACTIVE_ONLY"}
        default = self._wire.send("experiments/search", {**said, "filter": f"name = '{PLACE}'"}).get("experiments")
        if default:
            return str(default[0]["experiment_id"])
        try:
            return str(self._wire.once("experiments/create", {"name": PLACE})["experiment_id"])
        except RemoteError as error:
            if error.status not in (400, 409):
                raise
        first = self._wire.send("experiments/search", said).get("experiments")
        if not first:
            raise Conflict("it has no active experiment", self._wire.url, f"restore the experiment {PLACE} there")
        return str(first[0]["experiment_id"])

    def _busy(self, found: Holder | None) -> Conflict:
        who = (
            f"process {found.pid} of {'this machine' if found.machine == machine() else 'another machine'}" if found else "nobody"
        )
        return Conflict(
            f"another import or export writes to it: {who}", self._wire.url,
            f"wait for its end, then give the same command again; if it was killed elsewhere, in {LASTS_MS // MINUTE_MS} minutes",
        )  # fmt: skip


def _since(pid: int) -> str:
    """When a process of this machine started, in one word."""
    return (started(pid) or "-").replace(" ", "_")


def machine() -> str:
    """This machine, or this container of it: where a process id says something."""
    parts = [platform.node()]
    for file in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(file)
        parts.append(os.readlink(path) if path.is_symlink() else path.read_text() if path.exists() else "")
    return sha256("\n".join(parts).encode()).removeprefix("sha256:")[:12]
