"""Approve: ask people about a version that passed its gates, take their answers, and end what nobody answered.

The release turn asks before it lines a rollout up, and again inside the change that starts it, so that no path leads around a
granted approval of exactly this package and evidence. Deadlines are business time.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, select

from regie.base.canonical import digest
from regie.base.clock import iso, wall_ms
from regie.base.errors import Conflict
from regie.gates import approvals, changes
from regie.gates import queries as gates
from regie.gates.approvals import About, Approval, Asked, Decision, Seen
from regie.gates.queries import Qualification
from regie.loop.authors import authors
from regie.loop.scene import Scene
from regie.registry import queries as registry
from regie.registry.changes import set_role
from regie.registry.types import CANDIDATE, CHALLENGER
from regie.rollout import queries as rollout
from regie.spec.document import ApproveSpec
from regie.store.change import caused
from regie.store.tables import workspaces
from regie.store.types import LOCAL, Actor, system

ACTOR = system("release")
ARCHIVED = "Archived"


def stale(scene: Scene, judged: Qualification | None, incumbent: int | None, now_ms: int) -> str:
    """Why the evidence of a version holds no longer, as a rule's name; empty where it holds."""
    if judged is None or judged.judged_ms is None:
        return "evidence.missing"
    if judged.champion != incumbent:
        return "evidence.other_champion"
    labelled = scene.spec.labelled
    holdout_ms = labelled.holdout_ms if labelled else None
    if holdout_ms is not None and now_ms - judged.judged_ms > holdout_ms:
        return approvals.OLD
    return ""


def look(scene: Scene, db: Connection, judged: Qualification, now_ms: int) -> Seen:
    """What there is to see of a version that was judged. Raises NotFound for one that is gone."""
    version = registry.version(db, scene.workspace, judged.model, judged.version)
    champion = scene.champion(db)
    about = About(version.package, judged.attempts, judged.judged_ms or 0, judged.champion, _promises(scene))
    return Seen(
        asked=Asked(promise.by, promise.within_ms) if (promise := _promise(scene)) else None,
        about=about,
        approval=gates.approval(db, scene.workspace, scene.environment, judged.model, judged.version),
        stale=stale(scene, judged, champion.version if champion else None, now_ms),
        refused_before=bool(gates.approvals_of(db, scene.workspace, package=version.package, state="refused", limit=1)),
    )


def decision(scene: Scene, db: Connection, judged: Qualification, now_ms: int) -> Decision:
    return approvals.decide(look(scene, db, judged, now_ms), now_ms)


def _promise(scene: Scene) -> ApproveSpec | None:
    return scene.spec.model.approve if scene.spec.model else None


def _promises(scene: Scene) -> str:
    """Digest of what the file says of the release. Who is asked is no part of it: the question remembers that itself."""
    model, serve = scene.spec.model, scene.spec.serve
    said = {name: value for name, value in model.to_json().items() if name != "approve"} if model else {}
    return digest({"model": said, "serve": serve.to_json() if serve else {}, "environment": scene.environment})


# --- the turn's part ---


def tend(scene: Scene) -> bool:
    """End one question that is over: nobody answered in time, or its version competes no longer. True if there was one."""
    now = scene.now_ms()
    with scene.store.read() as db:
        pending = gates.approvals_of(db, scene.workspace, state="pending")
        over = next(((one, why) for one in pending if (why := _over(scene, db, one, now))), None)
    if over is None:
        return False
    one, because = over
    with scene.store.change(ACTOR, "approval.expire", one.subject, because, workspace=scene.workspace, cause=caused(one)) as tx:
        if because != "approval.too_late":
            changes.lapse(tx, one, "superseded", because)
        elif changes.lapse(tx, one, "expired", because):
            set_role(tx, one.model, one.version, "")
        return tx.rows > 0


def _over(scene: Scene, db: Connection, one: Approval, now_ms: int) -> str:
    if now_ms >= one.deadline_ms:
        return "approval.too_late"
    if (one.model, one.environment) != (scene.model, scene.environment):
        return "promise.changed"
    if all(other.version != one.version for other in registry.versions(db, scene.workspace, one.model, CHALLENGER)):
        return "competes.no_longer"
    passed = gates.in_state(db, scene.workspace, changes.PASSED)
    return "newer.challenger" if any(other.model == one.model and other.version > one.version for other in passed) else ""


