"""The wanted route of an endpoint: which versions answer, and which only listen.

Imported by the release turn alone (import contract); the store refuses writes of `routes` under any other action.
"""

from regie.base.canonical import canonical
from regie.rollout.queries import route
from regie.rollout.tables import routes
from regie.rollout.types import Stage, Variant
from regie.store.change import Change, upsert
from regie.store.types import Cause


def variants(stage: Stage | None, champion: int | None, challenger: int | None, former: int | None) -> tuple[Variant, ...]:
    """The variants of a stage. `champion` answers; outside of any stage it answers alone.

    In a canary the champion also shadows the challenger's rows, so that guards on model metrics compare pairs.
    """
    if champion is None:
        return ()
    alone = (Variant(champion, "champion"),)
    if stage is None:
        return alone
    if stage.kind == "shadow" and challenger is not None:
        return (*alone, Variant(challenger, "challenger", "shadow"))
    if stage.kind == "canary" and challenger is not None:
        return (
            Variant(champion, "champion", "live", round(1 - stage.share, 6)),
            Variant(challenger, "challenger", "live", stage.share),
            Variant(champion, "champion", "shadow", 1.0, only="challenger"),
        )
    if stage.kind == "watch" and former is not None:
        return (*alone, Variant(former, "former", "shadow"))
    return alone


def want(tx: Change, endpoint: str, environment: str, model: str, table: tuple[Variant, ...], cause: Cause) -> int:
    """Make this the wanted route; returns its generation. The same table again keeps its generation."""
    seen = route(tx.connection, tx.workspace, endpoint)
    if seen is None and not table:
        return 0  # before the first champion there is nothing to route, and nothing to acknowledge
    if seen is not None and seen.variants == table:
        return seen.generation
    generation = (seen.generation if seen else 0) + 1
    row = {
        "workspace": tx.workspace, "endpoint": endpoint, "environment": environment, "model": model, "generation": generation,
        "variants": canonical([variant.to_json() for variant in table]), "changed_ms": tx.now_ms,
    }  # fmt: skip
    tx.execute(upsert(tx.connection, routes, row, ["workspace", "endpoint"]))
    tx.event("route.changed", endpoint, cause=cause, generation=generation, variants=[v.to_json() for v in table])
    return generation
