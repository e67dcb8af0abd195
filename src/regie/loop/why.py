"""Why: walk the events backwards, from a thing to what started it, with the evidence on the way.

Every event knows the one that led to it (`causationid`), so the chain is read, never guessed.
"""

import re
from typing import Any

from sqlalchemy import Connection

from regie.base.clock import iso
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.loop import chain, react, release, train
from regie.loop.scene import Scene
from regie.pipelines import why as tasks
from regie.registry import queries as registry
from regie.rollout import queries as rollout
from regie.rollout.decide import decide
from regie.store import events
from regie.store.change import caused
from regie.store.events import Event

VERSION = re.compile(r"(?P<model>[^@/]+)@(?P<version>\d+|champion|challenger)")


def explain(scene: Scene, db: Connection, thing: str) -> dict[str, Any]:
    """The chain behind a thing, its newest link first. Raises NotFound, saying what can be asked."""
    if thing in (scene.workspace, "quiet", "loop"):
        return {"thing": thing, "lines": _now(scene, db)}
    if match := VERSION.fullmatch(thing):
        return {"thing": thing, "lines": _of_version(scene, db, match["model"], match["version"])}
    if "/" in thing:
        run_id, _, task = thing.partition("/")
        name, _, window = task.partition(":")
        found = tasks.explain(db, run_id, name, window or None, scene.store.blobs)
        return {"thing": thing, "lines": _task(scene.now_ms(), found)}
    if (event := events.by_id(db, thing)) is not None:
        return {"thing": thing, "lines": _chain(scene, db, event)}
    newest = events.latest(db, scene.workspace, TYPES, thing, 1)
    if newest:
        return {"thing": thing, "lines": _chain(scene, db, newest[0])}
    raise NotFound(
        f"nothing is known of {thing!r}", scene.workspace,
        f"ask for {scene.model or 'MODEL'}@champion, MODEL@3, a run's, rollout's or event's id, RUN/TASK, or {scene.workspace}",
    )  # fmt: skip


TYPES = (
    "run.failed", "run.finished", "run.started", "rollout.finished", "rollout.aborted", "rollout.superseded",
    "rollout.stage_entered", "rollout.started", "rollout.waiting", "quality.breached", "drift.detected", "reaction.fired",
)  # fmt: skip


def _of_version(scene: Scene, db: Connection, model: str, wanted: str) -> list[dict[str, Any]]:
    if wanted == "champion":
        champion = registry.champion(db, scene.workspace, model=model)
        if champion is None:
            raise NotFound(f"{model} has no champion", scene.workspace, "regie status")
        event = events.by_id(db, caused(champion).causationid)
    else:
        event = _newest_of(scene, db, model, wanted)
    if event is None:
        raise NotFound(f"no event speaks of {model}@{wanted}", scene.workspace, f"regie model show {model}")
    return _chain(scene, db, event)


def _newest_of(scene: Scene, db: Connection, model: str, wanted: str) -> Event | None:
    if wanted == "challenger":
        challengers = [one for one in registry.versions(db, scene.workspace, model) if one.role == "challenger"]
        if not challengers:
            raise NotFound(f"{model} has no challenger", scene.workspace, "regie status")
        wanted = str(max(one.version for one in challengers))
    return chain.newest_of(db, scene.workspace, model, int(wanted))


def _chain(scene: Scene, db: Connection, event: Event) -> list[dict[str, Any]]:
    """The event and what led to it, link by link; gates come with their evidence."""
    lines: list[dict[str, Any]] = []
    for link in chain.behind(db, event):
        lines.append(_line(link, len(lines)))
        if link.type.startswith("gates.") and "@" in link.subject:
            lines.extend(_evidence(scene, db, link, len(lines)))
    return lines


def _line(event: Event, depth: int) -> dict[str, Any]:
    data = dict(event.data)
    because = data.pop("because", "")
    data.pop("gates", None)
    if "deadline_ms" in data:
        data["until"] = iso(data.pop("deadline_ms"))
    detail = ", ".join(
        f"{name} {value}"
        for name, value in data.items()
        if value not in (None, "", [], {}) and not isinstance(value, list | dict)
    )
    return {
        "depth": depth, "time_ms": event.time_ms, "time": iso(event.time_ms), "type": event.type, "subject": event.subject,
        "because": because, "detail": detail, "event": event.id,
    }  # fmt: skip


def _evidence(scene: Scene, db: Connection, link: Event, depth: int) -> list[dict[str, Any]]:
    model, _, version = link.subject.rpartition("@")
    found = [one for one in gates.evidence_of(db, scene.workspace, model, int(version)) if one["judged_ms"] == link.time_ms]
    return [
        {
            "depth": depth, "time_ms": link.time_ms, "time": iso(link.time_ms), "type": "evidence", "subject": one["gate"],
            "because": one["verdict"], "detail": _figures(one), "event": link.id,
        }
        for one in found
    ]  # fmt: skip


def _figures(one: dict[str, Any]) -> str:
    parts = [] if one["value"] is None else [f"{one['value']:.4g}"]
    if one["low"] is not None:
        parts.append(f"[{one['low']:.4g}, {one['high']:.4g}]")
    if one["bound"] is not None:
        parts.append(f"against {one['bound']:.4g}")
    if one["champion_value"] is not None:
        parts.append(f"champion {one['champion']}: {one['champion_value']:.4g}")
    return " ".join([*parts, f"on {one['rows']} rows, {one['blocks']} days" if one["rows"] else ""]).strip()


def _now(scene: Scene, db: Connection) -> list[dict[str, Any]]:
    """Why the loop does what it does now: the rollout's rule, and for each reaction why it does not fire."""
    now = scene.now_ms()
    lines = []
    if scene.serves is not None and (running := rollout.running(db, scene.workspace, scene.serves.endpoint)):
        decision = decide(running.spec, release.observe(scene, db, running), now)
        lines.append(_said(now, "rollout", f"{running.model}@{running.version}", decision.because, f"in {running.current.kind}"))
    for one in gates.approvals_of(db, scene.workspace, state="pending"):
        lines.append(_said(now, "approval", one.subject, "approval.pending", f"by {one.role} until {iso(one.deadline_ms)}"))
    lines += [_said(now, "reaction", one["reaction"], one["because"], one["detail"]) for one in react.quiet(scene, db)]
    live = train.live(db, scene)
    return [*lines, *(_said(now, "run", one["run_id"], one["state"], one["reason"]) for one in live)]


def _task(now: int, found: tasks.Explanation) -> list[dict[str, Any]]:
    """Why a task ran or did not: the first part of its key that differs, then the others, then the parts that do not."""
    lines = [_said(now, "task", found.task, found.because, f"step {found.step}, {found.state}")]
    lines += [
        _said(now, "differs", one.part, f"{one.before[:19] or 'absent'} -> {one.now[:19] or 'absent'}", "")
        for one in found.differences
    ]
    changed = {one.part for one in found.differences}
    return lines + [_said(now, "same", part, value[:19], "") for part, value in found.parts.items() if part not in changed]


def _said(now: int, type: str, subject: str, because: str, detail: str) -> dict[str, Any]:
    return {
        "depth": 0,
        "time_ms": now,
        "time": iso(now),
        "type": type,
        "subject": subject,
        "because": because,
        "detail": detail,
        "event": "",
    }
