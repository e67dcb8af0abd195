"""The control room's files: its page at each of its addresses, and what the page loads.

`ui/build.py` makes them into `regie/_ui`; nothing of it is read before somebody asks. The page is made anew for each answer, with a
nonce of its own, and is never kept by a browser; what it loads has the digest of its content in its name, and is kept for good.
Where there is no bundle, a page says how to get one.
"""

import re
import secrets
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from regie.base.errors import NotFound

router = APIRouter(include_in_schema=False)
FOLDER = Path(__file__).parents[1] / "_ui"
# Below `/w/NAME` too, which `app/workspace_path.py` takes off. What is not here is no page, and stays 404.
PAGES = (
    "/",
    "/sign-in",
    "/review",
    "/review/{version}",
    "/models/{name}",
    "/rollouts",
    "/rollouts/{rollout_id}",
    "/runs",
    "/runs/{run_id}",
    "/runs/{run_id}/steps",
    "/compare",
    "/pipelines",
    "/monitors",
    "/data",
    "/data/{dataset}",
    "/events",
    "/audit",
    "/endpoint",
)
ASSET, ICON = "/assets/{name}", "/favicon.svg"
METHODS = ["GET", "HEAD"]
NONCE = "__NONCE__"  # what the build leaves in index.html
TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "woff2": "font/woff2",
    "json": "application/json",
}
_ASSET = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9_.-]{{0,200}}\.({'|'.join(TYPES)})")
_SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# Mantine writes one style element, with the nonce; scripts come from files alone. An artifact's HTML stands in a sandboxed frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ABSENT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Regie: the control room is not there</title>
<style nonce="{nonce}">
  :root {{ color-scheme: light dark; }}
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem; }}
  section + section {{ margin-top: 2rem; padding-top: 1rem; border-top: 1px solid; }}
  h1, h2 {{ font-size: 1.25rem; margin: 0; }}
  code {{ font: 0.875rem ui-monospace, monospace; overflow-wrap: anywhere; }}
</style></head><body><main>
<section><h1>The control room is not there</h1>
<p>This installation of Regie was made without it (<code>REGIE_UI=0</code>), or its files were removed from
<code>{folder}</code>. Everything else works: the API, the commands, the endpoints.</p>
<p>In a checkout: <code>make ui</code>. Elsewhere: install Regie again, without <code>REGIE_UI=0</code>. Then load this page
again.</p></section>
<section lang="fr"><h2>La salle de contrôle n’est pas là</h2>
<p>Cette installation de Regie a été faite sans elle (<code>REGIE_UI=0</code>), ou ses fichiers ont été retirés de
<code>{folder}</code>. Tout le reste fonctionne : l’API, les commandes, les points de terminaison.</p>
<p>Dans un dépôt : <code>make ui</code>. Ailleurs : installez Regie à nouveau, sans <code>REGIE_UI=0</code>. Rechargez ensuite
cette page.</p></section>
</main></body></html>
"""


def page(status: int = 200) -> Response:
    """The one page of the control room; its script looks at the address, and knows which are none."""
    nonce = secrets.token_urlsafe(16)
    try:
        html = (FOLDER / "index.html").read_text("utf-8").replace(NONCE, nonce)
    except FileNotFoundError:
        html, status = _ABSENT.format(nonce=nonce, folder=escape(str(FOLDER))), 503
    headers = {**_SAFE, "content-security-policy": _POLICY.format(nonce=nonce), "cache-control": "no-store"}
    return Response(html, status, headers, "text/html; charset=utf-8")


def _page() -> Response:
    return page()


for _path in PAGES:
    router.add_api_route(_path, _page, methods=METHODS)


@router.api_route(ICON, methods=METHODS)
def icon() -> Response:
    """The one file whose name stays. Raises NotFound."""
    file = FOLDER / "favicon.svg"
    if not file.is_file():
        raise NotFound("the control room has no such file", ICON, "build it: make ui")
    return FileResponse(file, headers={**_SAFE, "cache-control": "public, max-age=86400"}, media_type=TYPES["svg"])


@router.api_route(ASSET, methods=METHODS)
def asset(name: str, request: Request) -> Response:
    """A file that the page loads, compressed when it was built. Raises NotFound."""
    said, file = _ASSET.fullmatch(name), FOLDER / "assets" / name
    if said is None or not file.is_file():
        raise NotFound("the control room has no such file", request.url.path[:200], "load the page again: it was built anew")
    headers = {**_SAFE, "cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
    small = file.with_name(f"{name}.gz")
    if _takes_gzip(request.headers.get("accept-encoding", "")) and small.is_file():
        file, headers["content-encoding"] = small, "gzip"
    return FileResponse(file, headers=headers, media_type=TYPES[said[1]])


def _takes_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip, and not only to refuse it (RFC 9110, 12.5.3)."""
    for one in accepted.lower().split(","):
        coding, _, weight = (part.strip() for part in one.partition(";"))
        if coding == "gzip":
            return not re.fullmatch(r"q=0(\.0*)?", weight.replace(" ", ""))
    return False