def ask(scene: Scene, judged: Qualification, seen: Seen, now_ms: int) -> bool:
    """Ask for an approval of what would be released now."""
    last = seen.approval
    role = seen.asked.role if seen.asked else last.role if last else ""
    within_ms = seen.asked.within_ms if seen.asked else last.deadline_ms - last.requested_ms if last else 0
    because = approvals.why_again(seen)
    with scene.store.change(
        ACTOR, "approval.request", f"{judged.model}@{judged.version}", because, workspace=scene.workspace, cause=caused(judged)
    ) as tx:
        # Of two leaders for a moment, one asks: the other one sees its question.
        tx.execute(select(workspaces.c.name).where(workspaces.c.name == scene.workspace).with_for_update())
        changes.ask(
            tx, scene.environment, judged.model, judged.version, seen.about, role=role, spec_digest=scene.spec.digest,
            deadline_ms=approvals.deadline(seen, within_ms, now_ms), because=because, seen=last, cause=caused(judged),
        )  # fmt: skip
        return tx.rows > 0


def judge_again(scene: Scene, judged: Qualification, seen: Seen, now_ms: int) -> bool:
    """Nobody is asked about evidence that holds no longer: the gates speak again first."""
    with scene.store.change(
        ACTOR, "approval.expire", f"{judged.model}@{judged.version}", seen.stale, workspace=scene.workspace, cause=caused(judged)
    ) as tx:
        if seen.approval is not None and seen.is_("pending"):
            changes.lapse(tx, seen.approval, "superseded", seen.stale)
        changes.wait_again(tx, judged, seen.stale, now_ms)
        return tx.rows > 0


def bar(scene: Scene, judged: Qualification) -> bool:
    """A version of a package that a person refused under another number leaves the competition, with that refusal as the cause."""
    subject = f"{judged.model}@{judged.version}"
    with scene.store.read() as db:
        package = registry.version(db, scene.workspace, judged.model, judged.version).package
        first = gates.approvals_of(db, scene.workspace, package=package, state="refused")[-1]
    because, cause = "approval.refused_before", caused(first)
    with scene.store.change(ACTOR, "approval.expire", subject, because, workspace=scene.workspace, cause=cause) as tx:
        for one in gates.approvals_of(
            tx.connection, scene.workspace, model=judged.model, version=judged.version, state="pending"
        ):
            changes.lapse(tx, one, "superseded", because)
        if set_role(tx, judged.model, judged.version, ""):
            tx.event(
                "approval.refused", subject, cause=cause, because=because, approval=first.id, by=first.decided_by, reason=first.reason,
                environment=first.environment, refused_as=first.subject,
            )  # fmt: skip
        return tx.rows > 0


# --- a person's part ---


@dataclass(frozen=True)
class Question:
    """A pending approval, as a person is about to answer it."""

    scene: Scene
    actor: Actor
    action: str
    approval: Approval


def grant(scene: Scene, actor: Actor, model: str, version: int, reason: str = "", approval_id: str = "") -> Approval:
    """Let a version be released. `approval_id`: the question that was read; another one by now is a conflict.

    Raises NotFound, NotAllowed (audited), Conflict.
    """
    question = _question(scene, actor, "approval.grant", model, version, approval_id)
    one = question.approval
    with scene.store.change(actor, question.action, one.subject, reason, workspace=scene.workspace, cause=caused(one)) as tx:
        if not changes.answer(tx, one, "granted", reason):
            raise _answered(tx.connection, one)
        _releases(question, tx.connection, tx.now_ms)
        return _now(tx.connection, one)


def refuse(scene: Scene, actor: Actor, model: str, version: int, reason: str, approval_id: str = "") -> Approval:
    """The version is never released, and leaves the competition. Raises as `grant` does."""
    question = _question(scene, actor, "approval.refuse", model, version, approval_id)
    one = question.approval
    with scene.store.change(actor, question.action, one.subject, reason, workspace=scene.workspace, cause=caused(one)) as tx:
        if not changes.answer(tx, one, "refused", reason):
            raise _answered(tx.connection, one)
        set_role(tx, one.model, one.version, "")
        return _now(tx.connection, one)


@dataclass(frozen=True)
class Barred:
    """Why somebody may not answer. `words`: the rule, as a refusal says it; `deed`, `of`: what makes an author of them."""

    code: Literal["no_right", "no_role", "author", "local"]
    words: str
    deed: str = ""
    of: str = ""


def barred(scene: Scene, db: Connection, actor: Actor, action: str, one: Approval) -> Barred | None:
    """Why this person may not answer; None where they may."""
    policy = scene.store.policy(actor, action, one.subject, wall_ms())
    if not policy.allowed:
        return Barred("no_right", policy.rule)
    if one.role not in actor.roles:
        return Barred("no_role", f"`by: {one.role}`: {actor.name} does not hold that role here")
    why = authors(db, scene.workspace, one.model, one.version).get(actor.name)
    if why is not None:
        code: Literal["local", "author"] = "local" if actor == LOCAL else "author"
        return Barred(code, f"`not: author`: {actor.name} {why}", why.deed, why.of)
    if actor == LOCAL:
        return Barred("local", f"`not: author`: {actor.name} is whoever sends no token, its author too")
    return None


