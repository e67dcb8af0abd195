"""The runs that a filter finds as a file, however many: read five thousand at a time, each page a look of its own."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from regie.app.caller import Caller
from regie.app.pages.exports import streamed
from regie.app.pages.run_words import columns_of, figure
from regie.app.pages.runs import Asked, Question, experiment_names, found_after
from regie.base.clock import iso
from regie.store.change import Store
from regie.tracking import table
from regie.tracking.table import Chosen

router = APIRouter()
Most = Annotated[int | None, Query(ge=1)]
_OWN = ("run_id", "name", "state", "user", "started", "ended", "duration_ms", "experiment")
_LONG = {"metric": "metrics", "param": "params", "tag": "tags"}


@router.get("/api/v1/pages/runs/export")
def export(
    caller: Caller, asked: Asked, columns: str = "", form: Literal["csv", "json"] = "csv", limit: Most = None,
) -> StreamingResponse:  # fmt: skip
    caller.may("run.read", caller.workspace)
    asked.check()  # what is wrong is said before anything is sent
    chosen = columns_of(columns) if columns else []
    rows = islice(_rows(caller.store, caller.workspace, asked, chosen), limit)
    return streamed(rows, form, f"runs-{caller.workspace}", [*_OWN, *(_name(one) for one in chosen)])


def _name(column: Chosen) -> str:
    return f"{_LONG[column.kind]}.{column.key}"


def _rows(store: Store, workspace: str, asked: Question, columns: Sequence[Chosen]) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        with store.read() as db:
            found = found_after(db, workspace, asked, after)
            names, cells = table.named(db, [one.key for one in found.found]), table.cells(db, found.found, columns)
            experiments = experiment_names(db, workspace, found.found)
        for one in found.found:
            ended = one.end_wall_ms
            yield {
                "run_id": one.id, "name": names.get(one.key, ""), "state": one.status, "user": one.user,
                "started": _moment(one.start_wall_ms), "ended": None if ended is None else _moment(ended),
                "duration_ms": None if ended is None else ended - one.start_wall_ms, "experiment": experiments.get(one.experiment_id, ""),
                **{_name(column): _plain(cells[one.key].get(column)) for column in columns},
            }  # fmt: skip
        if found.next is None:
            return
        after = found.next


def _moment(wall_ms: int) -> str:
    """A client may name any number as the start of a run; what is no time stays a number."""
    try:
        return iso(wall_ms)
    except (OverflowError, ValueError, OSError):
        return str(wall_ms)


def _plain(value: float | str | None) -> float | str | None:
    return figure(value) if isinstance(value, float) else value
