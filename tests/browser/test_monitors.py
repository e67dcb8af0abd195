"""The page of monitors: what moved in one sentence, one axis and one crosshair over all charts, marks on each, before and after."""

import re

SUMMER = "/w/WS/monitors?from=2013-06-14&to=2013-07-23"
QUALITY = "log_loss <= champion_at_release * 1.1 over 7d"


def told(room):
    """What the server says of the same stretch."""
    query = "from_ms=1371168000000&to_ms=1374537600000"
    return room.context.request.get(f"{room.address}/w/{room.workspace}/api/v1/pages/monitors?{query}").json()


def charts(page):
    return page.locator("main figure")


def test_one_sentence_answers_and_says_since_when(room):
    page = room.open("/w/WS/monitors")
    answer = told(room)["answer"]
    head = {
        "world": "The world",
        "model": "The model",
        "both": "Both",
        "neither": "Neither",
        "unknown": "Not known|The model|Nobody",
    }
    sentence = page.locator("main p", has_text=re.compile(head[answer["moved"]])).first
    assert sentence.is_visible()
    if answer["since_ms"] is not None:
        assert "UTC" in sentence.inner_text()


def test_every_chart_bears_every_mark_and_the_strip_has_every_feature(room):
    page, said = room.open(SUMMER), told(room)
    moments = {one["time_ms"] for one in said["marks"]}
    assert {"champion.crowned", "route.changed", "drift.detected"} <= {one["type"] for one in said["marks"]}
    assert charts(page).count() == 5
    for number in range(5):
        chart = charts(page).nth(number)
        chart.get_by_text("As a table").click()
        chart.locator("th", has_text="Mark").first.wait_for()
        assert chart.locator("th", has_text="Mark").count() == len(moments)
    drift = next(one for one in said["monitors"] if one["kind"] == "drift")
    for feature in drift["features"]:
        assert page.get_by_role("slider", name=feature["name"], exact=True).count() == 1
    assert page.get_by_text(QUALITY).first.is_visible()


def test_the_crosshair_stands_at_one_moment_in_every_chart_and_across_the_strips(room):
    page = room.open(SUMMER)
    over = charts(page).first.locator(".u-over")
    over.scroll_into_view_if_needed()
    over.hover(position={"x": over.bounding_box()["width"] * 0.6, "y": 40})
    lefts = page.eval_on_selector_all(".u-cursor-x", "all => all.map((one) => new DOMMatrix(getComputedStyle(one).transform).e)")
    assert len(lefts) == 5
    assert max(lefts) - min(lefts) <= 1
    assert min(lefts) > 0
    assert page.locator("[data-pointed=yes]").count() >= 1
    strip = page.get_by_role("slider").first  # and from a strip into the charts
    strip.hover()
    moved = "before => new DOMMatrix(getComputedStyle(document.querySelector('.u-cursor-x')).transform).e !== before"
    page.wait_for_function(moved, arg=lefts[0])


def test_a_zoom_stands_in_the_address_and_back_takes_it_back(room):
    page = room.open(SUMMER)
    over = charts(page).first.locator(".u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 30, steps=5)
    page.mouse.up()
    page.wait_for_url(lambda url: "from=2013-06-14" not in url)
    assert re.search(r"from=2013-06-2\dT\d\d:00Z&to=2013-07-1\d", page.url), page.url
    page.go_back()
    page.wait_for_url(lambda url: "from=2013-06-14" in url)


def test_a_feature_before_and_after_opens_by_the_keyboard_and_by_its_address(room):
    page = room.open(SUMMER)
    drift = next(one for one in told(room)["monitors"] if one["kind"] == "drift")
    row = drift["features"][0]
    feature, place = row["name"], next(at for at, level in enumerate(row["levels"]) if level is not None)
    end_ms = drift["windows"][place]["to_ms"]
    strip = page.get_by_role("slider", name=feature, exact=True)
    strip.focus()
    page.keyboard.press("Home")
    for _ in range((end_ms - told(room)["from_ms"]) // drift["step_ms"] - 1):
        page.keyboard.press("ArrowRight")
    assert "bound 1" in strip.get_attribute("aria-valuetext")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**feature={feature}&window={end_ms}**")
    panel = page.get_by_role("region", name=f"{feature}: before and after")
    panel.get_by_role("columnheader", name="Its blocks").wait_for()
    assert panel.get_by_role("row").count() > 3
    again = room.open(page.url.removeprefix(room.address))
    again.get_by_role("columnheader", name="Its blocks").wait_for()


def test_a_breach_leads_to_what_it_started_and_to_its_events(room):
    page, said = room.open(SUMMER), told(room)
    started = next(one for one in said["breaches"] if one["started"])
    breaches = page.get_by_role("region", name="Breaches", exact=True)
    run = started["started"][0]["run"]
    assert breaches.get_by_role("link", name=run[-8:]).get_attribute("href") == f"/w/{room.workspace}/runs/{run}/steps"
    breaches.locator(f"a[href*='event={started['event']}']").click()
    page.wait_for_url("**/events?**")
    page.get_by_role("heading", name="quality.breached").wait_for()


def test_windows_that_are_missing_are_told_with_their_reason(room):
    page = room.open(SUMMER)
    assert "a champion was crowned within them" in page.get_by_role("list", name="Missing windows").first.inner_text()


def test_a_workspace_that_watches_nothing_teaches_the_next_command(room):
    page = room.open("/w/personal/monitors")
    assert page.get_by_text("regie apply").first.is_visible()
