"""Review in a browser: what waits is found, who may not decide hears why, and a decision is in the audit log under its person's name."""

import sqlite3
from contextlib import closing

import pytest

from tests.support.visit import axe, watched

WORKSPACE = "parcels"
HOSTILE = '<img src=x onerror="document.title=1">\u202e'


@pytest.fixture(scope="module")
def asked(acting_room):
    """The version that waits for a decision; as the home knows it, ben started its run."""
    with acting_room.platform.client(WORKSPACE) as api:
        (one,) = api.approvals.list(state="pending")
        tokens = {name: api.actors.add(name, ["validator"])["token"] for name in ("ann", "ben")}
    with closing(sqlite3.connect(acting_room.platform.home / "regie.db", timeout=30)) as db:
        run = "(SELECT run_id FROM model_versions WHERE name = ? AND version = ?)"
        db.execute(f"UPDATE pipeline_runs SET \"by\" = 'ben' WHERE run_id = {run}", (one["model"], one["version"]))
        db.commit()
    return f"{one['model']}@{one['version']}", tokens


@pytest.fixture
def person(acting_room, asked):
    """Somebody of these before the room; nothing may go wrong on their pages."""

    def before(name, lang="en", theme="light"):
        return acting_room.visit(lang, theme, asked[1].get(name, ""))

    return before


def test_what_waits_for_me_leads_to_its_evidence(person, asked):
    version, _ = asked
    with watched(person("ann")) as visit:
        page = visit.open("/review")
        page.get_by_role("region", name="Waits for you").get_by_role("link", name=version).click()
        page.get_by_role("heading", name=version, level=1).wait_for()
        visit.ready(page)
        rows = page.get_by_role("table", name="Evidence").get_by_role("row")
        assert rows.count() > 1
        assert rows.nth(1).get_by_role("img").get_attribute("aria-label")  # the interval in words
        assert page.get_by_text("which no training saw").count() == 1
        assert page.get_by_role("table", name="What differs from the champion").get_by_role("row").count() > 1


BARRED = [
    ("ben", "en", "is an author: started its run"),
    ("ben", "fr", "en est auteur : a lancé son exécution"),
    ("", "en", "local is whoever sends no token"),
]


@pytest.mark.parametrize(("name", "lang", "why"), BARRED)
def test_who_may_not_decide_sees_why_and_who_may(person, asked, name, lang, why):
    version, _ = asked
    with watched(person(name, lang, "dark" if lang == "fr" else "light")) as visit:
        page = visit.open(f"/w/{WORKSPACE}/review/{version}")
        assert why in page.get_by_role("note").inner_text()
        button = page.get_by_role("button", name="Approve" if lang == "en" else "Approuver", exact=True)
        assert button.get_attribute("aria-disabled") == "true"
        button.click(force=True)
        assert page.get_by_role("dialog").count() == 0
        people = page.get_by_role("table", name="Who may decide" if lang == "en" else "Qui peut décider")
        assert "may decide" in people.inner_text() or "peut décider" in people.inner_text()
        assert axe(page) == []


def test_an_approval_on_the_page_is_in_the_audit_log_under_its_persons_name_and_shows_what_follows(person, asked, acting_room):
    version, tokens = asked
    with watched(person("ann")) as visit, watched(person("ben")) as other:
        page = visit.open(f"/w/{WORKSPACE}/review/{version}")
        seen = other.open("/review")
        page.get_by_role("button", name="Approve", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Approve").click()
        assert dialog.get_by_text("Say why").count() == 1  # not without a reason
        dialog.get_by_role("textbox", name="Reason").fill(HOSTILE)
        dialog.get_by_role("button", name="Approve").click()
        page.get_by_text("It was approved").wait_for()
        assert page.get_by_role("heading", level=1).locator("xpath=../..").get_by_text("approved", exact=True).count() == 1
        assert page.get_by_text(HOSTILE).count() >= 1  # text, as it was typed
        assert page.title() != "1"
        decided = seen.get_by_role("region", name="Decided").get_by_role("row").filter(has_text=version)
        decided.filter(has_text="ann").wait_for()  # by the stream: nobody has touched that page
    (record,) = [one for one in acting_room.records("approval.grant") if one["target"] == version]
    assert (record["actor"], record["result"], record["reason"]) == ("ann", "done", HOSTILE)
    assert not [one for one in acting_room.records("approval.grant") if tokens["ann"] in str(one)]
