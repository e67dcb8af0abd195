"""`regie init`: what it makes can be checked, tested and run; what is there already is left alone."""

import csv
import io
import os
import subprocess
import sys

import pytest

from regie.base.clock import DAY_MS, parse_iso
from regie.base.errors import BadInput
from regie.cli.init import deliveries, workspace_name
from regie.cli.root import run
from regie.pipelines.project import pack
from regie.spec.check import check
from regie.spec.load import load_with_positions

NOW = parse_iso("2026-11-21T09:30:00Z")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["init", "shop"]) == 0
    return tmp_path / "shop"


def test_the_file_can_be_checked_and_nothing_in_it_is_wrong(project):
    found = check(load_with_positions(project))
    assert found.problems == ()
    assert found.warnings == ()
    assert {answer.kind for answer in found.answers} == {"gate", "guard", "monitor", "watch"}


def test_the_code_fits_on_one_screen_and_can_be_packed(project):
    assert len((project / "flow.py").read_text().splitlines()) < 40
    assert len((project / "README.md").read_text().splitlines()) <= 12
    assert pack(project)


def test_its_own_test_passes_without_a_server(project):
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("REGIE_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_a_folder_that_holds_something_is_refused_and_unchanged(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").write_text("mine")
    assert run(["init", "shop"]) == 1
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["mine.txt"]
    assert "not empty" in capsys.readouterr().err


def test_a_fresh_checkout_counts_as_empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    assert run(["init", "shop"]) == 0


def test_a_dry_run_names_the_files_and_writes_none(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["init", "shop", "--dry-run"]) == 0
    assert "shop/regie.yaml" in capsys.readouterr().out
    assert not (tmp_path / "shop").exists()


def test_a_name_that_yaml_would_read_as_something_else_still_makes_a_project_that_checks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("on", "no", "y", "My Shop!", "été-2026"):
        assert run(["init", name]) == 0
        assert check(load_with_positions(tmp_path / name)).problems == ()


@pytest.mark.parametrize("name", ["2026", "--", "true", "null", "日本"])
def test_a_name_that_no_workspace_can_have_is_refused(tmp_path, name):
    with pytest.raises(BadInput, match="letter"):
        workspace_name(tmp_path / name)


def test_the_rows_are_the_same_each_time_and_end_now():
    rows = list(csv.DictReader(io.StringIO(deliveries(NOW))))
    assert deliveries(NOW) == deliveries(NOW)
    times = [parse_iso(row["ordered_at"]) for row in rows]
    assert times == sorted(times)
    assert NOW - DAY_MS / 12 < times[-1] <= NOW
    assert times[0] < NOW - 140 * DAY_MS
    assert len({row["order_id"] for row in rows}) == len(rows)


def test_the_rows_keep_the_contract_that_the_file_promises():
    for row in csv.DictReader(io.StringIO(deliveries(NOW))):
        assert 0 <= float(row["distance_km"]) <= 50
        assert 1 <= int(row["parcels"]) <= 20
        assert 0 <= int(row["weekday"]) <= 6
        assert 0 <= int(row["hour"]) <= 23
        assert {row["express"], row["late"]} <= {"true", "false"}


def test_the_weekday_is_that_of_the_calendar():
    first = next(csv.DictReader(io.StringIO(deliveries(NOW))))
    from datetime import datetime

    assert datetime.fromisoformat(first["ordered_at"]).weekday() == int(first["weekday"])
