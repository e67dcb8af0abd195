"""What pages offer to be copied into a terminal works there, and shows something: every command of every page, on the filled home."""

import json
import re
import shlex
from pathlib import Path

import pytest

from regie.cli.root import run as regie
from tests.support import documented

UI = Path(__file__).parents[2] / "ui/src"
# They work on the folder of the project, on this machine or on this terminal; the others ask a server.
OF_A_FOLDER = ("regie init", "regie up", "regie open", "regie check", "regie apply", "regie dataset check", "regie pipeline run")


@pytest.fixture(scope="module")
def asked(shared_room):
    """The answer of every page, by its feature. Of each kind of thing one that has much to show."""
    with shared_room.platform.http(shared_room.workspace) as http:

        def get(path, **query):
            return http.get(f"/api/v1/{path}", params=query).raise_for_status().json()

        runs = get("pages/runs", tasks=True, limit=200)["rows"]
        run = next(one["id"] for one in runs if one["kind"] == "pipeline")
        task = next(one["id"] for one in runs if one["kind"] == "task")
        rollout, approval = get("pages/rollouts")["rollouts"][0]["id"], get("approvals")[0]
        subject = f"{approval['model']}@{approval['version']}"
        event = get("pages/events", limit=1)["events"][0]["id"]
        names = {
            "dataset": get("datasets")[0]["name"],
            "version": subject,
            "id": rollout,
            "run.run_id": run,
            "ws": shared_room.workspace,
        }
        pages = {
            "control_room": get("pages/control-room"), "model": get(f"pages/models/{get('models')[0]['name']}"),
            "rollout": [get("pages/rollouts"), get(f"pages/rollouts/{rollout}")],
            "review": [get("pages/review"), get(f"pages/review/{subject}")],
            "runs": [
                get("pages/runs"),
                get("pages/runs", filter="attributes.run_name != '$(id)'", sort="-p.depth", tasks=True, state="FINISHED", columns="p.depth"),
            ],
            "run": [get(f"pages/runs/{run}"), get(f"pages/runs/{task}")],
            "compare": get("pages/compare", runs=f"{run},{task}", reference=task),
            "pipeline_run": [get("pages/pipelines"), get(f"pages/pipeline-run/{run}"), get(f"pages/pipeline-run/{run}/task", name="fit")],
            "monitors": get("pages/monitors"), "data": [get("pages/data"), get(f"pages/data/{names['dataset']}")],
            "events": [get("pages/events", type="model.registered"), get(f"pages/events/{event}/walk")],
            "audit": get("pages/audit", actor="local"), "endpoint": get("pages/endpoint"),
        }  # fmt: skip
    return pages, names


def commands_of(answer):
    """Every command in an answer; of what changes something only what may be done now."""
    if isinstance(answer, list):
        return {command for part in answer for command in commands_of(part)}
    if not isinstance(answer, dict) or answer.get("allowed") is False:
        return set()
    own = {said for name, said in answer.items() if name.endswith("command") and said}
    return own.union(*(commands_of(part) for part in answer.values()))


def commands_in(feature, names):
    """Every command that a feature's own files hold; what stands in `${}` must be known here."""
    texts = [path.read_text() for path in (UI / "features" / feature).glob("*.ts*")]
    found = {said for text in texts for said in re.findall(r"[`\"](regie [^`\"]+)[`\"]", text)}
    return {
        re.sub(r"\$\{([\w.]+)\}", lambda one: names[one[1]], said) for said in found if "NAME" not in said and "NOM" not in said
    }


def short(name):
    """`params.depth` of a file, as an address has it."""
    kind, dot, key = name.partition(".")
    return f"{kind[0]}{dot}{key}"


def pasted(command, workspace):
    """As a page shows it: with the workspace that is looked at."""
    told = re.search(r"^const OF_WORKSPACE = /(.*)/;$", (UI / "design/CopyCommand.tsx").read_text(), re.MULTILINE)[1]
    said = re.search(r" (-w|--workspace) ", command) or not re.search(told, command)
    return command if said else f"{command} -w {workspace}"


def test_every_page_has_its_command_and_its_export():
    both = re.compile(r"<Page\s(?:(?!<Page\s).)*?\scommand=(?:(?!<Page\s).)*?\sexports=", re.DOTALL)
    pages = [path for path in (UI / "features").rglob("*Page.tsx") if path.name != "SignInPage.tsx"]
    assert len(pages) > 15
    assert [path.name for path in pages if not both.search(path.read_text())] == []


def test_every_command_that_a_page_offers_runs_in_a_terminal_and_shows_something(
    asked, shared_room, tmp_path, monkeypatch, capsys
):
    pages, names = asked
    assert set(pages) == {path.name for path in (UI / "features").iterdir()} - {"sign_in"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGIE_SERVER", shared_room.address)
    offered = set().union(*(commands_of(answer) | commands_in(feature, names) for feature, answer in pages.items()))
    wrong = {}
    for command in sorted(offered):
        if not command.startswith("regie "):
            continue  # for another program
        changes = "dry_run" in {one.name for one in documented.understood(command.partition(" && ")[0]).params}
        if not command.startswith(OF_A_FOLDER):
            code = regie([*shlex.split(pasted(command, shared_room.workspace))[1:], *(["--dry-run"] if changes else [])])
            out, err = capsys.readouterr()
            if code != 0 or not (out or (changes and err)):
                wrong[command] = (code, out, err)
    assert wrong == {}
    assert len(offered) > 35


def test_the_terminal_finds_the_runs_that_the_page_shows_with_the_same_columns(asked, shared_room, monkeypatch, capsys):
    monkeypatch.setenv("REGIE_SERVER", shared_room.address)
    page, chosen = asked[0]["runs"]
    for shown in (page, chosen):
        assert regie([*shlex.split(pasted(shown["command"], shared_room.workspace))[1:], "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [one["run_id"] for one in found] == [one["id"] for one in shown["rows"]][:100]
        assert all(
            {one["kind"][0] + "." + one["key"] for one in shown["columns"]} <= {short(name) for name in row} for row in found
        )
    run = chosen["rows"][0]["id"]
    assert regie(["run", "show", run, "-w", shared_room.workspace]) == 0
    assert run in capsys.readouterr().out
    assert regie(["run", "search", "--filter", "metrics.auc >", "-w", shared_room.workspace]) == 2
    assert regie(["run", "show", "0" * 32, "-w", shared_room.workspace]) == 5
    assert "there is no run" in capsys.readouterr().err
