"""Who may see or measure what on the wire: the policy's questions, and a task's narrow door.

A task's token lists its runs in its scope as `run:ID`. It measures and sees those, and the experiment that they are in.
"""

from regie.app.caller import CallerOf
from regie.tracking import changes, queries
from regie.tracking.types import DEFAULT, Experiment, LoggedModel, Run


def run_seen(caller: CallerOf, run_id: str) -> Run:
    """A run that the caller may see. Raises NotAllowed, NotFound."""
    caller.may("run.read", f"run:{run_id}")
    with caller.store.read() as db:
        return queries.run(db, run_id, caller.workspace)


def run_measured(caller: CallerOf, run_id: str) -> Run:
    """A run that the caller may write measurements of. Raises NotAllowed, audited; NotFound."""
    caller.may("run.measure", f"run:{run_id}", "a task measures its own run only")
    with caller.store.read() as db:
        return queries.run(db, run_id, caller.workspace)


def experiment_id(caller: CallerOf, said: str) -> str:
    """The id behind what a client calls it: `0` is the workspace's default, made when it is first needed."""
    if said != "0":
        return said
    identity = changes.default_experiment_id(caller.workspace)
    with caller.store.read() as db:
        if queries.experiment_exists(db, caller.workspace, identity):
            return identity
    if not caller.could("experiment.create", DEFAULT):
        return identity  # who only looks does not make it: it is not there yet
    with caller.change("experiment.create", DEFAULT) as tx:
        return changes.ensure_experiment(tx, DEFAULT)


def experiment_seen(caller: CallerOf, said: str) -> Experiment:
    """An experiment that the caller may see. Raises NotAllowed, NotFound."""
    identity = experiment_id(caller, said)
    may_see_experiment(caller, identity)
    with caller.store.read() as db:
        return queries.experiment(db, caller.workspace, identity)


def may_see_experiment(caller: CallerOf, identity: str) -> None:
    """Raises NotAllowed. A task sees the experiment of its run."""
    if caller.actor.kind != "task" or identity not in _own_experiments(caller):
        caller.may("experiment.read", identity)


def _own_experiments(caller: CallerOf) -> set[str]:
    mine = [part.removeprefix("run:") for part in caller.actor.scope.split() if part.startswith("run:")]
    with caller.store.read() as db:
        return set(queries.experiments_of(db, mine))


def model_target(model: LoggedModel) -> str:
    """What the policy is asked about a logged model: the run that wrote it."""
    return f"run:{model.source_run_id}" if model.source_run_id else f"experiment:{model.experiment_id}"


def logged_model(caller: CallerOf, model_id: str, write: bool = False) -> LoggedModel:
    """A logged model that the caller may see, or measure. Raises NotFound, NotAllowed."""
    with caller.store.read() as db:
        found = queries.logged_model(db, caller.workspace, model_id)
    caller.may("run.measure" if write else "run.read", model_target(found))
    return found