def may_not(scene: Scene, db: Connection, actor: Actor, action: str, one: Approval) -> str:
    """The rule by which this person may not answer; empty where they may."""
    found = barred(scene, db, actor, action, one)
    return found.words if found else ""


def _question(scene: Scene, actor: Actor, action: str, model: str, version: int, approval_id: str) -> Question:
    subject = f"{model}@{version}"
    policy = scene.store.policy(actor, action, subject, wall_ms())
    if not policy.allowed:
        scene.store.refuse(actor, action, subject, policy.rule, workspace=scene.workspace)
    with scene.store.read() as db:
        registry.version(db, scene.workspace, model, version)
        one = gates.approval(db, scene.workspace, scene.environment, model, version)
        if one is None or one.state != "pending":
            raise _closed(scene, db, model, version, one)
        if approval_id not in ("", one.id):
            raise Conflict(f"{subject} is asked for anew since then", f"approval {one.id}", f"regie approval show {subject}")
        rule = may_not(scene, db, actor, action, one)
    if rule:
        do = f"somebody else with the role {one.role} decides: regie actor list"
        scene.store.refuse(actor, action, subject, rule, workspace=scene.workspace, do=do)
    return Question(scene, actor, action, one)


def _releases(question: Question, db: Connection, now_ms: int) -> None:
    """What was granted is still what would be released. Raises Conflict."""
    scene, one = question.scene, question.approval
    judged = gates.qualification(db, scene.workspace, one.model, one.version)
    now = decision(scene, db, judged, now_ms) if judged is not None and judged.state == changes.PASSED else None
    if now is None or now.do != "release":
        because = now.because if now else "judged again"
        raise Conflict(
            f"what was asked of {one.subject} holds no longer: {because}", f"approval {one.id}", "wait: it is asked for again"
        )


def _now(db: Connection, one: Approval) -> Approval:
    return gates.approvals_of(db, one.workspace, id=one.id)[0]


def _answered(db: Connection, one: Approval) -> Conflict:
    """Why an answer comes too late."""
    now = _now(db, one)
    if now.state == "pending":
        what = f"the time to decide on {one.subject} ended at {iso(one.deadline_ms)}"
        return Conflict(what, f"approval {one.id}", "train a new version")
    return Conflict(f"{one.subject} {_said(now)}", f"approval {one.id}", f"regie why {one.subject}")


def _said(one: Approval) -> str:
    at = iso(one.decided_ms or 0)
    if one.state in ("granted", "refused"):
        return f"was {one.state} by {one.decided_by} at {at}" + (f": {one.reason}" if one.reason else "")
    if one.state == "expired":
        return f"was not decided on until {at}: its approval expired"
    return f"is asked for no longer since {at}: {one.because}"


def _closed(scene: Scene, db: Connection, model: str, number: int, one: Approval | None) -> Conflict:
    """Why there is nothing to decide on a version."""
    version = registry.version(db, scene.workspace, model, number)
    judged = gates.qualification(db, scene.workspace, model, number)
    where = scene.workspace
    if version.stage == ARCHIVED:
        return Conflict(f"{version.subject} is archived", where, f"regie model show {model}")
    if one is not None and not (one.state == "superseded" and judged is not None and judged.state != changes.PASSED):
        return Conflict(f"{version.subject} {_said(one)}", where, f"regie why {version.subject}")
    if version.role == CANDIDATE:
        return Conflict(f"{version.subject} is a candidate: it was not chosen to compete", where, f"regie model show {model}")
    if judged is None:
        return Conflict(f"{version.subject} has not come before the gates", where, f"regie model show {model}")
    if judged.state in ("waiting", "judging"):
        return Conflict(f"{version.subject} is before the gates: {judged.because}", where, "wait for their evidence")
    if judged.state != changes.PASSED:
        return Conflict(f"{version.subject} did not pass the gates: {judged.because}", where, f"regie model show {model}")
    if refused := gates.approvals_of(db, scene.workspace, package=version.package, state="refused", limit=1):
        what = f"{version.subject} has the package of {refused[0].subject}, which {_said(refused[0])}"
        return Conflict(what, where, f"regie why {version.subject}")
    had = rollout.of_version(db, scene.workspace, model, number)
    what = f"its rollout {had[0].state}" if had else "no approval is asked for"
    return Conflict(f"{version.subject} passed its gates, and {what}", where, "regie status")
