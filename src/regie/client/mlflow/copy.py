"""Move what is tracked from one server to another: experiments, their runs and logged models, then registered models.

    copy(source, target, Wish(experiments=("churn",)), report)

Both ends speak MLflow's wire, so an import and an export are the same with the ends swapped. What the target refuses is reported,
and the rest goes on. Where an end answers no more, everything stops, and the same call goes on from there.
"""

from regie.base.errors import Conflict, NotFound, Unreachable
from regie.client.mlflow import read
from regie.client.mlflow.report import Report, Wish
from regie.client.mlflow.things import Experiment, Model
from regie.client.mlflow.versions import Versions
from regie.client.mlflow.walk import Walk
from regie.client.mlflow.wire import Wire
from regie.client.mlflow.write import Writer


def copy(source: Wire, target: Wire, wish: Wish, report: Report) -> None:
    """Raises NotFound for a name that the source does not have, Conflict where somebody else writes to the target, Unreachable."""
    writer = Writer(target)
    try:
        _copy(source, writer, wish, report)
    except Unreachable:
        raise  # the lease ends with this process
    except BaseException:
        writer.lease.give_back()
        raise
    writer.lease.give_back()


def _copy(source: Wire, writer: Writer, wish: Wish, report: Report) -> None:
    walk = Walk(source, writer, wish, report)
    experiments, models = _experiments(walk, source, wish, report), _models(source, wish, report)
    walk.experiments.refuse_deleted(experiments)
    for one in experiments:
        walk.experiment(one)
    walk.flush()
    Versions(source, writer, walk, wish, report).move(models)
    walk.flush()


def _experiments(walk: Walk, source: Wire, wish: Wish, report: Report) -> list[Experiment]:
    """Those that are to be moved, oldest first."""
    known = sorted(walk.experiments.all, key=lambda one: one.id.zfill(32))
    if not wish.everything:
        return [_named(known, name, source) for name in wish.experiments]
    deleted = sum(not one.active for one in known)
    report.leave("deleted experiments", deleted) if deleted else None
    return [one for one in known if one.active]


def _named(known: list[Experiment], name: str, source: Wire) -> Experiment:
    found = next((one for one in known if one.name == name), None)
    if found is None:
        there = ", ".join(sorted(one.name for one in known if one.active)) or "none"
        raise NotFound(f"there is no experiment {name}", source.url, f"one of: {there}")
    if not found.active:
        raise Conflict(f"the experiment {name} was deleted", source.url, "restore it there, and give the same command again")
    return found


def _models(source: Wire, wish: Wish, report: Report) -> list[Model]:
    if not wish.everything and not wish.models:
        return []
    known = {one.name: one for one in read.models(source)}
    for name in wish.models:
        if name not in known:
            raise NotFound(f"there is no registered model {name}", source.url, f"one of: {', '.join(sorted(known)) or 'none'}")
    if not wish.files:
        report.leave("registered models: a version is its files, which are left out", len(wish.models or known))
        return []
    return [known[name] for name in wish.models or sorted(known)]
