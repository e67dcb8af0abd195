"""Who may see or measure what on the wire: the policy's questions, and a task's narrow door.

A task's token lists its runs in its scope as `run:ID`. It measures and sees those, and the experiment that they are in.
"""

from collections.abc import Iterable

from regie.app.caller import CallerOf
from regie.tracking import changes, queries
from regie.tracking.traces import queries as traces
from regie.tracking.traces.types import Trace
from regie.tracking.types import DEFAULT, Experiment, LoggedModel, Run


def run_seen(caller: CallerOf, run_id: str) -> Run:
    """A run that the caller may see. Raises NotAllowed, NotFound."""
    caller.may("run.read", f"run:{run_id}")
    with caller.store.read() as db:
        return queries.run(db, run_id, caller.workspace)


def run_measured(caller: CallerOf, run_id: str) -> Run:
    """A run that the caller may write measurements of. Raises NotAllowed, audited; NotFound."""
    measuring(caller, run_id)
    with caller.store.read() as db:
        return queries.run(db, run_id, caller.workspace)


def measuring(caller: CallerOf, run_id: str) -> str:
    """The id of a run that the caller may write measurements of, if it is there: whoever writes finds out. Raises NotAllowed, audited."""
    caller.may("run.measure", f"run:{run_id}", "a task measures its own run only")
    return run_id


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


def may_see_traces(caller: CallerOf, experiment_ids: Iterable[str]) -> None:
    """Raises NotAllowed. A task sees the traces of the experiment of its run."""
    for identity in experiment_ids:
        caller.may("trace.read", _traces_of(caller, identity))


def may_log_traces(caller: CallerOf, experiment_id: str) -> None:
    """Raises NotAllowed, audited. A task logs into the experiment of its run only."""
    caller.may("trace.log", _traces_of(caller, experiment_id), "a task logs traces into the experiment of its own run only")


def _traces_of(caller: CallerOf, experiment_id: str) -> str:
    """What the policy is asked about the traces of an experiment: for a task, its run in it."""
    if caller.actor.kind == "task":
        with caller.store.read() as db:
            for run in (part for part in caller.actor.scope.split() if part.startswith("run:")):
                if queries.experiments_of(db, [run.removeprefix("run:")]) == [experiment_id]:
                    return run
    return f"experiment:{experiment_id}"


def trace_seen(caller: CallerOf, trace_id: str) -> Trace:
    """A trace that the caller may see. Raises NotFound, NotAllowed."""
    with caller.store.read() as db:
        found = traces.trace(db, caller.workspace, trace_id)
    may_see_traces(caller, [found.experiment_id])
    return found


def trace_logged(caller: CallerOf, trace_id: str) -> Trace:
    """A trace that the caller may say something of. Raises NotFound; NotAllowed, audited."""
    with caller.store.read() as db:
        found = traces.trace(db, caller.workspace, trace_id)
    may_change_traces(caller, [found])
    return found


def may_change_traces(caller: CallerOf, found: Iterable[Trace]) -> None:
    """Raises NotAllowed, audited. A task changes traces of its own only, not those of others in the same experiment."""
    for one in found:
        may_log_traces(caller, one.experiment_id)
        if caller.actor.kind == "task" and one.creator != caller.actor.name:
            caller.refuse("trace.log", f"trace:{one.id}", "task token", "a task changes traces of its own only")
