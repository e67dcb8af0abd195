"""Events and the audit log: filters in the address, followed live, causes and effects, and a record that was tampered with by its number."""

import pytest
from sqlalchemy import insert, text

from regie.app.home import open_home
from regie.base.ids import new_id
from regie.store.tables import workspaces
from regie.store.types import LOCAL

HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "x" * 3_000


def rows(page):
    return page.get_by_role("row").filter(has=page.get_by_role("cell"))


def test_a_filter_stands_in_the_address_and_back_takes_it_back(room):
    page = room.open("/w/WS/events")
    page.get_by_label("Subject", exact=True).fill("drift(top)")
    page.keyboard.press("Enter")
    page.wait_for_url("**subject=drift*")
    room.ready(page)
    page.get_by_role("link", name="drift(top)").first.wait_for()
    page.locator("code", has_text="route.changed").first.wait_for(state="detached")
    again = room.open(page.url.removeprefix(room.address))
    assert again.get_by_label("Subject", exact=True).input_value() == "drift(top)"
    again.get_by_role("button", name="Clear filters").click()
    again.wait_for_url(lambda url: "subject" not in url)
    again.go_back()
    again.wait_for_url("**subject=drift*")


def test_a_crown_is_walked_back_to_its_first_cause(room):
    page = room.open("/w/WS/events?type=champion.crowned")
    page.get_by_role("button", name="champion.crowned").first.click()
    page.wait_for_url("**event=*")
    panel = page.get_by_role("complementary", name="The event")
    panel.get_by_text("Causes and effects").wait_for()
    walk = panel.locator("ol > li")
    types = walk.locator("code").all_inner_texts()
    assert types.index("rollout.started") < types.index("champion.crowned") < len(types)
    assert walk.locator("[aria-current]").or_(panel.locator("li[aria-current=true]")).count() == 1
    before = page.url
    walk.first.get_by_role("button").click()  # one goes on from link to link
    page.wait_for_url(lambda url: url != before and "event=" in url)


def test_what_the_server_exports_is_what_the_filters_find(room):
    page = room.open("/w/WS/events?type=champion.crowned")
    address = page.get_by_role("link", name="NDJSON").get_attribute("href")
    lines = room.context.request.get(room.address + address).text().splitlines()
    assert len(lines) == page.get_by_role("button", name="champion.crowned").count() >= 1
    assert (
        page.get_by_role("button", name="Copy as command").get_attribute("title")
        == "regie event list --type champion.crowned -w flights"
    )


@pytest.fixture
def store(acting_room):
    home = open_home(acting_room.platform.home)
    yield home.store
    home.store.database.close()


def happen(store, workspace, subject):
    with store.change(LOCAL, "workspace.create", subject, workspace=workspace) as tx:
        tx.execute(insert(workspaces).values(name=new_id(), clock="wall", now_ms=0, secret="", created_ms=0))
        tx.event("workspace.created", subject, said=HOSTILE)


def test_what_happens_appears_by_itself_and_a_hostile_name_is_text(acting, acting_room, store):
    page = acting.open("/w/WS/events")
    rows(page).first.wait_for()
    happen(store, acting_room.workspace, HOSTILE)
    page.get_by_role("button", name="workspace.created").first.wait_for()
    assert page.get_by_text("<img src=x onerror=alert(1)>").first.is_visible()
    assert page.locator("main img").count() == 0
    page.get_by_role("button", name="workspace.created").first.click()
    page.get_by_role("complementary", name="The event").get_by_text("Details as JSON").first.wait_for()
    assert page.locator("main img").count() == 0
    audit = acting.open("/w/WS/audit?action=workspace.create")
    assert audit.get_by_text("<img src=x onerror=alert(1)>").first.is_visible()
    assert audit.locator("main img").count() == 0


def test_the_record_is_verified_and_a_tampered_one_is_shown_as_broken_with_its_number(acting, acting_room, store):
    page = acting.open("/w/WS/audit")
    page.get_by_role("button", name="Verify now").click()
    page.get_by_text("The record is whole").wait_for()
    assert page.get_by_text("Up to record").is_visible()
    with store.database.write() as db:
        db.execute(
            text('UPDATE audit_records SET record = replace(record, \'"result":"done"\', \'"result":"dona"\') WHERE seq = 7')
        )
    acting.allow(r"POST .*/api/v1/audit/verify: 409")
    page.get_by_role("button", name="Verify now").click()
    page.get_by_text("The record is broken at number 7: its content does not match its hash").wait_for()
    assert page.get_by_text("Do not write to it").is_visible()
    again = acting.open("/w/WS/audit")  # it stays known
    assert again.get_by_text("The record is broken at number 7").is_visible()
    with store.database.write() as db:
        db.execute(
            text('UPDATE audit_records SET record = replace(record, \'"result":"dona"\', \'"result":"done"\') WHERE seq = 7')
        )
    again.get_by_role("button", name="Verify now").click()
    again.get_by_text("The record is whole").wait_for()


def test_refusals_stand_out_and_can_be_seen_alone(acting, acting_room, store):
    store.note_refusal(
        LOCAL, "champion.set", HOSTILE, "the champion changes only through a rollout", workspace=acting_room.workspace
    )
    page = acting.open("/w/WS/audit")
    page.get_by_role("switch", name="Only refusals").click()
    page.wait_for_url("**result=refused*")
    acting.ready(page)
    rows(page).filter(has_not_text="refused").first.wait_for(
        state="detached"
    )  # the rows of before stay until the others are there
    assert rows(page).filter(has_text="refused").count() == rows(page).count() >= 1
    assert page.get_by_text("the champion changes only through a rollout").first.is_visible()
