"""Signing in at the control room: by a link that works once, or with a token; and nothing of either is left behind."""

import re

import pytest

from regie.client.http import Client
from tests.support.visit import sideways, watched

COOKIE = "regie_session_"
RUNS = "/w/flights/runs"
SIGN_IN = re.compile(r"/sign-in(\?|$)")


@pytest.fixture
def stranger(shared_room):
    visit = shared_room.stranger()
    with watched(visit):
        visit.allow(r"GET .*/api/v1/(session|stream|pages).*: 401")
        visit.allow(r"POST .*/api/v1/session: 401")
        yield visit
    visit.context.close()


@pytest.fixture
def ann(shared_room):
    """A viewer of the workspace, and her token."""
    with shared_room.api as api:
        name = f"ann{len(api.actors.list())}"
        return name, api.actors.add(name, ["viewer"])["token"]


def link(room, path="/"):
    with room.api as api:
        return api.sessions.link(path)["link"]


def signed_in_as(page):
    return page.get_by_role("button", name="Sign out").locator("xpath=..").inner_text()


def kept(page):
    """Whatever a browser keeps, and what a script may read of its cookies."""
    return page.evaluate(
        "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state])"
    )


def test_a_link_signs_in_once_and_leads_to_where_one_wanted_to_go(stranger, shared_room):
    address = link(shared_room, RUNS)
    page = stranger.tab()
    page.goto(address)
    page.wait_for_url(shared_room.address + RUNS)
    stranger.ready(page)
    assert "local" in signed_in_as(page)
    assert address.partition("#")[2] not in kept(page)
    assert [one["httpOnly"] for one in stranger.context.cookies() if one["name"].startswith(COOKIE)] == [True]
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(SIGN_IN)
    assert [one for one in stranger.context.cookies() if one["name"].startswith(COOKIE)] == []
    page.goto(address)
    page.get_by_role("alert").get_by_text("Each one works once").wait_for()
    assert page.get_by_text("regie open", exact=True).count() == 1
    assert "#" not in page.url


def test_a_link_of_somebody_else_asks_before_it_signs_in(stranger, shared_room, ann):
    """Else a link that somebody sends would make one work in another name, unawares."""
    name, token = ann
    with shared_room.api as api, Client(shared_room.address, "flights", token) as hers:
        address = hers.sessions.link(RUNS)["link"]
        mine = api.sessions.link(RUNS)["link"]
    stranger.allow(r"POST .*/api/v1/session: 409")
    page = stranger.tab(390)
    page.goto(mine)
    page.wait_for_url(shared_room.address + RUNS)
    for choice, who in (("Stay local", "local"), (f"Sign in as {name}", name)):
        page.goto(address)
        page.get_by_role("alert").get_by_text(f"this link signs in {name}").wait_for()
        assert sideways(page) <= 0
        page.get_by_role("button", name=choice).click()
        page.wait_for_url(shared_room.address + RUNS)
        assert page.evaluate("async () => (await (await fetch('/api/v1/session')).json()).actor") == who


def test_a_token_signs_in_its_person_and_is_kept_nowhere(stranger, shared_room, ann):
    name, token = ann
    page = stranger.tab(390)
    page.goto(f"{shared_room.address}{RUNS}?q=x")
    page.wait_for_url(SIGN_IN)
    assert sideways(page) <= 0
    field = page.get_by_label("Token")
    field.fill("made-up")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").get_by_text("signs nobody in").wait_for()
    assert field.evaluate("one => one === document.activeElement && one.value === ''")
    field.fill(token)
    field.press("Enter")
    page.wait_for_url(f"{shared_room.address}{RUNS}?q=x")
    page.set_viewport_size({"width": 1280, "height": 900})
    stranger.ready(page)
    assert name in signed_in_as(page)
    assert token not in kept(page)
    assert {one["actor"] for one in shared_room.records("session.open") if one["target"] == name} == {name}


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/x", "https://evil.example", "/\\evil.example", "/.//evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_somewhere_else_after_signing_in(stranger, shared_room, elsewhere):
    address, _, code = link(shared_room).partition("#")
    page = stranger.tab()
    page.goto(f"{address}?next={elsewhere}#{code}")
    page.wait_for_url(f"{shared_room.address}/")


def test_a_tab_that_waits_goes_on_when_its_person_signs_in_in_another_one(stranger, shared_room):
    waiting = stranger.tab()
    waiting.goto(shared_room.address + RUNS)
    waiting.wait_for_url(SIGN_IN)
    other = stranger.context.new_page()
    other.goto(link(shared_room))
    other.wait_for_url(f"{shared_room.address}/")
    waiting.get_by_text("You are signed in as local.").wait_for()
    waiting.get_by_role("button", name="Go on").click()
    waiting.wait_for_url(shared_room.address + RUNS)
