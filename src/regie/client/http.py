"""A typed, thin client of the server's API: `Client().status()`, `Client(workspace="churn").runs.list()`.

Every method is one request and returns the server's JSON. Raises RemoteError with what the server said, Unreachable where no
server answers. Times in answers are milliseconds since 1970 UTC. Not to be shared between threads.
"""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx2

from regie.base.errors import RegieError, Unreachable
from regie.base.settings import resolve
from regie.client import nouns

CONNECT_S, ANSWER_S = 5.0, 60.0
PAGE = 1_000

# What the exit code follows from: the code where it says more than the status.
EXIT_BY_CODE = {"data.contract_broken": 3, "store.full": 1}
EXIT_BY_STATUS = {400: 2, 401: 4, 403: 4, 404: 5, 422: 2, 501: 2, 503: 6}


class RemoteError(RegieError):
    """What the server refused or could not do, in its own words; `code`, `status` and `exit_code` are the answer's."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("what") or "the request failed"), str(body.get("where") or ""), str(body.get("do") or ""))
        code = str(body.get("code") or "error")
        exit_code = EXIT_BY_CODE.get(code, EXIT_BY_STATUS.get(status, 1))
        # They are constants of the other errors' classes, and this error's own.
        vars(self).update(code=code, status=status, exit_code=exit_code)
        self.problems: list[dict[str, str]] = list(body.get("problems") or [])

    def __str__(self) -> str:
        if not self.problems:
            return super().__str__()
        return "\n".join(f"{one['where']}: {one['what']}" + (f" ({one['do']})" if one["do"] else "") for one in self.problems)


class Client:
    """One server, one workspace. What is not given comes from the settings (`REGIE_SERVER`, `REGIE_WORKSPACE`, `REGIE_TOKEN`...)."""

    def __init__(self, server: str | None = None, workspace: str | None = None, token: str | None = None) -> None:
        settings = resolve()
        self.server = (server or settings.server).rstrip("/")
        self.workspace = workspace or settings.workspace
        token = token or settings.token
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            # A proxy is for the world outside: the server of a laptop is reached directly.
            self._http = httpx2.Client(
                base_url=self.server, headers=headers, timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S),
                trust_env=not is_local(self.server),
            )  # fmt: skip
        except (httpx2.InvalidURL, ValueError) as wrong:
            raise Unreachable(
                f"{self.server!r} is not an address: {wrong}", "--server", "write for example http://host:8700"
            ) from wrong
        self.runs, self.pipelines, self.models = nouns.Runs(self), nouns.Pipelines(self), nouns.Models(self)
        self.rollouts, self.monitors, self.datasets = nouns.Rollouts(self), nouns.Monitors(self), nouns.Datasets(self)
        self.events, self.audit, self.jobs = nouns.Events(self), nouns.Audit(self), nouns.Jobs(self)
        self.clock, self.blobs, self.labels = nouns.Clock(self), nouns.Blobs(self), nouns.Labels(self)
        self.actors, self.sessions = nouns.Actors(self), nouns.Sessions(self)
        self.approvals = nouns.Approvals(self)
        self.collections = nouns.Collections(self)

    def health(self) -> bool:
        """Whether the server answers and reaches its database."""
        try:
            return self._send("GET", "/health").status_code == 200
        except Unreachable:
            return False

    def info(self) -> dict[str, Any]:
        return self.mapping("GET", "/api/v1/info")

    def workspaces(self) -> list[dict[str, Any]]:
        return self.rows("/api/v1/workspaces")

    def status(self) -> dict[str, Any]:
        return self.mapping("GET", "/api/v1/status")

    def why(self, thing: str) -> dict[str, Any]:
        return self.mapping("GET", "/api/v1/why", params={"thing": thing})

    def spec(self) -> dict[str, Any] | None:
        """What is applied; None where nothing is."""
        try:
            return self.mapping("GET", "/api/v1/spec")
        except RemoteError as error:
            if error.status == 404:
                return None
            raise

    def apply(
        self, document: Mapping[str, Any], *, root: str, code: bytes, git: Mapping[str, Any] | None = None, reason: str = ""
    ) -> dict[str, Any]:
        """Send the project's code, then its promises: `{changed, digest, event}`."""
        body = {
            "document": dict(document), "root": root, "code_digest": self.blobs.put(code), "git": dict(git or {}), "reason": reason,
        }  # fmt: skip
        return self.mapping("PUT", "/api/v1/spec", json=body)

    def mapping(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        """One request whose answer is a JSON object."""
        answer: dict[str, Any] = self._answer(method, path, dict, **sent)
        return answer

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """One read whose answer is a JSON list; parameters that are None are not sent."""
        given = {name: value for name, value in params.items() if value is not None}
        answer: list[dict[str, Any]] = self._answer("GET", path, list, params=given)
        return answer

    def content(self, method: str, path: str, **sent: Any) -> bytes:
        """One request whose answer is taken as it is."""
        return self._checked(method, path, **sent).content

    def pages(self, path: str, seq: str, after: int = 0, **params: Any) -> Iterator[dict[str, Any]]:
        """Every row behind a sequence number, page by page, until there is no more."""
        while rows := self.rows(path, after=after, limit=PAGE, **params):
            yield from rows
            after = int(rows[-1][seq])
            if len(rows) < PAGE:
                return

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _answer(self, method: str, path: str, kind: type[Any], **sent: Any) -> Any:
        response = self._checked(method, path, **sent)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, kind):
            raise Unreachable(f"what answers is no Regie server: {path} is not JSON as expected", self.server, "regie doctor")
        return answer

    def _checked(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        prefix = f"/w/{quote(self.workspace, safe='')}" if self.workspace else ""
        response = self._send(method, prefix + path, **sent)
        if response.status_code >= 400:
            raise RemoteError(response.status_code, _body(response))
        return response

    def _send(self, method: str, path: str, **sent: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **sent)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as wrong:
            raise Unreachable(
                f"no server answers: {wrong}", self.server, "start it with `regie up`, or name it with --server"
            ) from wrong
        except (httpx2.HTTPError, httpx2.InvalidURL) as wrong:
            what = f"{method} {path} got no answer: {wrong or type(wrong).__name__}"
            raise Unreachable(what, self.server, "see the server's log, then repeat") from wrong


def is_local(server: str) -> bool:
    """Whether the server is on this machine."""
    return httpx2.URL(server).host in ("127.0.0.1", "localhost", "::1")


def _body(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and "what" in body:
        return body
    detail = body.get("detail") if isinstance(body, dict) else None
    where = f"{response.request.method} {response.request.url.path}"
    return {
        "code": "http",
        "what": f"the server answered {response.status_code} {detail or response.reason_phrase}",
        "where": where,
    }
