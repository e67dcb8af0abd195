"""What a browser says of a request, and which of its requests are a page's of ours.

Pure. A browser marks every request of a page with `Sec-Fetch-Site` (an old one: with `Origin`, where it changes something), which no page can
forge. Ports of one host share cookies, and are one site for `SameSite`: so the cookie is named with the port, and a page of
another port is as foreign as one of another host.
"""

from collections.abc import Iterator

from starlette.datastructures import Headers

LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})  # `none`: typed, or chosen from bookmarks
PREFIX = "regie_session_"


def cookie_name(headers: Headers, scheme: str) -> str:
    """Of the session of the server that the browser speaks to, by the address that it knows."""
    host = headers.get("host", "")
    port = host.rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
    return PREFIX + (port if port.isdecimal() else {"https": "443"}.get(scheme, "80"))


def secret(headers: Headers, scheme: str) -> str:
    """The secret that the request bears; empty where it bears none, or several: another port's page may have put one beside ours."""
    found = set(_values(headers, cookie_name(headers, scheme)))
    return found.pop() if len(found) == 1 else ""


def is_pages(headers: Headers, scheme: str) -> bool:
    """Whether the request is a web page's, and so nobody's without a session."""
    return "sec-fetch-site" in headers or "origin" in headers or bool(set(_values(headers, cookie_name(headers, scheme))))


def foreign(method: str, headers: Headers) -> str:
    """What marks a request as one of somebody else's page; empty where nothing does.

    Following a link from elsewhere is none: a document is asked for, and shown to a person.
    """
    site = headers.get("sec-fetch-site", "same-origin").lower()
    link = method in LOOKS and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return "" if site in OURS or link else f"a page of another origin (Sec-Fetch-Site: {site})"


def may_change(headers: Headers, scheme: str) -> bool:
    """Whether a request that changes something comes from a page of this very server, port and all."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "").lower() == "same-origin"
    return origin.lower() == f"{scheme}://{headers.get('host', '')}".lower()


def own(method: str, headers: Headers, scheme: str) -> bool:
    """Whether a session's request is one that its person makes: a page's of ours, or for a look an address that was typed."""
    if headers.get("sec-fetch-site", "same-origin").lower() not in OURS:
        return False
    return method in LOOKS or may_change(headers, scheme)


def _values(headers: Headers, name: str) -> Iterator[str]:
    for line in headers.getlist("cookie"):
        for part in line.split(";"):
            key, _, value = part.strip().partition("=")
            if key == name and value:
                yield value
