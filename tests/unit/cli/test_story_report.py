"""The report is one well-formed file that needs nothing else; a claim that does not hold ends the demo with exit code 1."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from rich.console import Console
from sqlalchemy import insert

from regie.base.clock import DAY_MS
from regie.cli.offline import verify_database
from regie.cli.root import root
from regie.cli.story import place, tamper
from regie.cli.story.chart import Lane, Line, chart
from regie.cli.story.chronicle import Chronicle
from regie.cli.story.claims import ClaimBroken, Claims
from regie.cli.story.page import Page, render
from regie.cli.story.replay import Tally
from regie.cli.story.report import summary
from regie.cli.story.screen import Screen
from regie.store import audit
from regie.store.tables import workspaces
from regie.store.types import LOCAL

FIRST_MS = 15_751 * DAY_MS
FIGURES = {
    "seconds": 201.0, "requests": 96_304, "failed_requests": 0, "labels": 96_000, "breaches": 5, "retrainings": 7, "promotions": 8,
    "refusals": 1, "rollbacks": 1, "audit_verified": True, "claims": 41, "requests_per_second": 1900, "aborts": 1, "fallbacks": 18,
    "canaries_aborted": [{"version": 5, "does": "raises on <some> rows", "guard": "errors > 1%", "value": 0.52, "fallbacks": 18}],
    "crashes": [{"answered_meanwhile": 175, "seconds": 3.2}], "approvals": [{"state": "granted"}, {"state": "expired"}],
    "rollbacks_by_hand": [{"seconds": 0.41}],
    "spent_seconds": {"requests": 50.0, "steps": 60.0},
    "metric": {"name": "log_loss", "lower_is_better": True, "rows": 96_304, "closed_loop": 0.481, "frozen": 0.544, "naive": 0.547},
}  # fmt: skip


def event(type, subject, seq, day=3, **data):
    return {"type": type, "subject": subject, "sequence": str(seq), "id": f"e{seq}", "causationid": "",
            "time": f"2013-02-{day:02}T00:00:00Z", "data": data}  # fmt: skip


HAPPENED = [
    event("champion.crowned", "flights@1", 1, version=1, former_version=None, rollout="r1"),
    event("quality.breached", "log_loss", 2, version=1, because="0.61 <above> 0.55 & more"),
    event("reaction.fired", "quality.breached", 3, because="log_loss", pipeline="train"),
    event("gates.failed", "flights@4", 4, because="log_loss <= champion + 0.02"),
    event("champion.crowned", "flights@3", 5, day=6, version=3, former_version=1, rollout="r2"),
    event("rollout.aborted", "r2", 6, day=9, version=3, because="watch.worse", stage="watch"),
    event("champion.crowned", "flights@1", 7, day=9, version=1, former_version=3, rollout="r2"),
    event("clock.advanced", "flights", 8),
    event("approval.requested", "flights@5", 9, day=10, role="validator"),
    event("approval.granted", "flights@5", 10, day=10, by="ada"),
    event("rollout.aborted", "r3", 11, day=11, version=5, because="guard.broken", stage="canary", guard="errors > 1%"),
]
BY_HAND = [
    event("champion.crowned", "flights@7", 12, day=12, version=7, former_version=1, rollout="r4"),
    event("model.rolled_back", "flights@7", 13, day=13, version=7, to=1, by="local", reason="it looks odd", because="by.hand"),
    event("rollout.aborted", "r4", 14, day=13, version=7, because="by.hand", stage="watch") | {"causationid": "e13"},
    event("champion.crowned", "flights@1", 15, day=13, version=1, former_version=None, rollout="r4") | {"causationid": "e14"},
]


@pytest.fixture
def chronicle():
    read = Chronicle(lambda after: [one for one in HAPPENED if int(one["sequence"]) > after])
    read.look()
    return read


def page(chronicle):
    rolling = {days: {name: np.full(320, 0.5) for name in ("closed_loop", "frozen", "naive")} for days in (30, 7)}
    rolling[30]["closed_loop"][:29] = np.nan
    version = {
        "version": 1, "window": "all", "created_ms": FIRST_MS, "seen_until_ms": FIRST_MS, "qualification": None, "rollouts": [],
        "evidence": [{"attempt": 1, "gate": "log_loss <= 0.9", "verdict": "passed", "value": 0.52}],
    }  # fmt: skip
    claims = Claims(6)
    claims.expect("a <tag> is text", True, "yes", "yes")
    return render(Page(FIGURES, FIRST_MS, rolling, chronicle.marks, [version], claims.checked))


def test_the_report_is_well_formed_and_needs_nothing_from_outside(chronicle):
    html = page(chronicle)
    tree = ET.fromstring(html.replace("<!doctype html>", "").replace('<meta charset="utf-8"/>', ""))
    assert len([one for one in tree.iter() if one.tag.endswith("svg") and one.get("role") == "img"]) == 2
    assert "<script" not in html
    assert not re.search(r"(src|href)=|url\(|@import", html)


def test_the_report_shows_each_thing_that_happened(chronicle):
    html = page(chronicle)
    for name in (
        "quality breach (1)",
        "retraining (1)",
        "promotion (2)",
        "refusal (1)",
        "rollback (1)",
        "canary aborted (1)",
        "approval (2)",
    ):
        assert name in html
    for name in (
        "closed loop",
        "frozen first model",
        "no model: recent base rate",
        "0.4810",
        "0.5440",
        "0.5470",
        "log_loss &lt;= 0.9",
    ):
        assert name in html
    assert "0.61 &lt;above&gt; 0.55 &amp; more" in html


def test_a_former_champion_that_returns_is_no_promotion(chronicle):
    assert [(mark.kind, mark.version) for mark in chronicle.marks if mark.kind in ("promotion", "rollback")] == [
        ("promotion", 1), ("promotion", 3), ("rollback", 3),
    ]  # fmt: skip


def test_a_rollback_by_hand_is_told_once_with_who_and_why():
    read = Chronicle(lambda after: [one for one in BY_HAND if int(one["sequence"]) > after])
    assert [(mark.kind, mark.says) for mark in read.look()] == [
        ("promotion", "promotion: flights@7 is champion, after version 1"),
        ("rollback", "rollback by local: version 7, back to 1: it looks odd"),
    ]


def test_what_a_bad_canary_cost_is_shown(chronicle):
    html = page(chronicle)
    for cell in ("raises on &lt;some&gt; rows", "errors &gt; 1%", "<td>0.52</td>", "<td>18</td>"):
        assert cell in html


def test_events_are_told_once(chronicle):
    assert chronicle.look() == []
    assert chronicle.after == 11


def test_a_chart_without_figures_is_still_a_chart():
    drawn = chart("nothing", FIRST_MS, [Line("none", np.full(3, np.nan), "#000")], [Lane("x", "#000", "cross", [])])
    assert ET.fromstring(drawn).tag.endswith("svg")


def test_a_gap_breaks_a_line():
    drawn = chart("gap", FIRST_MS, [Line("one", np.array([1.0, 2.0, np.nan, 1.0]), "#000")], [])
    line = next(one for one in ET.fromstring(drawn) if one.get("class") == "line")
    assert line.get("d").count("M") == 2


def test_a_claim_that_does_not_hold_ends_with_exit_code_1_and_says_what_was_seen():
    claims = Claims(4)
    with pytest.raises(ClaimBroken) as broken:
        claims.expect("the champion stays", False, 3, 4)
    assert broken.value.exit_code == 1
    for word in ("the champion stays", "Expected: 3", "seen: 4", "act 4"):
        assert word in str(broken.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"[]", b"{}", b'{"predictions": [], "prediction_ids": [], "version": "1"}',
        b'{"predictions": [0.1, 0.2], "prediction_ids": ["a", "b"], "version": "1"}',
        b'{"predictions": [1.5], "prediction_ids": ["a"], "version": "1"}',
        b'{"predictions": [NaN], "prediction_ids": ["a"], "version": "1"}',
        b'{"predictions": [null], "prediction_ids": ["a"], "version": "1"}',
        b'{"predictions": [0.1], "prediction_ids": ["a"]}',
    ],
)  # fmt: skip
def test_whatever_is_not_one_probability_is_a_failed_request(answer):
    tally = Tally.of(1)
    tally.take(0, 200, answer)
    assert (tally.requests, len(tally.failures), tally.ids) == (1, 1, {})


def test_an_error_status_is_a_failed_request_even_with_a_probability():
    tally = Tally.of(1)
    tally.take(0, 503, b'{"predictions": [0.5], "prediction_ids": ["a"], "version": "1"}')
    assert len(tally.failures) == 1
    assert np.isnan(tally.probability[0])


def test_the_summary_fits_on_one_screen():
    said = summary(FIGURES)
    assert len(said.splitlines()) <= 28
    assert max(map(len, said.splitlines())) <= 110
    assert "0.4810" in said and "+0.0630" in said  # noqa: PT018


def test_when_piped_progress_is_plain_lines_and_seldom():
    out = io.StringIO()
    with Screen(Console(file=out, width=120)) as screen:
        screen.act(2, "Life")
        for done in range(0, 1_001, 10):
            screen.move(done, 1_000, "2013-02-15")
        screen.event("breach", FIRST_MS, "breach [of] everything")
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().count("requests") <= 1
    assert "breach [of] everything" in out.getvalue()


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(Exception, match="holds no demo") as refused:
        place.prepare(tmp_path)
    assert refused.value.exit_code == 1
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_finished_demo_makes_way_and_a_running_one_does_not(tmp_path):
    home = tmp_path / "demo"
    project = place.prepare(home)
    assert {path.name for path in project.iterdir()} == set(place.IN_THE_PROJECT)
    with pytest.raises(Exception, match="a demo runs here"):  # this very process has marked it
        place.prepare(home)
    place.mark(home, 2**22 + 1, "http://127.0.0.1:8700", "")  # beyond the greatest process id
    (home / "regie.db").write_text("old")
    place.prepare(home)
    assert not (home / "regie.db").exists()


def test_the_command_is_listed_and_says_what_it_does():
    command = root.get_command(None, "demo")
    assert {option.name for option in command.params} == {"home", "keep"}


@pytest.fixture
def chained(sqlite_store, tmp_path):
    for number in range(30):
        with sqlite_store.change(
            LOCAL, "workspace.create", f"w{number}", "a reason long enough to lie somewhere", workspace="w"
        ) as tx:
            row = {"name": f"w{number}", "clock": "wall", "now_ms": 0, "secret": "s", "created_ms": 0}
            tx.execute(insert(workspaces).values(row))
            tx.event("workspace.created", f"w{number}")
    return tmp_path / "regie.db"


def verified(path, anchor=None):
    return verify_database(str(path), anchor)


def test_a_changed_byte_in_a_copy_is_found_and_the_original_still_holds(chained, tmp_path):
    copy = tamper.copy(chained, tmp_path / "changed.db")
    assert verified(copy)["records"] == 30
    before = copy.read_bytes()
    record = tamper.change_one_byte(copy)
    assert sum(one != other for one, other in zip(before, copy.read_bytes(), strict=True)) == 1
    with pytest.raises(audit.ChainBroken, match=f"record {record}"):
        verified(copy)
    assert verified(chained)["records"] == 30


def test_a_cut_tail_looks_whole_until_somebody_has_an_anchor(chained, tmp_path, sqlite_store):
    with sqlite_store.read() as db:
        anchor = audit.anchor(db)
    copy = tamper.copy(chained, tmp_path / "cut.db")
    tamper.cut_tail(copy, 10)
    assert verified(copy)["records"] == 20
    with pytest.raises(audit.ChainBroken, match="tail was cut"):
        verified(copy, anchor)
    assert verified(chained, anchor)["records"] == 30
