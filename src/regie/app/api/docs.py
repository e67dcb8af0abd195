"""The API as a page to read: each route, what it asks of its caller, what it takes. For programs: `/api/openapi.json`.

Without a script, and without anything of another site: what runs here runs with the session of whoever reads it.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from regie.app.policy import ROUTES

router = APIRouter(include_in_schema=False)
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
}  # fmt: skip
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Regie: the API</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 0.9rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1.5rem; }}
  h1 {{ font-size: 1.25rem; }} h2 {{ font: 600 0.9rem ui-monospace, monospace; margin: 2rem 0 0; overflow-wrap: anywhere; }}
  p {{ margin: 0.25rem 0; white-space: pre-line; }} code {{ font: 0.85rem ui-monospace, monospace; }}
</style></head><body><main>
<h1>The API of Regie {version}</h1>
<p>Below <code>/w/WORKSPACE</code> each route is about that workspace. The same for programs: <code>/api/openapi.json</code></p>
{routes}
</main></body></html>
"""


@router.get("/api/docs")
def docs(request: Request) -> HTMLResponse:
    said = request.app.openapi()
    routes = "\n".join(
        _route(method.upper(), path, one, said) for path, methods in said["paths"].items() for method, one in methods.items()
    )
    return HTMLResponse(_PAGE.format(version=escape(said["info"]["version"]), routes=routes), headers=_HEADERS)


def _route(method: str, path: str, one: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    taken = ", ".join(_taken(one, said))
    return (
        f"<section><h2>{method} {escape(path)}</h2>"
        f"<p><code>{escape(ROUTES.get((method, path), ''))}</code>{' with ' + taken if taken else ''}</p>"
        f"<p>{escape(one.get('description', ''))}</p></section>"
    )


def _taken(one: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[str]:
    """The names of what a route takes; what must be there is strong."""
    for parameter in one.get("parameters", ()):
        yield _named(parameter["name"], parameter.get("required", False))
    for body in one.get("requestBody", {}).get("content", {}).values():
        schema = body.get("schema", {})
        shape = said["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        for name in shape.get("properties", ()):
            yield _named(name, name in shape.get("required", ()))


def _named(name: str, needed: bool) -> str:
    named = f"<code>{escape(name)}</code>"
    return f"<strong>{named}</strong>" if needed else named
