"""What the gates measured of a version, where runs are compared: as metrics of the run that made it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from regie.base.errors import NotFound
from regie.gates.figures import figures
from regie.registry.types import Version
from regie.store.change import Change
from regie.tracking import judged, queries


def note(tx: Change, version: Version, found: Mapping[str, Any], judgement: int) -> None:
    """In the change that stores the evidence. `found`: what was evaluated; `judgement`: which one of the version, from 0.

    Nothing is noted where the version comes from no run that is there: from a deleted one, another workspace's, or files from elsewhere.
    """
    judged.note(tx, run_of(tx.connection, version), figures(found), judgement)


def run_of(db: Connection, version: Version) -> str:
    """The id of the run that made a version, as far as it is known: the run it was registered with, or that of its logged model."""
    if version.run_id or not version.logged_model_id:
        return version.run_id
    try:
        return queries.logged_model(db, version.workspace, version.logged_model_id).source_run_id
    except NotFound:
        return ""
