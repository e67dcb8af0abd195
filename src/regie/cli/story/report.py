"""What is left of the story: `report.json`, `report.html`, and one page on the screen."""

import json
from collections.abc import Sequence
from typing import Any

from regie.cli.story import figures
from regie.cli.story.chronicle import ABORT, BREACH, PROMOTION, REFUSAL, RETRAINING, ROLLBACK
from regie.cli.story.figures import Losses
from regie.cli.story.page import Page, render
from regie.cli.story.replay import Tally
from regie.cli.story.running import Regie
from regie.cli.story.stage import FIRST_DAY, Stage
from regie.cli.story.stream import Stream

WINDOWS = (30, 7)


def figures_of(here: Stage, tally: Tally, losses: Losses, seconds: float) -> dict[str, Any]:
    """The content of `report.json`; it is only written when every claim holds, the audit chain's among them."""
    spent = {part: round(value, 1) for part, value in tally.seconds.items()}
    count = here.chronicle.count
    return {
        "seconds": round(seconds, 1), "requests": tally.requests, "failed_requests": len(tally.failures), "labels": tally.labels,
        "breaches": count(BREACH), "retrainings": count(RETRAINING), "promotions": count(PROMOTION), "refusals": count(REFUSAL),
        "aborts": count(ABORT), "fallbacks": sum(one["fallbacks"] for one in here.damage), "rollbacks": count(ROLLBACK),
        "audit_verified": True,
        "metric": {
            "name": "log_loss", "lower_is_better": True, "rows": len(losses.closed_loop),
            **{name: round(value, 5) for name, value in losses.means().items()},
        },
        "canaries_aborted": here.damage, "crashes": here.crashes, "approvals": here.approvals, "rollbacks_by_hand": here.by_hand,
        "claims": len(here.claims.checked), "spent_seconds": spent,
        "requests_per_second": round(tally.requests / max(tally.seconds["requests"], 1e-9)),
    }  # fmt: skip


def write(regie: Regie, here: Stage, stream: Stream, tally: Tally, losses: Losses, seconds: float) -> None:
    """Write both files and print the summary."""
    found = figures_of(here, tally, losses, seconds)
    rolling = {
        days: {name: figures.rolling(stream, values, FIRST_DAY, days) for name, values in vars(losses).items()}
        for days in WINDOWS
    }
    page = Page(found, stream.starts_ms(FIRST_DAY), rolling, here.chronicle.marks, here.versions(), here.claims.checked)
    (regie.home / "report.html").write_text(render(page), "utf-8")
    (regie.home / "report.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    here.screen.raw(summary(found))
    here.screen.raw(f"  {regie.home / 'report.html'}\n  {regie.home / 'report.json'}")


def summary(found: dict[str, Any]) -> str:
    """The last screen."""
    metric, spent = found["metric"], found["spent_seconds"]
    failed = f"{found['failed_requests']} failed; {found['requests_per_second']:,} a second, one at a time"
    return "\n".join([
        "", "Summary", "",
        f"  requests          {found['requests']:>9,}   {failed}",
        f"  labels            {found['labels']:>9,}   known one day after the flight",
        f"  breaches          {found['breaches']:>9}",
        f"  retrainings       {found['retrainings']:>9}   started by the loop",
        f"  promotions        {found['promotions']:>9}   the first release among them; {found['rollbacks']} rolled back",
        f"  refusals          {found['refusals']:>9}   by a gate",
        f"  bad canaries      {found['aborts']:>9}   aborted by a guard; the champion answered {found['fallbacks']} requests for them",
        f"  crashes           {len(found['crashes']):>9}   {_crashes(found['crashes'])}",
        f"  approvals         {len(found['approvals']):>9}   {', '.join(one['state'] for one in found['approvals'])}",
        f"  rollback by hand  {len(found['rollbacks_by_hand']):>9}   {_by_hand(found['rollbacks_by_hand'])}",
        "  audit log             holds",
        "",
        f"  log loss on {metric['rows']:,} flights, lower is better",
        f"    closed loop       {metric['closed_loop']:.4f}",
        f"    frozen model      {metric['frozen']:.4f}   {metric['frozen'] - metric['closed_loop']:+.4f}",
        f"    no model          {metric['naive']:.4f}   {metric['naive'] - metric['closed_loop']:+.4f}",
        "",
        f"  {found['claims']} claims checked, all hold, in {found['seconds']:.0f} s "
        f"({', '.join(f'{part} {value:.0f}' for part, value in spent.items())})",
        "",
    ])  # fmt: skip


def _crashes(found: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{one['answered_meanwhile']} requests answered without a server, {one['seconds']} s" for one in found)


def _by_hand(found: Sequence[dict[str, Any]]) -> str:
    return "; ".join(f"{one['seconds']} s from the command to the former champion's first answer" for one in found)
