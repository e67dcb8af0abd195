"""Releases on a real database without processes: versions that passed their gates, and turns until one is champion."""

from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.loop import release
from regie.registry import queries as registry
from regie.rollout import queries
from regie.store import events
from regie.store.types import NOBODY_CAUSE
from tests.support.place import record


def passed(place, champion=None):
    number = place.register()
    with place.under("qualify", "gate.judge") as tx:
        gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    with place.store.read() as db:
        seen = judged.qualification(db, "loop", "loop", number)
    with place.under("qualify", "gate.judge") as tx:
        gates.conclude(tx, seen, gates.PASSED, "said", [], champion=champion, holdout={}, next_ms=0, cause=NOBODY_CAUSE)
    return number


def turn(place, times=40):
    """The turn until it moves no more; the node acknowledges whatever is wanted."""
    for _ in range(times):
        with place.store.read() as db:
            wanted = queries.route(db, "loop", "loop")
        place.node(**({"loop": wanted.generation} if wanted else {}))
        if not release.turn(place.scene):
            return
    raise AssertionError("it does not come to rest")


def champion(place):
    with place.store.read() as db:
        return registry.champion(db, "loop", model="loop")


def crown_of(place):
    found = champion(place)
    return (found.version, found.former_version)


def serves(place):
    with place.store.read() as db:
        return [(one.version, one.role, one.mode) for one in queries.route(db, "loop", "loop").variants]


def running(place):
    with place.store.read() as db:
        return queries.running(db, "loop", "loop")


def rollouts(place):
    with place.store.read() as db:
        return [(one.version, one.state, one.because) for one in reversed(queries.listed(db, "loop"))]


def types(place, after=0):
    with place.store.read() as db:
        return [one.type for one in events.after(db, after, 5000)]


def released(place, to="finished"):
    """One more version, released; to="watch": its rollout still runs there."""
    place.node()
    found = champion(place)
    number = passed(place, found.version if found else None)
    turn(place)
    answered = number * 1_000_000
    while (one := running(place)) is not None and one.version == number:
        if (one.current.kind == "watch" and to == "watch") or (one.current.kind == to and one.entered_ms is not None):
            return number
        now = place.scene.now_ms()
        old = one.incumbent
        rows = [record(answered + n, now + n, v, m) for n in range(40) for v, m in ((old, "live"), (number, "shadow"))]
        rows += [record(answered + 500 + n, now + n + 200, number) for n in range(40)]
        place.log(rows, f"n1-{number}-{answered}")
        answered += 1000
        place.pass_days(1)
        turn(place)
    assert champion(place).version == number
    return number
