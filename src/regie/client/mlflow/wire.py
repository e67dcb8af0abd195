"""One server that speaks MLflow's REST wire, whoever made it: requests, pages, streams, and what to do when it does not answer.

A request that may be repeated is repeated, with growing waits. One that makes something new is not, since nobody knows whether it
was done: it raises Unsure, and the caller looks. Raises RemoteError with what the server said, Unreachable where none answers.
Threads may share a Wire.
"""

import base64
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2

from regie.base.errors import BadInput, Unreachable
from regie.client.http import EXIT_BY_STATUS, RemoteError, is_local

API, AJAX, PROXY = "/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts"
CONNECT_S, ANSWER_S = 5.0, 120.0
WAITS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # half a minute: a server is restarted in that time
PIECE_BYTES = 1 << 20
OVERLOADED = (408, 429, 502, 503, 504)
FIRST_WAITS = 3  # of those, where it never answered: the address is mostly wrong
FAILED_TRIES = 2  # a 500 may be a passing fault; mostly it is not
# Stock says 500 for a state that will not change by asking again.
SETTLED = ("INVALID_STATE",)
RESUME = "see that it runs, then give the same command again: it goes on where it was"
Found = TypeVar("Found")
Waits = Sequence[float]


class Unsure(Unreachable):
    """Nobody knows whether the server did what it was asked: no answer came."""


