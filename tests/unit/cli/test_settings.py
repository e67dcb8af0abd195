"""Where a setting comes from: flag, environment, regie.yaml, the user's file, default."""

import json

import pytest

from regie.base.errors import BadInput
from regie.base.settings import resolve


def user_file(tmp_path, text):
    file = tmp_path / "config" / "regie" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def project(tmp_path, text="regie: 1\nworkspace: churn  # ours\n"):
    folder = tmp_path / "project"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "regie.yaml").write_text(text)
    return folder


def test_a_flag_wins_over_the_environment_which_wins_over_regie_yaml_which_wins_over_the_users_file(tmp_path):
    environ = user_file(tmp_path, 'workspace = "mine"\nport = 9000\n')
    folder = project(tmp_path)
    assert resolve({}, tmp_path, environ).workspace == "mine"
    assert resolve({}, folder, environ).workspace == "churn"
    environ["REGIE_WORKSPACE"] = "other"
    assert resolve({}, folder, environ).workspace == "other"
    assert resolve({"workspace": "flagged"}, folder, environ).workspace == "flagged"


def test_each_value_knows_where_it_came_from(tmp_path):
    environ = user_file(tmp_path, "port = 9000\n") | {"REGIE_SERVE_PORT": "9001"}
    folder = project(tmp_path)
    found = resolve({"server": "http://host:1"}, folder / "deep" / "er", environ)
    origins = {name: one.origin for name, one in found.all.items()}
    assert origins["server"] == "--server"
    assert origins["serve_port"] == "REGIE_SERVE_PORT"
    assert origins["workspace"] == str(folder / "regie.yaml")
    assert origins["port"] == str(tmp_path / "config" / "regie" / "config.toml")
    assert origins["home"] == "default"
    assert found.project == folder
    assert found.home == folder / ".regie"


def test_without_anything_the_server_is_the_one_that_up_starts_by_default(tmp_path):
    found = resolve({}, tmp_path, {"HOME": str(tmp_path)})
    assert (found.server, found.port, found.serve_port) == ("http://127.0.0.1:8700", 8700, 8701)
    assert (found.workspace, found.token, found.project) == (None, None, None)


def test_another_port_of_the_server_is_followed_by_its_address(tmp_path):
    assert resolve({}, tmp_path, {"HOME": str(tmp_path), "REGIE_PORT": "9100"}).server == "http://127.0.0.1:9100"


def test_commands_find_the_server_that_up_started_on_another_port(tmp_path):
    folder = project(tmp_path)
    (folder / ".regie").mkdir()
    (folder / ".regie" / "up.json").write_text(json.dumps({"server": "http://127.0.0.1:9321"}))
    found = resolve({}, folder, {"HOME": str(tmp_path)})
    assert found.server == "http://127.0.0.1:9321"
    assert found.all["server"].origin.endswith("up.json")


def test_a_damaged_up_json_is_as_none(tmp_path):
    folder = project(tmp_path)
    (folder / ".regie").mkdir()
    (folder / ".regie" / "up.json").write_text('{"pid": 1')
    assert resolve({}, folder, {"HOME": str(tmp_path)}).server == "http://127.0.0.1:8700"


def test_secrets_are_never_taken_from_a_flag_and_never_shown(tmp_path):
    environ = {"HOME": str(tmp_path), "REGIE_TOKEN": "s3cret", "REGIE_DATABASE": "postgresql://me:pass@db/regie"}
    found = resolve({"token": "flagged", "database": "flagged"}, tmp_path, environ)
    assert found.token == "s3cret"
    shown = " ".join(one.shown for one in found.all.values())
    assert "s3cret" not in shown
    assert "pass" not in shown
    assert "postgresql://...@db/regie" in shown


def test_an_empty_variable_says_nothing(tmp_path):
    assert resolve({}, tmp_path, {"HOME": str(tmp_path), "REGIE_SERVER": ""}).all["server"].origin == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [("prot = 1\n", "write port"), ("port = [1]\n", "a number"), ("port = \n", "cannot be read"), ("port = true\n", "True")],
)
def test_a_wrong_user_file_is_named(tmp_path, text, said):
    environ = user_file(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        resolve({}, tmp_path, environ)
    assert said in str(caught.value)
    assert "config.toml" in str(caught.value)


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "1e3", "８７"])
def test_what_is_no_port_is_refused_with_its_origin(tmp_path, port):
    with pytest.raises(BadInput, match="REGIE_PORT"):
        _ = resolve({}, tmp_path, {"HOME": str(tmp_path), "REGIE_PORT": port}).port


@pytest.mark.parametrize("line", ['workspace: "churn"', "workspace: 'churn'", "workspace:   churn", "workspace: churn # mine"])
def test_the_workspace_is_read_however_it_is_written(tmp_path, line):
    assert resolve({}, project(tmp_path, f"regie: 1\n{line}\n"), {"HOME": str(tmp_path)}).workspace == "churn"


def test_the_workspace_is_found_while_the_rest_of_the_file_is_being_edited(tmp_path):
    folder = project(tmp_path, "regie: 1\nworkspace: churn\ndata: {unfinished: [\n  workspace: no\n")
    assert resolve({}, folder, {"HOME": str(tmp_path)}).workspace == "churn"
