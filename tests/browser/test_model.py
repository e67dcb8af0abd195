"""The page of a model in a real browser: why this version is here, another one beside it, and the way back by a button."""

import re

from tests.support.visit import axe, sideways

ALONE = True  # rolls back
HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "x" * 1900


def section(page, name):
    return page.get_by_role("region", name=re.compile(name))


def test_the_champion_is_explained_from_the_window_that_began_it_to_its_crown(room):
    page = room.open("/w/WS/models/flights")
    told = section(page, "^Why version 5 is champion").inner_text()
    parts = ["Quality broke its promise", "started a retraining", "The pipeline train ran", "Version 5 was registered as challenger",
             "It passed its 4 gates", "was released by stages", "Version 5 became champion of flights in prod"]  # fmt: skip
    places = [told.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert section(page, "^Why").get_by_role("img", name=re.compile(r"log_loss <= champion \+ 0.02")).is_visible()


def test_the_challenger_stands_beside_the_champion_with_a_difference_that_the_server_has_signed(room):
    page = room.open("/w/WS/models/flights")
    beside = section(page, "beside version 5, champion")
    row = beside.get_by_role("row", name=re.compile("^log_loss")).inner_text()
    assert re.search(r"better|worse|not decided", row)
    made = beside.inner_text()
    for words in ("Snapshot", "Code", "Lock", "Signature", "Package size", "kB", "proved equal on 4,096 rows"):
        assert words in made, words


def test_another_version_is_told_under_its_own_address_and_back_leads_to_the_champion(room):
    page = room.open("/w/WS/models/flights")
    section(page, "^All versions").get_by_role("link", name="Version 1", exact=True).click()
    page.wait_for_url(re.compile(r"version=1$"))
    page.get_by_role("heading", name="What became of version 1").wait_for()
    page.get_by_role("link", name="To the champion, version 5").click()
    page.get_by_role("heading", name="Why version 5 is champion").wait_for()
    assert "version=" not in page.url


def test_where_there_is_nobody_to_go_back_to_the_button_says_so(room):
    page = room.open("/w/parcels/models/parcels", width=390)
    button = page.get_by_role("button", name="Roll back", exact=True)
    assert button.get_attribute("aria-disabled") == "true"
    why = page.locator(f"[id='{button.get_attribute('aria-describedby')}']").inner_text()
    assert "Version 1 is the first champion" in why
    assert sideways(page) <= 0


def test_a_person_rolls_back_by_a_button_and_it_is_in_the_audit_log_and_in_the_history(acting, acting_room):
    page = acting.open("/w/WS/models/flights")
    page.get_by_role("button", name="Roll back", exact=True).click()
    dialog = page.get_by_role("dialog")
    planned = dialog.inner_text()
    assert "Version 5" in planned
    assert "regie model rollback flights" in planned
    dialog.get_by_role("textbox").fill(HOSTILE)
    dialog.get_by_role("button", name="Roll back", exact=True).click()
    page.get_by_role("heading", name=re.compile("^Why version (?!5)[0-9]+ is champion")).wait_for()
    assert acting_room.records("model.rollback")[-1]["reason"] == HOSTILE
    told = section(page, "^Champions").inner_text()
    assert "local rolled back to version" in told
    assert "<img src=x onerror=alert(1)>" in told
    assert "rolled back from version 5" in section(page, "^Why").inner_text()
    assert page.locator("main img").count() == 0
    assert sideways(page) <= 0
    assert axe(page) == []
