"""The invariants of people: their tokens and roles, and the approvals that they give. Each check yields in words what breaks it."""

import re
from collections.abc import Iterator

from regie.app.invariant_look import Look, Told, repeated
from regie.gates.tables import approvals
from regie.pipelines.tables import pipeline_runs, tasks
from regie.registry.tables import model_versions
from regie.rollout.tables import rollouts
from regie.store import tables as store
from regie.store.types import LOCAL

HEX = re.compile(r"[0-9a-f]{64}")
DEED = {"approval.granted": "approval.grant", "approval.refused": "approval.refuse"}


def tokens_hashed(look: Look) -> Iterator[str]:
    """A token is kept as a hash only."""
    for row in look.rows(store.tokens):
        if not HEX.fullmatch(row.hash):
            yield f"a token of {row.actor} is kept as it is"


def tokens_ended(look: Look) -> Iterator[str]:
    """A task's token is worth nothing once its attempt has ended."""
    state = {f"task:{row.id}": row.state for row in look.rows(tasks)}
    for row in look.rows(store.tokens):
        if row.kind == "task" and row.revoked_wall_ms is None and state.get(row.actor) != "running":
            yield f"the token of {row.actor} is valid, the task is {state.get(row.actor)}"


def tokens_people(look: Look) -> Iterator[str]:
    """A person's token that is good belongs to an actor who was added and is not revoked."""
    there = {row.name for row in look.rows(store.actors) if row.revoked_wall_ms is None}
    for row in look.rows(store.tokens):
        if row.kind == "person" and row.revoked_wall_ms is None and row.actor not in there:
            yield f"a token of {row.actor} is good, and there is no such actor"


def sessions_people(look: Look) -> Iterator[str]:
    """A session is kept as a hash, and belongs to the local user, or to the person of a token that was made."""
    whose = {row.hash: row.actor for row in look.rows(store.tokens) if row.kind == "person"}
    for row in [*look.rows(store.sessions), *look.rows(store.session_codes)]:
        if not HEX.fullmatch(row.hash):
            yield f"a session of {row.actor} is kept as it is"
        if row.actor != (LOCAL.name if row.token is None else whose.get(row.token)):
            yield f"a session of {row.actor} belongs to no token of theirs"


def grants_people(look: Look) -> Iterator[str]:
    """A role belongs to an actor who was added, and a role that holds to one who is not revoked."""
    revoked = {row.name: row.revoked_wall_ms is not None for row in look.rows(store.actors)}
    for row in look.rows(store.grants):
        if row.actor not in revoked or (revoked[row.actor] and row.revoked_wall_ms is None):
            yield f"{row.actor} has {row.name} in {row.workspace}, and there is no such actor"


def approvals_one(look: Look) -> Iterator[str]:
    """One question about a model is open in an environment; each that was answered or ended says when, and by whom."""
    found = ((row.workspace, row.environment, row.model) for row in look.rows(approvals) if row.state == "pending")
    for key in repeated(found):
        yield f"several approvals of {key[2]} in {key[1]} are pending"
    for row in look.rows(approvals):
        answered = row.state in ("granted", "refused")
        if (row.state == "pending") != (row.decided_ms is None) or answered != bool(row.decided_by):
            yield f"approval {row.id} is {row.state}, decided {row.decided_ms} by {row.decided_by or 'nobody'}"


def approvals_before(look: Look) -> Iterator[str]:
    """A version that people were asked about started no rollout before it was granted, for the files that it has."""
    package = {(row.workspace, row.name, row.version): row.package for row in look.rows(model_versions)}
    for one in look.rows(rollouts):
        if one.started_ms is None:
            continue
        asked = [
            row
            for row in look.rows(approvals)
            if (row.workspace, row.environment, row.model, row.version)
            == (one.workspace, one.environment, one.model, one.version)
            and row.requested_ms <= one.started_ms
        ]
        files = package.get((one.workspace, one.model, one.version))
        if asked and not any(
            row.state == "granted" and row.decided_ms <= one.started_ms and row.package == files for row in asked
        ):
            yield f"rollout {one.id} of {one.model}@{one.version} started, and was {', '.join(row.state for row in asked)}"


def approvals_people(look: Look) -> Iterator[str]:
    """Who granted or refused, as one event says, held the role that was asked for, and had neither run, registered nor applied it."""
    answers: dict[str, list[Told]] = {}
    for one in look.told(*DEED):
        if "refused_as" not in one.data:
            answers.setdefault(str(one.data["approval"]), []).append(one)
    for row in look.rows(approvals):
        told = answers.pop(row.id, [])
        wanted = [f"approval.{row.state}"] if row.state in ("granted", "refused") else []
        if [one.type for one in told] != wanted or any(one.data["by"] != row.decided_by for one in told):
            yield f"approval {row.id} is {row.state} by {row.decided_by or 'nobody'}; its events are {[one.type for one in told]}"
        elif told and not _held(look, told[0], row.role):
            yield f"approval {row.id}: {row.decided_by} did not hold the role {row.role}"
        elif told and row.decided_by in _authors(look, row.workspace, row.model, row.version, told[0].seq):
            yield f"approval {row.id}: {row.decided_by} is an author of {row.model}@{row.version}"
    for identity, told in answers.items():
        yield f"approval {identity} of {told[0].subject} was answered by {told[0].data['by']}, and is not there"


def _held(look: Look, answer: Told, role: str) -> bool:
    """Whether who answered held the role, by the order of events: the machine's clock may have been set back since."""
    added = [
        one
        for one in look.told("actor.added", "actor.revoked")
        if one.subject == answer.data["by"] and one.seq < answer.seq and one.data.get("where", "*") in (answer.workspace, "*")
    ]
    if any(one.type == "actor.revoked" or {role, DEED[answer.type]} & set(one.data["deny"]) for one in added):
        return False
    given = [one.data["until_wall_ms"] for one in added if role in one.data["roles"]]
    return bool(given) and (given[-1] is None or given[-1] > answer.wall_ms)


def _authors(look: Look, workspace: str, model: str, version: int, before: int) -> set[str]:
    """Those whom the rows name; who applied the code after an answer was no author then."""
    found = [row for row in look.rows(model_versions) if (row.workspace, row.name, row.version) == (workspace, model, version)]
    ran = {row.run_id: row for row in look.rows(pipeline_runs)}
    runs = [ran[row.run_id] for row in found if row.run_id in ran]
    code = {run.code_digest for run in runs}
    applied = (one for one in look.told("spec.applied") if one.seq < before and one.workspace == workspace)
    return (
        {row.user for row in found} | {run.by for run in runs} | {one.data["by"] for one in applied if one.data["code"] in code}
    )
