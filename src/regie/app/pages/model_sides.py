"""Two versions beside each other, as the page of a model shows them: the older one left, what differs said by the server."""

from sqlalchemy import Connection

from regie.app.pages.acts import Shown
from regie.base.blobs import BlobStore
from regie.loop import beside as sides
from regie.loop.beside import Made, Measured
from regie.registry import queries as registry


class GateSaid(Shown):
    """One gate on a metric, with its verdict on the newer version."""

    gate: str
    verdict: str
    bound: float | None


class MetricBeside(Shown):
    """One metric of both: the newer version's figure with its interval, the older one's, and the difference of pairs on the same rows.

    The difference is signed so that higher is better; `better` is None where its interval holds zero, or there is none. Without
    `same_rows`, the older figure is of that version's own judgement, on other rows.
    """

    metric: str
    kind: str
    older: float | None
    newer: float | None
    low: float | None
    high: float | None
    same_rows: bool
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    better: bool | None
    rows: int
    days: int
    gates: list[GateSaid]


class ChangedFact(Shown):
    """One thing with a name, in both; None where one of them does not have it."""

    name: str
    older: str | None
    newer: str | None


class PackageFacts(Shown):
    """A package. `path`: by what it answers: `native`, or a compiled one that was proved on `proved_rows` rows; empty: it does not say."""

    digest: str
    bytes: int
    files: int
    path: str
    compiled: bool
    proved_rows: int | None
    greatest_difference: float | None
    columns: int


class VersionSide(Shown):
    """What one version was made of. A word is empty, and a number None, where nothing is known."""

    version: int
    champion: bool
    role: str
    created_ms: int
    window: str
    rows: int | None
    seen_until_ms: int
    run_id: str
    by: str
    code: str
    commit: str
    lock: str
    libraries: int
    snapshots: dict[str, str]
    package: PackageFacts | None


class Beside(Shown):
    """`newer` alone where there is nothing to stand beside it. The lists hold what is not the same, at most fifty names each.

    `runs`: both came from a pipeline's run here, and their code can be compared line by line.
    """

    older: VersionSide | None
    newer: VersionSide
    figures: list[MetricBeside]
    same: list[str]
    params: list[ChangedFact]
    libraries: list[ChangedFact]
    columns: list[ChangedFact]
    runs: bool


def beside(db: Connection, blobs: BlobStore, here: str, model: str, chosen: int, other: int | None) -> Beside:
    """A version, and another one beside it. Raises NotFound."""
    numbers = sorted({chosen, other if other is not None else chosen})
    made = [sides.made(db, blobs, here, model, number) for number in numbers]
    newer, older = made[-1], made[0] if len(made) > 1 else None
    champion = registry.champion(db, here, model=model)
    number = champion.version if champion else None
    against = older.version.version if older else None
    figures = [_figures(one) for one in sides.measured(db, here, model, newer.version.version, against)]
    return Beside(
        older=_side(older, number) if older else None, newer=_side(newer, number), figures=figures,
        same=_same(older, newer) if older else [], runs=bool(older and older.code and newer.code),
        params=_changed(older, newer, "params"),
        libraries=_changed(older, newer, "libraries"), columns=_columns(older, newer),
    )  # fmt: skip


def _figures(one: Measured) -> MetricBeside:
    return MetricBeside(
        metric=one.metric, kind=one.kind, older=one.other, newer=one.value, low=one.low, high=one.high, same_rows=one.same_rows,
        difference=one.difference, difference_low=one.difference_low, difference_high=one.difference_high, better=one.better,
        rows=one.rows, days=one.days, gates=[GateSaid(gate=at.gate, verdict=at.verdict, bound=at.bound) for at in one.gates],
    )  # fmt: skip


def _side(one: Made, champion: int | None) -> VersionSide:
    version, package = one.version, one.package
    packed = None if package is None else PackageFacts(
        digest=package.digest, bytes=package.bytes, files=package.files, path=package.path,
        compiled=package.path not in ("", sides.NATIVE), proved_rows=package.proved_rows if package.proved else None,
        greatest_difference=package.greatest_difference if package.proved else None, columns=len(package.columns),
    )  # fmt: skip
    return VersionSide(
        version=version.version, champion=version.version == champion, role=version.role, created_ms=version.created_ms,
        window=version.window, rows=one.rows, seen_until_ms=version.seen_until_ms, run_id=version.run_id, by=one.by, code=one.code,
        commit=one.commit, lock=one.lock, libraries=len(one.libraries), snapshots=dict(one.snapshots), package=packed,
    )  # fmt: skip


def _same(older: Made, newer: Made) -> list[str]:
    """The names of what is known of both and is the same."""
    of = {
        "code": (older.code, newer.code), "lock": (older.lock, newer.lock), "window": (_window(older), _window(newer)),
        "package": (older.version.package, newer.version.package), "params": (older.params, newer.params),
        "snapshots": (older.snapshots, newer.snapshots), "columns": (sides.columns(older.package), sides.columns(newer.package)),
    }  # fmt: skip
    return [name for name, (before, now) in of.items() if before and before == now]


def _window(one: Made) -> tuple[str, int | None, int]:
    return one.version.window, one.rows, one.version.seen_until_ms


def _changed(older: Made | None, newer: Made, part: str) -> list[ChangedFact]:
    if older is None:
        return []
    found = sides.changed(getattr(older, part), getattr(newer, part))
    return [ChangedFact(name=one.name, older=one.before, newer=one.now) for one in found]


def _columns(older: Made | None, newer: Made) -> list[ChangedFact]:
    if older is None or older.package is None or newer.package is None:
        return []
    found = sides.changed(sides.columns(older.package), sides.columns(newer.package))
    return [ChangedFact(name=one.name, older=one.before, newer=one.now) for one in found]