class Wire:
    """`url` is what MLFLOW_TRACKING_URI would be. `sign` is how to say who one is, for an error's last line."""

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, *, sign: str = "", verify: bool | str = True,
        waits_s: Waits | None = None,
    ) -> None:  # fmt: skip
        self.url, self.sign, self.waits_s = address(url), sign, WAITS_S if waits_s is None else waits_s
        self._met = False
        self._http = httpx2.Client(
            base_url=self.url, headers=dict(headers or {}), verify=verify, trust_env=not is_local(self.url),
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=32, max_keepalive_connections=32),
        )  # fmt: skip

    def get(self, path: str, /, **said: Any) -> dict[str, Any]:
        """One read, by query."""
        return self._object("GET", path, params={name: value for name, value in said.items() if value is not None})

    def send(
        self, path: str, said: Mapping[str, Any], method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """One request with a JSON body, that may be repeated."""
        return self._object(method, path, **_json(said, headers))

    def once(self, path: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """One request that makes something new, and is not repeated. Raises Unsure."""
        return self._object("POST", path, again=False, **_json(said))

    def pages(self, path: str, name: str, said: Mapping[str, Any], method: str = "POST") -> Iterator[dict[str, Any]]:
        """Every object of a list, page by page."""
        token: str | None = None
        while True:
            asked = {**said, **({"page_token": token} if token else {})}
            answer = self.get(path, **asked) if method == "GET" else self.send(path, asked)
            yield from answer.get(name) or []
            before, token = token, answer.get("next_page_token")
            if not token:
                return
            if token == before:
                raise Unreachable(f"{path} gives the same page again and again", self.url, "update that server")

    @contextmanager
    def stream(self, path: str, /, **said: Any) -> Iterator[Iterator[bytes]]:
        """A file in pieces."""
        try:
            with self._http.stream("GET", path, params=said) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise self._refused(answer)
                yield self._pieces(answer, path)
        except httpx2.HTTPError as wrong:
            raise self._silent("GET", path, wrong) from wrong

    def _pieces(self, answer: httpx2.Response, path: str) -> Iterator[bytes]:
        # Raised here, or the server to which the pieces are sent would be blamed.
        try:
            yield from answer.iter_bytes(PIECE_BYTES)
        except httpx2.HTTPError as wrong:
            raise self._silent("GET", path, wrong) from wrong

    def put(self, path: str, pieces: Iterable[bytes], size: int | None) -> None:
        """Send a file in pieces; once, since the pieces are gone then. Raises Unsure."""
        headers = {"content-type": "application/octet-stream"} | ({} if size is None else {"content-length": str(size)})
        try:
            answer = self._http.put(path, content=pieces, headers=headers)
        except httpx2.HTTPError as wrong:
            raise self._silent("PUT", path, wrong) from wrong
        if answer.status_code in OVERLOADED:
            raise self._unsure(answer)
        if answer.status_code >= 400:
            raise self._refused(answer)

    def patiently(self, do: Callable[[], Found], look: Callable[[], Found | None] = lambda: None) -> Found:
        """Do something that is not repeated by itself; where nobody knows whether it was done, look, and else do it again."""
        for wait_s in self.waits_s:
            try:
                return do()
            except Unsure:
                time.sleep(wait_s)
            if (found := look()) is not None:
                return found
        return do()

    def close(self) -> None:
        self._http.close()

    def _object(self, method: str, path: str, again: bool = True, **sent: Any) -> dict[str, Any]:
        answer = self._answered(method, _full(path), again, **sent)
        try:
            found = answer.json() if answer.content else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unreachable(
                "what answers is no MLflow server: no JSON object came", f"{self.url}{_full(path)}", "look at the address"
            )
        return found

    def _answered(self, method: str, path: str, again: bool, **sent: Any) -> httpx2.Response:
        for tried in range(len(self.waits_s) + 1):
            last = tried == len(self.waits_s)
            try:
                answer = self._http.request(method, path, **sent)
            except httpx2.HTTPError as wrong:
                never_sent = isinstance(wrong, httpx2.ConnectError | httpx2.ConnectTimeout)
                hopeless = isinstance(wrong, httpx2.UnsupportedProtocol) or (
                    never_sent and not self._met and tried == FIRST_WAITS
                )
                if last or hopeless or not (again or never_sent):
                    raise self._silent(method, path, wrong) from wrong
            else:
                if answer.status_code < 300:
                    self._met = True
                    return answer
                if not self._passing(answer, tried) or last:
                    raise self._refused(answer)
                if not again:
                    raise self._unsure(answer)
            time.sleep(self.waits_s[tried])
        raise AssertionError("the last try returns or raises")

    def _passing(self, answer: httpx2.Response, tried: int) -> bool:
        """Whether the same request may be answered otherwise a moment later."""
        if answer.status_code in OVERLOADED:
            return True
        return answer.status_code == 500 and tried < FAILED_TRIES and _said(answer).get("error_code") not in SETTLED

    def _refused(self, answer: httpx2.Response) -> RemoteError:
        said, status = _said(answer), answer.status_code
        asked = f"{answer.request.method} {answer.request.url.path}"
        what = said.get("message") or said.get("what") or f"{asked} is answered with {status} {answer.reason_phrase}"
        do = str(said.get("do") or "")
        if status == 401:
            do = f"say who you are: {self.sign}"
        elif status == 404 and not self._met and not said.get("error_code"):
            do = "look at the address: what answers there is no MLflow server"
        elif 300 <= status < 400:
            what, do = f"it points to {answer.headers.get('location', 'another address')}", "give that address instead"
        where = f"{self.url}, {asked}"
        error = RemoteError(status, {"code": said.get("error_code") or "http", "what": what, "where": where, "do": do})
        if 300 <= status < 400:
            vars(error).update(exit_code=EXIT_BY_STATUS[400])
        return error

    def _silent(self, method: str, path: str, wrong: Exception) -> Unsure:
        return Unsure(f"{method} {path} got no answer: {wrong or type(wrong).__name__}", self.url, RESUME)

    def _unsure(self, answer: httpx2.Response) -> Unsure:
        return Unsure(f"the server answered {answer.status_code}", self.url, RESUME)


def address(url: str) -> str:
    """A server's address without its last slash. Raises BadInput for what is none, or carries a secret."""
    parts = urlsplit(url)
    if parts.scheme in ("sqlite", "postgresql", "mysql", "mssql", "file", "databricks") or not parts.scheme:
        do = f"start a server on it and give its address: mlflow server --backend-store-uri {url}"
        if not parts.scheme:
            do = "write for example http://host:5000; on a folder or database file, start `mlflow server` first"
        raise BadInput(f"{url!r} is no server's address", "URL", do)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{url!r} is no server's address", "URL", "write for example http://host:5000")
    if parts.username or parts.password:
        do = "leave it out, and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        raise BadInput("a password on the command line is seen by everybody on the machine", "URL", do)
    return url.rstrip("/")


def other(url: str, environ: Mapping[str, str] | None = None) -> Wire:
    """The other server, which knows us by the variables that MLflow's own client reads."""
    said = os.environ if environ is None else environ
    headers: dict[str, str] = {}
    if said.get("MLFLOW_TRACKING_USERNAME"):
        headers["authorization"] = _basic(said["MLFLOW_TRACKING_USERNAME"], said.get("MLFLOW_TRACKING_PASSWORD", ""))
    elif said.get("MLFLOW_TRACKING_TOKEN"):
        headers["authorization"] = f"Bearer {said['MLFLOW_TRACKING_TOKEN']}"
    if said.get("MLFLOW_WORKSPACE"):
        headers["x-mlflow-workspace"] = said["MLFLOW_WORKSPACE"]
    insecure = said.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true")
    verify: bool | str = False if insecure else said.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True
    sign = "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    return Wire(url, headers, sign=sign, verify=verify)


def ours(server: str, workspace: str | None, token: str | None) -> Wire:
    """A Regie server, and the workspace in it."""
    url = server + (f"/w/{quote(workspace, safe='')}" if workspace else "")
    return Wire(url, {"authorization": f"Bearer {token}"} if token else {}, sign="set REGIE_TOKEN")


def number(value: Any) -> Any:
    """A metric's value as JSON can say it: NaN and infinities are words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _basic(name: str, password: str) -> str:

    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _full(path: str) -> str:
    return path if path.startswith("/") else API + path


def _json(said: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    # As MLflow's own client writes it; the limits of a body are counted in these characters.
    body = json.dumps({name: value for name, value in said.items() if value is not None}, allow_nan=False)
    return {"content": body.encode(), "headers": {"content-type": "application/json", **(headers or {})}}


def _said(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
