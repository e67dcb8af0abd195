"""What stands around every page: navigation, Ctrl-K, languages, themes, one stream for all tabs, and a server that goes and returns."""

import re

import pytest

from tests.support.visit import axe, sideways, sign_in, watched

STREAM = "/api/v1/stream"
HOSTILE = "<img src=x onerror=alert(1)> \u202e"
NAV = "nav[aria-label=Pages] a"
HERE = "nav[aria-label=Pages] [aria-current=page]"
FIELD = "dialog[open] [role=combobox]"


@pytest.fixture
def fresh(shared_room):
    """Somebody whose browser remembers nothing."""
    made = shared_room.stranger()
    sign_in(made.context, made.address)
    with watched(made) as visit:
        yield visit
    made.context.close()


def chosen(page):
    """The option that Enter would take."""
    return page.locator(f"id={page.get_attribute(FIELD, 'aria-activedescendant')}").inner_text()


def test_navigation_leads_to_every_page_and_says_where_one_is(room):
    page = room.open("/")
    names = page.locator(NAV).all_inner_texts()
    assert names[0] == "Control room"
    for name in names:
        page.click(f"{NAV} >> text=/^{name}$/")
        room.ready(page)
        assert page.locator(HERE).all_inner_texts() == [name]
        assert page.title().endswith("Regie")
    page.go_back()
    room.ready(page)
    assert page.locator(HERE).inner_text() == names[-2]


def test_a_keyboard_reaches_the_page_in_two_strokes(room):
    page = room.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "page"


def test_language_and_theme_are_the_browsers_first_and_the_chosen_ones_from_then_on(fresh):
    page = fresh.open("/")
    assert page.get_attribute("html", "lang") == "en"
    page.click("text=Français")
    assert page.get_attribute("html", "lang") == "fr"
    assert page.inner_text("main h1") == "Salle de contrôle"
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[aria-label=Sombre]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
    page.reload()
    fresh.ready(page)
    assert page.inner_text("main h1") == "Salle de contrôle"
    assert page.get_attribute("html", "data-mantine-color-scheme") == "dark"
    assert page.get_attribute("[aria-label=Sombre]", "aria-pressed") == "true"


def test_on_a_phone_navigation_is_a_drawer_that_closes_behind_one(room):
    page = room.open("/w/WS/monitors", width=390)  # on the home page it would be the workspace of whatever test came before
    assert not page.is_visible(NAV)
    page.click("[aria-label='Open navigation']")
    assert axe(page) == []
    page.keyboard.press("Escape")
    assert not page.is_visible(NAV)
    page.click("[aria-label='Open navigation']")
    page.click("dialog[open] nav >> text=/^Runs$/")
    room.ready(page)
    assert page.url.endswith(f"/w/{room.workspace}/runs")
    assert not page.is_visible(NAV)
    assert sideways(page) <= 0


def test_a_driven_clock_is_shown_wherever_its_figures_are(room):
    page = room.open("/w/WS/runs")
    assert re.search(r"driven clock\s+\d+ \w+ 201\d, \d\d:\d\d UTC", page.inner_text("nav[aria-label=Pages]"))


def test_ctrl_k_finds_a_version_by_its_name_and_enter_opens_it(room, shared_room):
    with shared_room.api as api:
        name = api.models.list()[0]["name"]
    page = room.open("/w/WS/runs")
    page.keyboard.press("Control+k")
    page.keyboard.type(f"{name}@1")
    page.wait_for_selector(f"[role=option]:has-text('{name}@1')")
    assert axe(page) == []
    assert f"{name}@1" in chosen(page)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/models/{name}?version=1")
    assert page.query_selector("dialog[open]") is None


def test_ctrl_k_goes_through_what_it_found_by_arrows_and_gives_the_focus_back(room):
    page = room.open("/")
    page.focus(NAV)
    page.keyboard.press("Control+k")
    page.keyboard.type("run")
    page.wait_for_function("() => document.querySelectorAll('dialog[open] [role=option]').length > 1")
    page.wait_for_function("() => document.querySelector('dialog[open] [role=status]').textContent !== ''")
    options = page.locator("[role=option]").all_inner_texts()
    seen = [chosen(page)]
    for _ in options[1:]:
        page.keyboard.press("ArrowDown")
        seen.append(chosen(page))
    assert seen == options
    page.keyboard.press("ArrowDown")
    assert chosen(page) == options[0]
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.closest('nav') !== null")


def test_what_is_typed_into_ctrl_k_is_text(room):
    page = room.open("/")
    page.keyboard.press("Control+k")
    page.keyboard.insert_text(HOSTILE + "x" * 500)
    page.wait_for_selector("text=Nothing is found")
    assert page.locator("dialog[open] img").count() == 0
    page.keyboard.press("Escape")


def test_all_tabs_hear_one_stream_and_another_takes_over_where_its_tab_closes(fresh, shared_room):
    asked = []
    fresh.context.on("request", lambda one: STREAM in one.url and asked.append(one.frame.page))
    with fresh.context.expect_event("request", lambda one: STREAM in one.url):
        first = fresh.open("/")
    others = [fresh.context.new_page() for _ in range(3)]
    for other in others:
        other.goto(f"{fresh.address}/w/{fresh.workspace}/runs")
        fresh.ready(other)
    assert asked == [first]
    with fresh.context.expect_event("request", lambda one: STREAM in one.url) as taken:
        first.close()
    assert taken.value.frame.page in others
    assert "after=" in taken.value.url
    fresh.page = None


def test_a_server_that_goes_is_told_with_the_time_of_the_figures_and_the_page_goes_on_when_it_is_back(fresh, shared_room):
    fresh.allow(r"ERR_|50\d$|Failed to load")
    page = fresh.open("/")
    figures = page.inner_text("main")
    shared_room.platform.kill("server")
    try:
        page.wait_for_selector("text=The server has not answered since")
        banner = page.inner_text("main [role=status] >> nth=0")
        assert re.search(r"since \d\d:\d\d:\d\d (CET|CEST|GMT\+\d)\.", banner)
        assert re.search(r"figures are those of \d\d:\d\d:\d\d", banner)
        assert page.inner_text("main") == f"{banner}\n{figures}"
    finally:
        shared_room.platform.begin("server")
    with page.expect_response(lambda one: "/api/v1/pages/" in one.url and one.ok):
        page.wait_for_selector("text=The server has not answered since", state="detached", timeout=30_000)


def test_ctrl_k_offers_what_may_be_done_on_the_page_that_is_open(room, shared_room):
    with shared_room.api as api:
        (running,) = [one for one in api.rollouts.list() if one["state"] == "running"]
    page = room.open(f"/w/WS/rollouts/{running['id']}")
    page.keyboard.press("Control+k")
    page.wait_for_selector("dialog[open] [role=group][aria-label='On this page'] >> text=Pause")
    page.keyboard.type("pause")
    assert chosen(page).startswith("Pause")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] textarea")
    assert page.locator("dialog[open] code").inner_text().startswith("regie rollout pause")
    page.click("dialog[open] >> button:has-text('Pause')")
    assert page.get_attribute("dialog[open] textarea", "aria-invalid") == "true"
    page.keyboard.press("Escape")


def test_a_misspelt_workspace_is_told_from_an_empty_one(room):
    page = room.open("/w/flihgts/runs")
    assert "“flihgts”" in page.inner_text("main p[role=status]")
    assert axe(page) == []
    page = room.open("/w/personal/runs")
    assert page.locator("main p[role=status]").count() == 0
