"""Writes of experiments, runs and logged models: each takes `tx`, compares before it sets, and may be repeated."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from regie.base.canonical import sha256
from regie.base.errors import BadInput, Conflict, NotFound
from regie.base.ids import new_id
from regie.store.change import Batch, Change, upsert
from regie.tracking import queries
from regie.tracking.measure import insert_into, keeping, write_tags, write_tags_of
from regie.tracking.tables import experiment_tags, experiments, logged_model_params, logged_model_tags, logged_models, runs
from regie.tracking.types import DEFAULT, ENDED, KIND, PARENT, RUN_NAME, STATUSES, AlreadyExists, Run, RunDeleted, key_of

# Built once: to build a statement takes longer than to run it.
_EXPERIMENT = select(experiments.c.lifecycle, experiments.c.name).where(
    experiments.c.workspace == bindparam("workspace"), experiments.c.id == bindparam("id")
)
_RUN_KEY = select(runs.c.key).where(runs.c.id == bindparam("id"))
_UPDATE_RUN = (
    update(runs).where(runs.c.id == bindparam("of")).values(status=bindparam("new_status"), end_wall_ms=bindparam("new_end"))
)


def default_experiment_id(workspace: str) -> str:
    """The id that `0` means in a workspace; the same for everybody who creates it at once."""
    return sha256(f"default experiment of {workspace}".encode()).removeprefix("sha256:")[:32]


def ensure_experiment(tx: Change, name: str) -> str:
    """The id of the experiment of that name, created if it is not there. Raises Conflict if it was deleted."""
    identity = _insert_experiment(tx, name)
    found = queries.experiment_by_name(tx.connection, tx.workspace, name)
    if identity is None and found is not None and found.lifecycle != "active":
        raise Conflict(f"the experiment {name} was deleted", tx.workspace, "restore it, or choose another name")
    return identity or (found.id if found else "")


def create_experiment(tx: Change, name: str, tags: Mapping[str, str] | None = None) -> str:
    """A new experiment; returns its id. Raises AlreadyExists, also for the name of a deleted one."""
    identity = _insert_experiment(tx, name)
    if identity is None:
        raise AlreadyExists(f"the experiment {name} exists", tx.workspace, "use it, or restore it if it was deleted")
    for key, value in (tags or {}).items():
        tx.execute(insert(experiment_tags).values(experiment_id=identity, key=key_of(key, "experiment tag"), value=str(value)))
    return identity


def _insert_experiment(tx: Change, name: str) -> str | None:
    _name(name)
    for identity in (default_experiment_id(tx.workspace), new_id()) if name == DEFAULT else (new_id(),):
        row = {
            "id": identity, "workspace": tx.workspace, "name": name, "lifecycle": "active",
            "created_wall_ms": tx.wall_ms, "updated_wall_ms": tx.wall_ms,
        }  # fmt: skip
        if queries.experiment_by_name(tx.connection, tx.workspace, name) is not None:
            return None
        # Any conflict: of the name, or of the default's id that was renamed.
        if tx.execute(insert_into(tx.connection, experiments).values(row).on_conflict_do_nothing()).rowcount:
            tx.event("experiment.created", identity, name=name)
            return identity
    return None


def _name(name: str) -> str:
    if not name or len(name) > 500:
        raise BadInput("an experiment needs a name of 1 to 500 characters", "name", "choose one")
    return name


def rename_experiment(tx: Change, experiment_id: str, name: str) -> None:
    """Raises Conflict for a deleted experiment, AlreadyExists for a name that is taken."""
    found = queries.experiment(tx.connection, tx.workspace, experiment_id)
    if found.lifecycle != "active":
        raise Conflict(f"the experiment {found.name} was deleted", experiment_id, "restore it first")
    if not name or found.name == name:
        return
    if queries.experiment_by_name(tx.connection, tx.workspace, name) is not None:
        raise AlreadyExists(f"the experiment {name} exists", tx.workspace, "choose another name")
    _change_experiment(tx, found.id, name=_name(name))


def set_experiment_lifecycle(tx: Change, experiment_id: str, lifecycle: str) -> None:
    """Delete or restore an experiment with its runs; runs that were deleted before stay so."""
    found = queries.experiment(tx.connection, tx.workspace, experiment_id)
    if found.lifecycle == lifecycle:
        # As stock: to a deletion, what is deleted is not there; to a restoration, what is active.
        raise NotFound(f"the experiment {found.name} is {lifecycle} already", found.id, "nothing is to be done")
    mine = runs.c.experiment_id == found.id
    if lifecycle == "deleted":
        active = (mine, runs.c.lifecycle == "active")
        tx.execute(
            update(runs).where(*active).values(lifecycle="deleted", deleted_wall_ms=tx.wall_ms, deleted_with_experiment=True)
        )
    else:
        together = (mine, runs.c.lifecycle == "deleted", runs.c.deleted_with_experiment.is_(True))
        tx.execute(update(runs).where(*together).values(lifecycle="active", deleted_wall_ms=None, deleted_with_experiment=None))
    _change_experiment(tx, found.id, lifecycle=lifecycle)


def _change_experiment(tx: Change, experiment_id: str, **values: Any) -> None:
    tx.execute(update(experiments).where(experiments.c.id == experiment_id).values(**values, updated_wall_ms=tx.wall_ms))
    tx.event("experiment.changed", experiment_id, **values)


def set_experiment_tag(tx: Change, experiment_id: str, key: str, value: str | None) -> None:
    """Set a tag, or delete it with None. Raises NotFound for a tag that is not there."""
    found = queries.experiment(tx.connection, tx.workspace, experiment_id)
    if found.lifecycle != "active":
        raise Conflict(f"the experiment {found.name} was deleted", experiment_id, "restore it first")
    if value is None and key not in found.tags:
        raise NotFound(f"No tag with name: {key} in experiment with id {found.id}", found.id, "look at the experiment's tags")
    if found.tags.get(key) == value:
        return
    if value is None:
        same = (experiment_tags.c.experiment_id == found.id, experiment_tags.c.key == key)
        tx.execute(delete(experiment_tags).where(*same))
    else:
        row = {"experiment_id": found.id, "key": key_of(key, "experiment tag"), "value": value}
        tx.execute(upsert(tx.connection, experiment_tags, row, ["experiment_id", "key"]))
    tx.event("experiment.changed", found.id, tag=key)


def create_run(
    tx: Change, experiment_id: str, name: str, *, run_id: str | None = None, parent: str | None = None,
    tags: Mapping[str, str] | None = None, user: str = "", start_wall_ms: int | None = None,
) -> str:  # fmt: skip
    """A running run; returns its id. One that is there already stays as it is. Raises NotFound or Conflict for the experiment."""
    experiment = tx.connection.execute(_EXPERIMENT, {"workspace": tx.workspace, "id": experiment_id}).first()
    if experiment is None:
        raise NotFound(f"there is no experiment with the id {experiment_id}", tx.workspace, "search_experiments shows them")
    if experiment.lifecycle != "active":
        raise Conflict(f"the experiment {experiment.name} was deleted", experiment_id, "restore it first")
    identity = run_id or new_id()
    if run_id is not None and tx.connection.execute(_RUN_KEY, {"id": identity}).first() is not None:
        return identity
    said = {RUN_NAME: name, **({PARENT: parent} if parent else {}), **(tags or {})}
    row = {
        "id": identity, "workspace": tx.workspace, "experiment_id": experiment_id, "kind": said.get(KIND, "")[:16],
        "user": user or tx.actor.name, "status": "RUNNING", "lifecycle": "active",
        "start_wall_ms": tx.wall_ms if start_wall_ms is None else start_wall_ms,
    }  # fmt: skip
    tx.execute(keeping(tx.connection.dialect.name, runs), [row])
    key = tx.connection.execute(_RUN_KEY, {"id": identity}).scalar_one()
    # Tags are measurements; a run's first ones appear with it or not at all.
    write_tags(Batch(tx.connection, "measurement"), key, said)
    return identity


def create_runs(
    tx: Change, experiment_id: str, names: Mapping[str, str], *, parent: str, tags: Mapping[str, str], user: str,
    status: str = "RUNNING",
) -> None:  # fmt: skip
    """New runs below another one, by id and name, in an experiment that the caller knows to be active; ended ones end now."""
    known = {
        "workspace": tx.workspace, "experiment_id": experiment_id, "kind": tags.get(KIND, "")[:16], "user": user, "status": status,
        "lifecycle": "active", "start_wall_ms": tx.wall_ms, "end_wall_ms": tx.wall_ms if status in ENDED else None,
    }  # fmt: skip
    tx.execute(insert(runs), [{"id": run_id, **known} for run_id in names])
    keys = {row.id: row.key for row in tx.connection.execute(select(runs.c.id, runs.c.key).where(runs.c.id.in_(list(names))))}
    said = [(keys[run_id], {RUN_NAME: name, PARENT: parent, **tags}) for run_id, name in names.items()]
    write_tags_of(Batch(tx.connection, "measurement"), said)


def end_run(tx: Change, run_id: str, status: str) -> bool:
    """Set how a run ended. False if it had ended before."""
    if status not in ENDED:
        raise BadInput(f"{status!r} is not how a run ends", f"run {run_id}", "write one of " + ", ".join(ENDED))
    going = (runs.c.id == run_id, runs.c.status.not_in(ENDED))
    return bool(tx.execute(update(runs).where(*going).values(status=status, end_wall_ms=tx.wall_ms)).rowcount)


def update_run(tx: Change, run_id: str, status: str | None, end_wall_ms: int | None, name: str = "") -> Run:
    """What a client says of its run; returns it as it is now. Of a pipeline's or a task's run the worker alone sets the status."""
    run = queries.run(tx.connection, run_id, tx.workspace)
    if run.lifecycle != "active":
        raise RunDeleted(f"The run {run_id} must be in the 'active' state; it is deleted", f"run {run_id}", "restore it first")
    if status is not None and status not in STATUSES:
        raise BadInput(f"{status!r} is not a status", "status", "write one of " + ", ".join(STATUSES))
    if name:
        write_tags(Batch(tx.connection, "measurement"), run.key, {RUN_NAME: name})
    ended = run.end_wall_ms if end_wall_ms is None else end_wall_ms
    said = replace(run, status=status or run.status, end_wall_ms=ended)
    if run.kind or said == run:
        return run
    tx.execute(_UPDATE_RUN, [{"of": run_id, "new_status": said.status, "new_end": ended}])
    return said


def set_run_lifecycle(tx: Change, run_id: str, lifecycle: str) -> None:
    """Delete or restore one run."""
    run = queries.run(tx.connection, run_id, tx.workspace)
    other = (runs.c.id == run.id, runs.c.lifecycle.in_({"active", "deleted"} - {lifecycle}))
    deleted_wall_ms = tx.wall_ms if lifecycle == "deleted" else None
    tx.execute(
        update(runs).where(*other).values(lifecycle=lifecycle, deleted_wall_ms=deleted_wall_ms, deleted_with_experiment=None)
    )


def create_logged_model(
    tx: Change, experiment_id: str, name: str, *, type: str = "", source_run_id: str = "",
    params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """A pending logged model; returns its id."""
    experiment = queries.experiment(tx.connection, tx.workspace, experiment_id)
    identity = "m-" + new_id()
    tx.execute(
        insert(logged_models).values(
            id=identity, workspace=tx.workspace, experiment_id=experiment.id, name=name or identity, type=type,
            source_run_id=source_run_id, status=1, creator=tx.actor.name, lifecycle="active", created_wall_ms=tx.wall_ms,
            updated_wall_ms=tx.wall_ms,
        )
    )  # fmt: skip
    beside = Batch(tx.connection, "measurement")
    for table, said in ((logged_model_params, params), (logged_model_tags, tags)):
        for key, value in (said or {}).items():
            beside.execute(insert(table).values(model_id=identity, key=key_of(key, "logged model"), value=value))
    return identity


def change_logged_model(tx: Change, model_id: str, **values: Any) -> None:
    """Set `status` or `lifecycle`."""
    found = queries.logged_model(tx.connection, tx.workspace, model_id)
    if any(getattr(found, name) != value for name, value in values.items()):
        same = logged_models.c.id == model_id
        tx.execute(update(logged_models).where(same).values(**values, updated_wall_ms=tx.wall_ms))
