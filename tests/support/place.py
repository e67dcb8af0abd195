"""A workspace on a driven clock over a real database, without processes: its scene, and a hand on its clock and its log."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from regie.base.canonical import canonical
from regie.base.clock import DAY_MS, wall_ms
from regie.loop.scene import Scene, scene
from regie.predictions import lake
from regie.registry import changes as registry
from regie.registry.types import CHALLENGER
from regie.spec.load import load
from regie.store.change import Store, upsert
from regie.store.tables import nodes, specs, workspaces
from regie.store.types import NOBODY_CAUSE, system

NOW = 20_000 * DAY_MS
SPEC = """
regie: 1
workspace: loop
data:
  rows:
    source: rows.csv
    key: id
    time: time
    columns: {a: float, y: bool}
    label: {column: y, known_after: 1d}
    holdout: last 7d
pipelines: {train: {run: flow:train}}
model: {name: loop, task: binary, gates: [log_loss <= champion + 0.05]}
serve:
  rollout: [shadow 1d, canary 10% for 1d, full, watch 9d]
  abort_if: [errors > 10%, latency.p95 > 40ms, log_loss > champion + 0.1]
  min_requests: 20
monitor:
  quality: [log_loss <= champion_at_release * 1.1 over 7d]
react:
  - {when: quality.breached, do: train, at_most: 1/week}
"""


@dataclass
class Place:
    """One workspace. Times are business milliseconds."""

    store: Store
    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "regie.yaml").write_text(SPEC)
        self.spec = load(self.folder / "regie.yaml")
        row = {"name": "loop", "clock": "driven", "now_ms": NOW, "secret": "00" * 32, "created_ms": NOW}
        with self.store.database.write() as db:
            db.execute(insert(workspaces).values(**row, spec_digest=self.spec.digest))
            db.execute(
                insert(specs).values(
                    digest=self.spec.digest, workspace="loop", document=canonical(self.spec.to_json()), root=str(self.folder),
                    code_digest="sha256:" + "0" * 64, git="{}", applied_ms=NOW, applied_by="test",
                )
            )  # fmt: skip

    @property
    def scene(self) -> Scene:
        found = scene(self.store, self.folder / "predictions", "loop")
        assert found is not None
        return found

    def pass_days(self, days: float) -> None:
        with self.store.database.write() as db:
            db.execute(update(workspaces).values(now_ms=workspaces.c.now_ms + round(days * DAY_MS)))

    def register(self, role: str = CHALLENGER) -> int:
        """One more version."""
        with self.store.change(system("train"), "model.register", "loop", workspace="loop") as tx:
            registry.ensure_model(tx, "loop")
            return registry.register(
                tx, "loop", source="runs:/x", package="sha256:" + "1" * 64, role=role, window="all",
                seen_until_ms=NOW - 8 * DAY_MS, cause=NOBODY_CAUSE,
            )  # fmt: skip

    def under(self, turn: str, action: str) -> Any:
        return self.store.change(system(turn), action, "loop", workspace="loop")

    def node(self, failed: str = "", **generations: int) -> None:
        """A live serving node that has acknowledged these generations; `failed`: what it says of the endpoint."""
        row = {
            "id": "n1", "tag": 1, "nonce": "x", "address": "here", "flush": 0, "generations": canonical(generations),
            "failed": canonical({"loop": failed} if failed else {}), "last_id": "", "seen_wall_ms": wall_ms(),
        }  # fmt: skip
        with self.store.machinery() as batch:
            batch.execute(upsert(batch.connection, nodes, row, ["id"]))

    def log(self, records: list[dict[str, Any]], name: str = "n1-1-0") -> None:
        lake.ingest(self.folder / "predictions", "loop", records, name)


def record(number: int, time_ms: int, version: int, mode: str = "live", **more: Any) -> dict[str, Any]:
    """One logged answer of one row."""
    made = {
        "k": "p" if mode == "live" else "s", "w": "loop", "e": "loop", "rid": f"q{number}", "t": time_ms, "wall": 0, "g": 1,
        "v": version, "r": "champion", "m": mode, "ids": [f"{number:048x}"], "keys": [f"k{number}"], "times": [time_ms],
        "rows": [[0.5]], "cols": ["a"], "y": [0.5], "ms": 1.0, **more,
    }  # fmt: skip
    return (
        made if mode == "live" else {name: value for name, value in made.items() if name not in ("keys", "times", "rows", "cols")}
    )
