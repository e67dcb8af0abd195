"""What every page promises: a heading, nothing wrong behind it, nothing that keeps a person from using it, no sideways scroll."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from regie.app import ui
from tests.support.visit import HEIGHT, Visit, axe, sideways, sign_in, watched

TABLE = (Path(__file__).parents[2] / "ui/src/app/pages.ts").read_text("utf-8")
PHONE, WIDE = 390, 1280
COLOURS = ("color-contrast", "link-in-text-block")  # what a theme alone can break


def addresses() -> list[str]:
    """Every page of the control room, as its router has it."""
    return re.findall(r'^  page\(\s*"([^"]+)"', TABLE, re.MULTILINE)


@pytest.fixture(scope="session")
def things(shared_room) -> dict[str, str]:
    """A thing of the filled home for each name in an address: `id` is a run, or a rollout's below `rollouts`."""
    with shared_room.api as api:
        run, rollout = api.runs.list()[0]["run_id"], api.rollouts.list()[0]["id"]
    return {
        "ws": shared_room.workspace,
        "name": "flights",
        "id": run,
        "rollout": rollout,
        "dataset": "flights",
        "version": "parcels@2",
    }


def address(path: str, things: dict[str, str]) -> str:
    """The path with things in the places of its names."""
    said = {**things, "id": things["rollout"]} if "/rollouts/" in path else things
    said = {**said, "ws": "parcels"} if "/review/" in path else said
    return re.sub(r"\$(\w+)", lambda found: said[found[1]], path)


def test_every_page_of_the_router_is_a_page_of_the_server():
    served = {re.sub(r"\{\w+\}", "{}", path) for path in ui.PAGES}
    routed = {re.sub(r"\$\w+", "{}", path.removeprefix("/w/$ws")) or "/" for path in addresses()}
    assert routed - served == set(), "add them to PAGES of app/ui.py, and to app/policy.py"


@pytest.fixture(scope="module")
def walker(shared_room) -> Iterator[Visit]:
    """Somebody who goes through all pages, and changes the language on the way."""
    visit = shared_room.stranger()
    sign_in(visit.context, shared_room.address)
    yield visit
    visit.context.close()


@pytest.mark.parametrize("path", [path for path in addresses() if path != "/sign-in"])
def test_a_page_shows_itself_to_everybody_in_each_language_and_theme(walker, things, path):
    """Loaded once; the language and the theme change under it. Either language at a desk and on a phone."""
    with watched(walker):
        page = walker.open(address(path, things), WIDE)
        try:
            found = _seen(walker, page, "en", "light") + _everywhere(page, "en")
            page.emulate_media(color_scheme="dark")
            found += _seen(walker, page, "en", "dark", COLOURS)
            page.locator("button[lang=fr]").first.click()
            found += _seen(walker, page, "fr", "dark") + _everywhere(page, "fr")
            page.emulate_media(color_scheme="light")
            found += _seen(walker, page, "fr", "light", COLOURS)
        finally:
            page.emulate_media(color_scheme="light")
            page.locator("button[lang=en]").first.click()
        assert not found, "\n".join(found)


def _seen(visit: Visit, page: Page, lang: str, theme: str, rules: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with a page that is shown so. `rules`: those of axe that are asked, where not all."""
    page.wait_for_function(
        "([lang, theme]) => document.documentElement.lang === lang && document.documentElement.dataset.mantineColorScheme === theme",
        arg=[lang, theme],
    )
    visit.ready(page)
    found = [] if page.locator("main h1").first.is_visible() and "Regie" in page.title() else ["no heading or title"]
    return [f"{lang}, {theme}: {one}" for one in found + axe(page, rules=rules)]


def _everywhere(page: Page, lang: str) -> list[str]:
    """Where it scrolls sideways."""
    found = []
    for width in (PHONE, WIDE):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.wait_for_function("(width) => document.documentElement.clientWidth <= width", arg=width)
        if (more := sideways(page)) > 0:
            found.append(f"{lang}: it scrolls sideways by {more} px at {width} px")
    return found


def test_a_script_that_is_not_a_file_of_the_server_does_not_run(walker):
    with watched(walker):
        page = walker.open("/")
        page.evaluate("""() => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.head.append(script);
          document.querySelector("main").insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>");
        }""")
        page.wait_for_function("() => document.querySelector('main img').complete")
        assert page.evaluate("() => window.ran") is None
        assert any("Content Security Policy" in one for one in walker.problems())
        walker.allow("Content Security Policy")
        walker.allow(r"/x: 404$")


def test_who_is_not_signed_in_is_asked_to_sign_in(shared_room):
    stranger = shared_room.stranger()
    stranger.allow(r": 401$")
    try:
        page = stranger.open("/w/WS/runs")
        assert "/sign-in" in page.url
        assert axe(page) == []
        assert stranger.problems() == []
    finally:
        stranger.context.close()
