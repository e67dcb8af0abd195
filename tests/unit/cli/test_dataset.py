"""`regie dataset check`: the contract of a project's data, looked at without a server."""

import json

import pytest

from regie.cli.root import run


@pytest.fixture
def project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["init", "shop"]) == 0
    monkeypatch.chdir(tmp_path / "shop")
    capsys.readouterr()
    return tmp_path / "shop"


def test_data_that_keeps_its_contract_is_exit_code_0(project, capsys):
    assert run(["dataset", "check", "deliveries"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "kept" in said.err


def test_broken_rules_are_counted_with_examples_and_exit_code_3(project, capsys):
    file = project / "data" / "deliveries.csv"
    head, first, second, *rest = file.read_text().splitlines()
    wrong = [",".join([*one.split(",")[:3], "99", *one.split(",")[4:]]) for one in (first, second)]
    file.write_text("\n".join([head, *wrong, *rest]))
    assert run(["dataset", "check", "deliveries", "--json"]) == 3
    (broken,) = json.loads(capsys.readouterr().out)["broken"]
    assert (broken["column"], broken["rows"], broken["examples"][0][1]) == ("parcels", 2, "99")
    assert run(["dataset", "check", "deliveries"]) == 3
    assert "parcels" in capsys.readouterr().out


def test_a_time_before_the_data_sees_too_few_rows(project, capsys):
    assert run(["dataset", "check", "deliveries", "--at", "2001-01-01"]) == 3
    assert "rows" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "code"), [(["nope"], 5), (["deliveries", "--at", "soon"], 2)])
def test_what_cannot_be_looked_at_is_said_so(project, capsys, words, code):
    assert run(["dataset", "check", *words]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err


def test_a_missing_file_is_not_found(project, capsys):
    (project / "data" / "deliveries.csv").unlink()
    assert run(["dataset", "check", "deliveries"]) == 5
    assert "deliveries.csv" in capsys.readouterr().err
