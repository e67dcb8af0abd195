"""`report.html`: one file that holds everything it shows; it works without a network and without scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from regie.base.clock import day
from regie.cli.story.chart import Lane, Line, chart, legend_line, legend_mark
from regie.cli.story.chronicle import ABORT, APPROVAL, BREACH, CRASH, DRIFT, PROMOTION, REFUSAL, RETRAINING, ROLLBACK, Mark
from regie.cli.story.claims import Claim

# Okabe and Ito's palette, which most colour-blind readers can tell apart; lines differ in their dashes, too.
LINES = {"closed_loop": ("closed loop", "#0072b2", ""), "frozen": ("frozen first model", "#d55e00", "7 3"),
         "naive": ("no model: recent base rate", "#6b6b6b", "2 3")}  # fmt: skip
LANES = {
    BREACH: ("quality breach", "#c0392b", "triangle"), RETRAINING: ("retraining", "#56a0d3", "circle"),
    PROMOTION: ("promotion", "#009e73", "diamond"), REFUSAL: ("refusal", "#111111", "cross"),
    ABORT: ("canary aborted", "#8e44ad", "cross"), CRASH: ("crash", "#000000", "triangle"),
    APPROVAL: ("approval", "#0072b2", "square"), ROLLBACK: ("rollback", "#cc79a7", "square"), DRIFT: ("drift seen", "#b8a13a", "circle"),
}  # fmt: skip
STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:1120px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .3rem}p{margin:.3rem 0;color:#444}
.cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.2rem 0}
.card{border:1px solid #d9dee3;border-radius:8px;padding:.6rem 1rem;min-width:8.5rem}
.card b{display:block;font-size:1.5rem;font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.9rem}.key{vertical-align:-2px;margin-right:.3rem}
svg{width:100%;height:auto}svg.key{width:auto}.grid{stroke:#e6e9ec}.lane{stroke:#f0f2f4}.drop{stroke-opacity:.22}
.axis{font-size:12px;fill:#555}.line{fill:none;stroke-width:2}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #e6e9ec}
td:first-child{white-space:nowrap}td.n{text-align:right;font-variant-numeric:tabular-nums}details{margin:.6rem 0}summary{cursor:pointer}
"""


@dataclass(frozen=True)
class Page:
    """What the page shows. `rolling`: days of the window to each line's values, `(days,)`."""

    figures: dict[str, Any]
    first_ms: int
    rolling: dict[int, dict[str, np.ndarray]]
    marks: Sequence[Mark]
    versions: Sequence[dict[str, Any]]
    claims: Sequence[Claim]


def render(page: Page) -> str:
    """The whole HTML file."""
    lanes = [Lane(*LANES[kind], [(m.time_ms, m.says) for m in page.marks if m.kind == kind], kind != DRIFT) for kind in LANES]
    return "\n".join([
        "<!doctype html>", '<html lang="en"><head><meta charset="utf-8"/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        f"<title>Regie: a year of flights</title><style>{STYLE}</style></head><body>",
        "<h1>Will this flight be late? A year in the closed loop</h1>",
        "<p>Departures of JFK, 2013, one request each. Log loss of the served predictions, beside the first model left alone and "
        "no model at all, on the same rows: lower is better.</p>",
        _cards(page.figures), *(_chart(page, days, lanes) for days in page.rolling), _happened(page.marks), _damage(page.figures),
        _versions(page.versions),
        _claims(page.claims), "</body></html>", "",
    ])  # fmt: skip


def _cards(figures: dict[str, Any]) -> str:
    metric = figures["metric"]
    shown = [(f"{metric[name]:.4f}", LINES[name][0]) for name in LINES]
    shown += [(f"{figures[name]:,}", name.replace("_", " ")) for name in COUNTS]
    cards = "".join(f'<div class="card"><b>{value}</b>{escape(name)}</div>' for value, name in shown)
    return f'<div class="cards">{cards}</div>'


COUNTS = ("requests", "failed_requests", "breaches", "retrainings", "promotions", "refusals", "aborts", "fallbacks", "rollbacks")


def _chart(page: Page, days: int, lanes: Sequence[Lane]) -> str:
    lines = [Line(name, page.rolling[days][key], colour, dash) for key, (name, colour, dash) in LINES.items()]
    title = f"Log loss of the last {days} days"
    keys = [f"<span>{legend_line(line)}{escape(line.name)}</span>" for line in lines]
    keys += [f"<span>{legend_mark(lane)}{escape(lane.name)} ({len(lane.marks)})</span>" for lane in lanes]
    drawn = chart(title, page.first_ms, lines, lanes)
    return f'<h2>{title}</h2><div class="legend">{"".join(keys)}</div>{drawn}'


def _happened(marks: Sequence[Mark]) -> str:
    rows = [(day(mark.time_ms), LANES[mark.kind][0], mark.says) for mark in marks if mark.kind in LANES and mark.kind != DRIFT]
    return "<h2>What the loop did</h2>" + _table(("day", "what", "in words"), rows)


def _damage(figures: dict[str, Any]) -> str:
    """What bad canaries cost before a guard ended them: no request failed, some waited."""
    names = ("version", "does", "day", "guard", "value", "requests", "fallbacks", "added_p95_ms", "restarts", "last_error")
    rows = [[_cell(one.get(name)) for name in names] for one in figures["canaries_aborted"]]
    titles = [name.replace("_", " ") for name in names]
    return "<h2>What bad canaries cost</h2>" + _table(titles, rows)


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)[:120]


def _versions(versions: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            str(one["version"]), one["window"], day(one["created_ms"]), day(one["seen_until_ms"]),
            (one["qualification"] or {}).get("state", "not chosen"), _judged(one),
            ", ".join(f"{rollout['state']}: {rollout['because']}" for rollout in one["rollouts"]),
        )
        for one in versions
    ]  # fmt: skip
    return "<h2>Versions</h2>" + _table(
        ("version", "window", "registered", "learned until", "gates", "evidence", "rollout"), rows
    )


def _judged(one: dict[str, Any]) -> str:
    newest = max((found["attempt"] for found in one["evidence"]), default=0)
    last = [found for found in one["evidence"] if found["attempt"] == newest]
    return "; ".join(f"{found['gate']}: {found['verdict']}" + _value(found["value"]) for found in last)


def _value(value: float | None) -> str:
    return "" if value is None else f" ({value:.4g})"


def _claims(claims: Sequence[Claim]) -> str:
    rows = [(str(one.act), one.says, one.expected[:200], one.seen[:200]) for one in claims]
    table = _table(("act", "claim", "expected", "seen"), rows)
    return f"<details><summary>{len(rows)} claims were checked, and hold</summary>{table}</details>"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
