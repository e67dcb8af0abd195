"""What import and export say while they work, and at their end."""

import pytest

from regie.cli import transfer
from regie.client.mlflow.report import Report, Wish


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(transfer, "monotonic", lambda: now[0])
    return now


def worked(clock, seconds: float) -> Report:
    """A report that hears of one run in each second."""
    progress = transfer.Progress()
    report = Report(progress.tell)
    for _ in range(int(seconds)):
        clock[0] += 1
        report.add("runs")
    progress.end()
    return report


def test_where_nobody_watches_there_is_one_line_in_ten_seconds_and_no_bar(clock, capsys):
    worked(clock, 35)
    err = capsys.readouterr().err
    assert [line.split(",")[0] for line in err.splitlines()] == ["10 runs", "20 runs", "30 runs"]
    assert "\x1b" not in err
    assert "\r" not in err


def test_on_a_terminal_one_line_changes_and_is_gone_at_the_end(clock, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    worked(clock, 3)
    err = capsys.readouterr().err
    assert "\n" not in err
    assert "3 runs" in err
    assert err.endswith("\r\x1b[K")


def test_the_summary_says_what_was_moved_renumbered_kept_left_and_refused(capsys):
    report = Report()
    report.add("runs", 1_200)
    report.add("runs_there", 3)
    report.renumbered.append(("churn", 1, 4))
    report.leave("deleted runs", 2)
    report.keep("alias churn@prod", "it is version 2 there, and would be 4")
    for number in range(25):
        report.refuse(f"run {number}", "no", "do so")
    transfer._said(report, Wish(), "import")
    out = capsys.readouterr().out.splitlines()
    assert out[:4] == ["runs: 1,200 moved, 3 there already", "version churn@1 is churn@4 there", "left out: 2 deleted runs",
                       "kept as the target has it: alias churn@prod: it is version 2 there, and would be 4"]  # fmt: skip
    assert out[4] == "refused: run 0: no (do so)"
    assert out[-1] == "refused: 5 more, which --json lists"


def test_a_dry_run_says_what_is_to_do_and_nothing_is_said_to_be_nothing(capsys):
    report = Report()
    transfer._said(report, Wish(dry_run=True), "export")
    assert capsys.readouterr().out == "nothing to export\n"
    report.add("runs", 2)
    transfer._said(report, Wish(dry_run=True), "export")
    assert capsys.readouterr().out == "runs: 2 to do\n"
