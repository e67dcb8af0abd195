"""The rollout pages in a real browser: is it safe to go on; pause, resume and abort by buttons; an ended one as a whole report."""

import re

import pytest

from tests.support.visit import sideways

ALONE = True  # ends the rollout
HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "x" * 1900


@pytest.fixture(scope="module")
def running(acting_room):
    """The id of the rollout in its canary."""
    with acting_room.api as api:
        (found,) = api.rollouts.list("running")
    return found["id"]


def said(page):
    return page.inner_text("main")


def press(page, verb, reason):
    page.get_by_role("button", name=verb, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill(reason)
    dialog.get_by_role("button", name=verb, exact=True).click()
    dialog.wait_for(state="detached")


def off(page, verb):
    return page.get_by_role("button", name=verb, exact=True).get_attribute("aria-disabled") == "true"


def test_a_running_rollout_says_where_it_stands_and_when_it_goes_on(room, shared_room):
    with shared_room.api as api:
        (one,) = api.rollouts.list("running")
    page = room.open(f"/w/WS/rollouts/{one['id']}")
    current = page.locator("[aria-current=step]")
    assert current.inner_text().startswith("canary")
    verdict = page.get_by_role("status").first.inner_text()
    assert "Not known yet:" in verdict
    assert page.locator("table").first.locator("tbody tr").count() == 2  # its guards


def test_an_ended_rollout_is_a_whole_report_and_its_buttons_say_why_not(room, shared_room):
    with shared_room.api as api:
        one = next(one for one in api.rollouts.list("aborted") if one["because"] == "guard.broken")
    page = room.open(f"/w/WS/rollouts/{one['id']}", width=390)
    assert "It was aborted: a guard broke" in said(page)
    assert page.locator("figure").first.is_visible()
    for verb in ("Pause", "Resume", "Abort"):
        assert off(page, verb)
        hint = page.get_by_role("button", name=verb, exact=True).get_attribute("aria-describedby")
        assert "It is over (aborted)." in page.locator(f"[id='{hint}']").inner_text()
    assert sideways(page) <= 0


def test_the_list_leads_by_state_to_each_rollout(room):
    page = room.open("/w/WS/rollouts")
    page.get_by_role("link", name=re.compile("^aborted")).click()
    page.wait_for_url(re.compile("state=aborted"))
    assert page.locator("tbody tr").count() >= 1
    page.locator("tbody th a").first.click()
    page.wait_for_url(re.compile("/rollouts/[0-9a-f]{32}"))
    page.go_back()
    page.wait_for_url(re.compile("state=aborted"))


def test_a_person_pauses_and_aborts_by_buttons_hears_of_others_and_all_is_in_the_audit_log(acting, acting_room, running):
    page = acting.open(f"/w/WS/rollouts/{running}")
    assert off(page, "Resume")
    press(page, "Pause", HOSTILE)
    page.wait_for_function("() => document.querySelector('main').innerText.includes('holds it here')")
    assert off(page, "Pause")
    assert not off(page, "Resume")
    assert "<img src=x onerror=alert(1)>" in said(page)
    assert page.locator("main img").count() == 0
    assert sideways(page) <= 0
    with acting_room.api as api:  # somebody else, in a terminal: the page hears of it
        api.rollouts.resume(running, reason="seen enough")
    page.wait_for_function("() => !document.querySelector('main').innerText.includes('holds it here')")
    press(page, "Abort", "not this one")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('It was aborted')")
    assert [off(page, verb) for verb in ("Pause", "Resume", "Abort")] == [True] * 3
    for verb, reason in (("pause", HOSTILE), ("resume", "seen enough"), ("abort", "not this one")):
        (record,) = acting_room.records(f"rollout.{verb}")
        assert (record["actor"], record["target"], record["reason"], record["result"]) == ("local", running, reason, "done")
    page = acting.open("/w/WS/rollouts")
    assert "not this one" in said(page)
