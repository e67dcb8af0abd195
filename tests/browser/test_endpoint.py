"""The endpoint's page in a real browser: how fast it is, what it holds, and a form whose request the data plane really answers."""

import ast
import json
import re
import subprocess
import sys

import pytest

from tests.support.visit import sideways

HOSTILE = "<img src=x onerror=alert(1)>'\"\u202e"


SERVES_MS = 60_000  # a node that has just started opens its packages first


@pytest.fixture(scope="module")
def serving(acting_room):
    acting_room.platform.begin("serve")
    yield acting_room
    acting_room.platform.processes["serve"].end()


def said(page):
    return page.inner_text("main")


def send(page, **inputs):
    """Fill fields in, by name, and send; the page hears by itself when a node serves."""
    form = page.locator("#try form")
    for name, text in inputs.items():
        form.get_by_label(name, exact=True).fill(text)
    form.locator("button[type=submit]:not([aria-disabled])").click(timeout=SERVES_MS)


def test_the_page_says_how_fast_it_is_and_what_its_processes_hold(room):
    page = room.open("/w/WS/endpoint?last=30d")
    facts = said(page)
    assert len(re.findall(r"\d[.,]?\d* ms", facts)) >= 6
    assert re.search(r"\d+ M[Bo]", facts)
    assert "http://127.0.0.1:" in facts


def test_the_stretch_of_time_stands_in_the_address(room):
    page = room.open("/w/WS/endpoint")
    page.get_by_role("button", name="24 hours").click()
    page.wait_for_url(re.compile(r"last=24h"))
    page.go_back()
    page.locator("button[aria-pressed=true]", has_text="7 days").wait_for()
    assert "last" not in page.url


def test_the_form_gets_a_real_answer_and_the_same_request_can_be_copied(acting, serving):
    page = acting.open("/w/WS/endpoint")
    form = page.locator("#try form")
    assert form.get_by_label("distance", exact=True).input_value() != ""
    form.get_by_label("carrier", exact=True).select_option(label="B6")
    send(page, distance="1089")
    page.get_by_text("Prediction id").wait_for()
    answer = page.locator("#try [aria-live]").first.inner_text()
    assert re.search(r"Prediction\n0\.\d+", answer)
    assert re.search(r"version \d+", answer)
    page.get_by_role("tab", name="Python").click()
    code = page.get_by_role("region", name=re.compile("Python")).inner_text()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert '"distance": 1089' in code
    assert 0 < ast.literal_eval(done.stdout)["predictions"][0] < 1
    page.get_by_role("tab", name="curl").click()
    assert '"distance":1089' in page.get_by_role("region", name=re.compile("curl")).inner_text()


def test_a_row_that_the_model_does_not_take_is_refused_in_its_words_and_stays_text(acting, serving):
    page = acting.open("/w/WS/endpoint", width=390)
    send(page, distance=HOSTILE)
    page.get_by_text("The endpoint answered 422").wait_for()
    assert "distance is '<img src=x onerror=alert(1)>" in page.locator("#try [aria-live]").first.inner_text()
    words = page.get_by_role("region", name=re.compile("curl")).inner_text()
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["code"] == "serving.bad_row"
    assert page.locator("main img").count() == 0
    assert sideways(page) <= 0


def test_a_refused_value_is_marked_at_its_field_which_has_the_keyboard_until_it_is_typed_anew(acting, serving):
    page = acting.open("/w/WS/endpoint")
    send(page, distance="far")
    field = page.locator("#try form").get_by_label("distance", exact=True)
    page.locator("#try form [aria-invalid=true]").wait_for()
    hints = field.get_attribute("aria-describedby").split()
    told = page.locator(f"[id='{hints[0]}']").inner_text()
    assert "The model does not take this value. distance is 'far', not an integer" in told
    assert field.evaluate("one => one === document.activeElement")
    assert page.locator("#try [aria-invalid]").count() == 1
    field.fill("1089")
    assert page.locator("#try [aria-invalid]").count() == 0


def test_one_who_may_only_read_sees_no_row_and_is_told_why_nothing_can_be_sent(acting_room):
    with acting_room.api as api:
        token = api.actors.add("vera", ["viewer"])["token"]
    visit = acting_room.visit(token=token)
    page = visit.open("/w/WS/endpoint")
    button = page.locator("#try form").get_by_role("button", name="Send")
    assert button.get_attribute("aria-disabled") == "true"
    assert "vera has no role here that may do this" in said(page)
    assert page.locator("#try form").get_by_label("distance", exact=True).input_value() == ""
