"""What Git says about a project, asked of real repositories."""

import subprocess

import pytest

from regie.client.git import facts


def git(folder, *words):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "flow.py").write_text("a = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_clean_checkout_says_its_commit_and_branch(checkout):
    found = facts(checkout)
    assert found["commit"] == git(checkout, "rev-parse", "HEAD")
    assert (found["branch"], found["clean"]) == ("main", True)
    assert found["repository"] == str(checkout)


def test_a_changed_file_makes_it_unclean(checkout):
    (checkout / "flow.py").write_text("a = 2\n")
    assert facts(checkout)["clean"] is False


def test_a_new_file_makes_it_unclean(checkout):
    (checkout / "new.py").write_text("a = 2\n")
    assert facts(checkout)["clean"] is False


def test_changes_beside_the_project_do_not_count(checkout):
    (checkout / "project").mkdir()
    (checkout / "project" / "flow.py").write_text("b = 1\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "second")
    (checkout / "flow.py").write_text("a = 3\n")
    assert facts(checkout / "project")["clean"] is True


def test_a_detached_head_has_no_branch(checkout):
    git(checkout, "checkout", "-q", "--detach")
    assert facts(checkout)["branch"] == ""
    assert facts(checkout)["commit"]


def test_a_password_in_the_remotes_address_is_left_out(checkout):
    git(checkout, "remote", "add", "origin", "https://me:secret@host/team/repo.git")
    assert facts(checkout)["repository"] == "https://host/team/repo.git"


def test_without_a_checkout_nothing_is_said(tmp_path):
    assert facts(tmp_path) == {}


def test_a_checkout_without_a_commit_says_nothing(tmp_path):
    git(tmp_path, "init", "-q")
    assert facts(tmp_path) == {}


def test_without_git_nothing_is_said(checkout, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert facts(checkout) == {}


def test_variables_that_a_git_hook_sets_do_not_lead_elsewhere(checkout, monkeypatch, tmp_path):
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert facts(checkout)["branch"] == "main"
