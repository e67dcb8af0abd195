"""What nobody may do to a served model over the wire, whatever their role; each refusal is audited.

In a workspace whose regie.yaml serves the model, `champion` and `challenger` are facts that the loop makes, and versions that took
part in it stay. In a workspace without one, everything is free.
"""

from sqlalchemy import Connection

from regie.app.caller import PERSONAL, CallerOf
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.registry import queries
from regie.registry.types import CHALLENGER, CHAMPION, Served
from regie.rollout import queries as rollout
from regie.store.access import FORBIDDEN

WAY = "register the version; the gates and the rollout promote it: regie status"


def alias(caller: CallerOf, name: str, said: str) -> None:
    """Raises NotAllowed where the alias is a fact, or looks like one: nobody shall be deceived."""
    wanted = said.casefold().strip("_-")
    if wanted == CHALLENGER:
        action, rule = "model.change", "the challenger is named by the loop"
    elif wanted == CHAMPION:
        action, rule = "champion.set", FORBIDDEN["champion.set"]
    elif not said.isascii():
        action, rule = "model.change", "letters outside of ASCII may look like champion: aliases of a served model have none"
    else:
        return
    with caller.store.read() as db:
        promised, other = served(db, caller.workspace, name), elsewhere(db, caller.workspace, name)
    if promised is not None:
        caller.refuse(action, f"{name}@{said}", rule, WAY)
    if other is not None and wanted == CHAMPION:
        caller.refuse(action, f"{name}@{said}", rule, f"it is served in the workspace {other}: use .../w/{other}; there, {WAY}")


def served(db: Connection, workspace: str, name: str) -> Served | None:
    """How the workspace serves this model; None if it does not."""
    promised = queries.served(db, workspace)
    return promised if promised is not None and promised.model == name else None


def elsewhere(db: Connection, workspace: str, name: str) -> str | None:
    """At the root, the workspace that serves a model which is not here; None otherwise."""
    if workspace != PERSONAL:
        return None
    try:
        queries.model(db, workspace, name)
    except NotFound:
        return next((one.workspace for one in queries.servers(db, name) if one.workspace != workspace), None)
    return None


def model(caller: CallerOf, name: str, deed: str) -> None:
    """Raises NotAllowed where a served model would be deleted, renamed, or moved through stages."""
    with caller.store.read() as db:
        promised = served(db, caller.workspace, name)
        took_part = "" if promised is not None else _took_part(db, caller.workspace, name)
    if took_part:
        caller.refuse(
            "model.change", name, f"{took_part}, and cannot be {deed}", "evidence and routes name its versions: leave it"
        )
    if promised is not None:
        rule = f"it is served by the endpoint {promised.endpoint}, and cannot be {deed}"
        caller.refuse("model.change", name, rule, WAY if deed == "staged" else "change regie.yaml first, then regie apply")


def version(caller: CallerOf, name: str, number: int) -> None:
    """Raises NotAllowed where a version would be deleted that took part in the loop."""
    with caller.store.read() as db:
        why = _part(db, caller.workspace, name, number)
    if why:
        caller.refuse(
            "version.change", f"{name}@{number}", f"it {why}, and stays", "leave it; it takes no traffic unless it is champion"
        )


def package(caller: CallerOf, name: str, digest: str) -> None:
    """Raises NotAllowed where a person refused exactly these files: under another number or name they are the same."""
    with caller.store.read() as db:
        refused = gates.approvals_of(db, caller.workspace, package=digest, state="refused", limit=1) if digest else []
    for one in refused:
        caller.refuse(
            "model.register", name, f"{one.subject} has the same files, and {one.decided_by} refused it", "train a new one"
        )


def _took_part(db: Connection, workspace: str, name: str) -> str:
    """Whether any version ever stood before the gates or behind an endpoint, whatever regie.yaml says today.

    Verdicts, rollouts and routes name versions: deleted and made again, a number would carry the verdict of another package.
    """
    for one in queries.versions(db, workspace, name):
        if why := _part(db, workspace, name, one.version):
            return f"version {one.version} {why}"
    return ""


def _part(db: Connection, workspace: str, name: str, number: int) -> str:
    crowned = queries.champion(db, workspace, model=name)
    if crowned is not None and number in (crowned.version, crowned.former_version):
        return "is champion" if number == crowned.version else "was champion"
    if queries.version(db, workspace, name, number).role:
        return "competes"
    if rollout.of_version(db, workspace, name, number):
        return "had a rollout"
    if gates.approvals_of(db, workspace, model=name, version=number, limit=1):
        return "was put before a person"
    return "has evidence" if gates.evidence_of(db, workspace, name, number) else ""
