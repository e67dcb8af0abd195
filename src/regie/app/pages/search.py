"""Search over all workspaces that the caller sees, for Ctrl-K: things by name, or by the beginning of an id; runs by its end too."""

from typing import Annotated

from fastapi import APIRouter, Query

from regie.app.caller import Caller
from regie.app.pages.acts import Shown
from regie.loop import search as look
from regie.loop.search import Kind

router = APIRouter()


class FoundThing(Shown):
    """One thing. `id`: what its page is asked for by; `at_ms`: when it was made; of a run and a person in wall time."""

    kind: Kind
    workspace: str
    id: str
    name: str
    state: str
    at_ms: int | None


class SearchPage(Shown):
    """The nearest first, kind by kind; at most `each` of a kind."""

    each: int
    found: list[FoundThing]


@router.get("/api/v1/pages/search", response_model=SearchPage)
def search(caller: Caller, q: Annotated[str, Query(max_length=1000)] = "") -> SearchPage:
    places = caller.places()

    def may(action: str) -> list[str]:
        return [one.workspace for one in places if one.could(action, one.workspace)]

    with caller.store.read() as db:
        found = look.search(db, q, may)
    return SearchPage(each=look.EACH, found=[FoundThing(**vars(one)) for one in found])
