"""A person before the control room, for tests in a real browser: opens pages, and keeps what went wrong on the way.

What is an error of a page: something written to its console as an error, an exception, a request without an answer or answered by 400
and more, a violation of the content security policy (which the console tells), a request to anywhere else than the server: a machine
without a network has the whole control room. `allow` names what a test brings about on purpose.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

from ui import build

AXE = build.MODULES / "axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
READY_MS = 20_000
HEIGHT = 900
# The page is that of the address, it has its heading, and nothing on it waits for the server or is still what was asked for before.
READY = """() => document.querySelector("main h1") !== null
  && document.querySelector("main").dataset.shown === location.pathname + location.search
  && document.querySelector("[aria-busy=true], [data-waiting]") === null"""
RUN_AXE = """async ([within, rules]) => {
  const only = rules ? { runOnly: rules } : {};
  return (await axe.run(within ?? document, { resultTypes: ["violations"], ...only })).violations;
}"""
FRAMES = """async ([scroll, ms]) => {
  const box = document.querySelector(scroll), took = [];
  let last = await new Promise(requestAnimationFrame);
  const end = last + ms;
  while (last < end && box.scrollTop + box.clientHeight < box.scrollHeight) {
    box.scrollTop += box.clientHeight / 4;
    const now = await new Promise(requestAnimationFrame);
    took.push(now - last);
    last = now;
  }
  return took;
}"""


@dataclass
class Visit:
    """One browser context: a person, a language, a theme. `page` is the page that was opened last."""

    context: BrowserContext
    address: str
    workspace: str
    lang: str
    theme: str
    wrong: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    page: Page | None = None

    def open(self, path: str, width: int = 1280) -> Page:
        """Load a page of the control room in a tab; returns it when its data is there. `WS` in the path is the workspace."""
        page = self.tab(width)
        page.goto(self.address + path.replace("/w/WS", f"/w/{self.workspace}"), wait_until="commit")
        self.ready(page)
        return page

    def tab(self, width: int = 1280) -> Page:
        """The tab of this visit, watched."""
        if self.page is None or self.page.is_closed():
            self.page = self.context.new_page()
            self._watch(self.page)
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        return self.page

    def ready(self, page: Page) -> None:
        """Wait until the page has its heading and its data."""
        try:
            page.wait_for_function(READY, timeout=READY_MS)
        except Exception as late:
            text = page.inner_text("body")[:1500]
            raise AssertionError(f"{page.url} is not ready: {text}\n{self.problems()}") from late

    def allow(self, pattern: str) -> None:
        """Take no notice of problems that the pattern finds: the test brings them about."""
        self.allowed.append(pattern)

    def problems(self) -> list[str]:
        """What went wrong so far."""
        return [one for one in self.wrong if not any(re.search(pattern, one) for pattern in self.allowed)]

    def _watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: exception: {error}"))
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # _answered tells more of it
            self.wrong.append(f"{message.location.get('url', '')}: console: {message.text[:500]}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:", "about:")):
            self.wrong.append(f"{request.method} {request.url}: another host")

    def _failed(self, request: Request) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # the page itself has gone on
            self.wrong.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.request.method} {response.url}: {response.status}")


def sign_in(context: BrowserContext, address: str, token: str = "") -> None:
    """Sign a person in as the page does it, with a code of `regie open`."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    made = httpx2.post(f"{address}/api/v1/session/codes", headers=headers, trust_env=False)
    assert made.status_code in (200, 201), made.text
    done = context.request.post(f"{address}/api/v1/session", data={"code": made.json()["code"]}, headers={"Origin": address})
    assert done.ok, done.text()


def axe(page: Page, within: str = "", rules: tuple[str, ...] = ()) -> list[str]:
    """What axe-core finds that is serious or critical: rule, what it is, where. `within`: a selector; `rules`: only these."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")  # by the debugger: the page's policy lets no script in
    found = page.evaluate(RUN_AXE, [within or None, list(rules) or None])
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['target']} {node['html'][:200]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"][:5]
    ]


def sideways(page: Page) -> int:
    """By how many pixels the page can be scrolled sideways."""
    found: int = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


# --- figures ---


def frames(page: Page, scrolled: str, ms: int = 2_000) -> list[float]:
    """Milliseconds of each frame while a box is scrolled down, a quarter of its height a frame. `scrolled`: its selector."""
    took: list[float] = page.evaluate(FRAMES, [scrolled, ms])
    return took


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def best(measure: Any, limit: float, rounds: int = 5) -> float:
    """The least of some rounds, or the first that keeps the limit: on a busy machine a figure is only ever too large."""
    seen = []
    for _ in range(rounds):
        seen.append(float(measure()))
        if seen[-1] <= limit:
            break
    return min(seen)


@contextmanager
def watched(visit: Visit) -> Iterator[Visit]:
    """Nothing goes wrong meanwhile that is not allowed."""
    visit.wrong.clear()
    visit.allowed.clear()
    yield visit
    assert not visit.problems(), "\n".join(visit.problems())
