"""What nobody may do to a served model over the wire, whatever their role; each refusal is audited.

In a workspace whose regie.yaml serves the model, `champion` and `challenger` are facts that the loop makes. Versions that took part
in it stay as they were, with the run, the logged model and the files that they came from. In a workspace without one, everything
is free.
"""

from sqlalchemy import Connection

from regie.app.caller import PERSONAL, CallerOf
from regie.app.mlflow.places import Place
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.registry import queries
from regie.registry.types import CHALLENGER, CHAMPION, Served
from regie.rollout import queries as rollout
from regie.store.access import FORBIDDEN
from regie.tracking import artifacts
from regie.tracking import queries as tracking
from regie.tracking.types import LoggedModel

KEEP = "leave it: regie why leads back to it; delete others, or log to a new run"
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


def words(caller: CallerOf, name: str, number: int) -> None:
    """Raises NotAllowed where a version would be described anew that was judged, released or decided on as it stands."""
    with caller.store.read() as db:
        why = _stood(db, caller.workspace, name, number)
    if why:
        do = "say it in a tag, or register a new version"
        caller.refuse("version.change", f"{name}@{number}", f"it {why}, and its description stays", do)


def run(caller: CallerOf, run_id: str) -> None:
    """Raises NotAllowed where a run would be deleted that a version came from which took part in the loop."""
    with caller.store.read() as db:
        why = behind(db, caller.workspace, tracking.with_ancestors(db, run_id))
    if why:
        caller.refuse("run.delete", f"run:{run_id}", f"{why}, and came from this run, which stays", KEEP)


def experiment(caller: CallerOf, experiment_id: str) -> None:
    """Raises NotAllowed where an experiment would be deleted with such a run, or such a logged model."""
    with caller.store.read() as db:
        why = behind(db, caller.workspace, tracking.runs_in(experiment_id), tracking.logged_models_in(experiment_id))
    if why:
        rule = f"{why}, and came from this experiment, which stays"
        caller.refuse("experiment.change", experiment_id, rule, "delete its other runs one by one, or leave it")


def logged_model(caller: CallerOf, model: LoggedModel) -> None:
    """Raises NotAllowed where a logged model would be deleted that such a version came from."""
    with caller.store.read() as db:
        why = behind(db, caller.workspace, model_ids=[model.id])
    if why:
        caller.refuse("run.delete", model.id, f"{why}, and came from this logged model, which stays", KEEP)


def files(caller: CallerOf, where: Place, deed: str) -> None:
    """Raises NotAllowed where files would be `deleted` or `written` that are what such a version came from."""
    with caller.store.read() as db:
        rule = kept_file(db, caller.workspace, where, deed)
    if rule:
        refuse_file(caller, where, rule)


def kept_file(db: Connection, workspace: str, where: Place, deed: str) -> str:
    """The rule that keeps files from being `deleted` or `written`; empty where none does.

    Beside what a version came from, a run takes new files; none of it is deleted or written over.
    """
    came = {"runs": "run_ids", "models": "model_ids"}
    if where.sort not in came or (where.sort == "runs" and not queries.any_from(db, workspace, where.name)):
        return ""
    why = behind(db, workspace, **{came[where.sort]: [where.name]})
    if not why or (deed == "written" and _is_new(db, workspace, where)):
        return ""
    return f"{why}, and came from these files: none of them is {deed}"


def refuse_file(caller: CallerOf, where: Place, rule: str) -> None:
    """Raises NotAllowed, audited."""
    caller.refuse("run.measure", f"{where.root}/{where.path}".rstrip("/"), rule, "log to a new path, or in a new run")


def _is_new(db: Connection, workspace: str, where: Place) -> bool:
    """Whether a file is beside those that versions were registered from, and not there yet."""
    if where.sort == "models" or artifacts.one(db, workspace, where.root, where.path) is not None:
        return False
    starts = (f"runs:/{where.name}/", f"mlflow-artifacts:/{where.root}/")
    found = (one.source for one in queries.come_from(db, workspace, [where.name]))
    folders = (source.removeprefix(start).strip("/") for source in found for start in starts if source.startswith(start))
    return not any(where.path == folder or where.path.startswith(folder + "/") for folder in folders)


def behind(db: Connection, workspace: str, run_ids: queries.Ids = (), model_ids: queries.Ids = ()) -> str:
    """Which version came from these runs or logged models and took part in the loop, in words; empty where none did."""
    for one in queries.come_from(db, workspace, run_ids, model_ids):
        if why := _part(db, workspace, one.name, one.version):
            return f"{one.subject} {why}"
    return ""


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
    return _stood(db, workspace, name, number) or ("competes" if queries.version(db, workspace, name, number).role else "")


def _stood(db: Connection, workspace: str, name: str, number: int) -> str:
    """How a version was released, decided on or judged; a challenger that only waits was not yet."""
    crowned = queries.champion(db, workspace, model=name)
    if crowned is not None and number in (crowned.version, crowned.former_version):
        return "is champion" if number == crowned.version else "was champion"
    if rollout.of_version(db, workspace, name, number):
        return "had a rollout"
    if gates.approvals_of(db, workspace, model=name, version=number, limit=1):
        return "was put before a person"
    return "has evidence" if gates.evidence_of(db, workspace, name, number) else ""
