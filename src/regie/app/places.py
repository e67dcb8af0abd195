"""The workspaces that there are: once a regie.yaml was applied to one, or an experiment or a model is in it. The personal one always is."""

from sqlalchemy import Connection, select, union

from regie.registry.tables import registered_models
from regie.store.tables import workspaces
from regie.tracking.tables import experiments

PERSONAL = "personal"
DEFAULT = "default"  # what MLflow calls the workspace of an address without a name


def began(db: Connection) -> list[str]:
    """By name."""
    found = union(select(workspaces.c.name), select(experiments.c.workspace), select(registered_models.c.workspace))
    return sorted(({str(name) for name in db.execute(found).scalars()} | {PERSONAL}) - {DEFAULT})
