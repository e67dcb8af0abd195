"""The control room in a real browser: who is needed, for me and for others; where it leads; what an event changes."""

import re

import pytest

from tests.support.visit import axe, sideways

GROUPS = "() => [...document.querySelectorAll('tbody')].map((one) => [one.rows[0].innerText.trim(), one.rows.length - 1])"


def line(page, model):
    return page.locator("tbody tr", has=page.get_by_role("rowheader", name=re.compile(rf"^{model}\b")))


def group_of(page, model):
    return line(page, model).locator("xpath=../tr[1]").inner_text().strip()


def stations(page, model):
    return [cell.inner_text().split("\n") for cell in line(page, model).locator("td").all()[:5]]


def test_each_model_is_one_line_with_its_place_in_the_loop_and_whom_it_waits_for(room):
    page = room.open("/")
    assert "1 waits for somebody else" in page.locator("main").inner_text()
    assert group_of(page, "parcels") == "Waits for somebody else"
    asked = line(page, "parcels").inner_text()
    assert "Version 2 passed its gates and waits for an approval" in asked
    assert "ada" in asked
    assert group_of(page, "flights") == "At work"
    assert "Version 7 is in canary" in line(page, "flights").inner_text()
    assert any("canary" in " ".join(words) for words in stations(page, "flights"))
    assert line(page, "flights").get_by_role("img", name=re.compile("^log_loss")).is_visible()


def test_somebody_who_may_decide_sees_first_what_waits_for_them_and_is_led_there(shared_room):
    ada = shared_room.visit("fr", "dark", shared_room.token("ada"))
    page = ada.open("/")
    assert page.evaluate(GROUPS)[0] == ["Vous êtes attendu", 1]
    assert axe(page) == []
    line(page, "parcels").get_by_role("link", name="Examiner").click()
    page.wait_for_url(re.compile(r"/w/parcels/review/parcels@2$"))


def test_a_need_is_a_filter_that_stands_in_the_address_and_the_back_button_takes_it_back(room):
    page = room.open("/")
    page.get_by_role("button", name=re.compile("^At work")).click()
    page.wait_for_url(re.compile(r"need=working"))
    page.wait_for_function("() => !document.querySelector('main').innerText.includes('parcels')")
    page.go_back()
    line(page, "parcels").wait_for()


def test_on_a_phone_each_model_is_a_stack_whose_stations_stay_one_line(room):
    page = room.open("/", width=390)
    tops = {round(cell.bounding_box()["y"]) for cell in line(page, "flights").locator("td").all()[:5]}
    assert len(tops) == 1
    assert line(page, "flights").get_by_text("Gates", exact=True).is_visible()
    assert sideways(page) <= 0
    assert axe(page) == []


def test_whoever_has_nothing_to_see_is_told_how_to_begin(acting, acting_room):
    with acting_room.platform.client("personal") as api:
        token = api.actors.add("newcomer", ["viewer"])["token"]
    page = acting_room.visit("en", "light", token).open("/")
    told = page.locator("main").inner_text()
    for command in ("regie init", "regie up", "regie apply"):
        assert command in told
    assert page.locator("table").count() == 0
    assert axe(page) == []


@pytest.fixture
def rollout(acting_room):
    with acting_room.api as api:
        running = api.rollouts.list("running")[0]["id"]
        yield running
        api.rollouts.resume(running, "lunch is over")


def test_an_event_changes_a_line_while_one_looks_at_it(acting, acting_room, rollout):
    page = acting.open("/")
    assert group_of(page, "flights") != "Needs you"
    with acting_room.api as api:
        api.rollouts.pause(rollout, "lunch")
    line(page, "flights").get_by_text("You may resume it").wait_for()
    assert "of version 7 is paused" in line(page, "flights").inner_text()
    assert group_of(page, "flights") == "Needs you"
    assert page.evaluate(GROUPS)[0][0] == "Needs you"
    line(page, "flights").get_by_role("link", name="Open the rollout").click()
    page.wait_for_url(re.compile(rollout))
