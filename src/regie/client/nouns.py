"""The requests of each noun of the API: what stands behind `client.runs`, `client.rollouts` and the others."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote

from regie.base.canonical import sha256

Json = dict[str, Any]
Rows = list[dict[str, Any]]
ADVANCE_S = 300.0
COLLECT_S = 300.0


class Requests(Protocol):
    """What a noun needs of the client."""

    server: str

    def mapping(self, method: str, path: str, **sent: Any) -> Json: ...
    def rows(self, path: str, **params: Any) -> Rows: ...
    def content(self, method: str, path: str, **sent: Any) -> bytes: ...
    def pages(self, path: str, seq: str, after: int = 0, **params: Any) -> Iterator[Json]: ...


class Noun:
    def __init__(self, client: Requests) -> None:
        self.client = client


class Runs(Noun):
    def list(self, pipeline: str | None = None, state: str | None = None, limit: int | None = None) -> Rows:
        """Newest first."""
        return self.client.rows("/api/v1/runs", pipeline=pipeline, state=state, limit=limit)

    def show(self, run_id: str) -> Json:
        """One run with its tasks."""
        return self.client.mapping("GET", f"/api/v1/runs/{_part(run_id)}")

    def search(self, **asked: Any) -> Rows:
        """Every tracked run that a filter finds: `filter`, `experiment`, `pipeline`, `state`, `tasks`, `sort`, `columns`, `limit`."""
        return self.client.rows("/api/v1/pages/runs/export", form="json", **asked)

    def tracked(self, run_id: str) -> Json:
        """One run as it is tracked, whether a pipeline made it or not: what it measured, its parameters, where its code came from."""
        return self.client.mapping("GET", f"/api/v1/pages/runs/{_part(run_id)}")

    def compare(self, run_ids: Sequence[str], reference: str = "", everything: bool = False) -> Json:
        """What differs between 2 to 50 runs."""
        asked = {"runs": ",".join(run_ids), "reference": reference, "all": everything}
        return self.client.mapping("GET", "/api/v1/pages/compare", params=asked)

    def cancel(self, run_id: str, reason: str) -> Json:
        return self.client.mapping("POST", f"/api/v1/runs/{_part(run_id)}/cancel", json={"reason": reason})

    def again(self, run_id: str, from_tasks: Sequence[str] = (), *, reason: str = "") -> Json:
        """Queue a run with the same code, parameters and snapshots: `{run_id, job_id}`. `from_tasks`: compute these anew."""
        body = {"from_tasks": [*from_tasks]} | ({"reason": reason} if reason else {})
        return self.client.mapping("POST", f"/api/v1/runs/{_part(run_id)}/again", json=body)

    def log(self, task_id: str, from_bytes: int | None = None) -> Json:
        """What an attempt has printed so far, from an offset on: `{at_bytes, end_bytes, size_bytes, text, live}`."""
        at = {} if from_bytes is None else {"from_bytes": from_bytes}
        return self.client.mapping("GET", f"/api/v1/tasks/{_part(task_id)}/log", params=at)

    def logs(self, run_id: str) -> dict[str, str]:
        """What each task has printed."""
        return self.client.mapping("GET", f"/api/v1/runs/{_part(run_id)}/logs")


class Pipelines(Noun):
    def list(self) -> Rows:
        """Those of the applied regie.yaml."""
        return self.client.rows("/api/v1/pipelines")

    def run(
        self, name: str, params: Mapping[str, Any] | None = None, *, code_digest: str = "", git: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> Json:  # fmt: skip
        """Queue a run with the code of a blob, or with the applied code: `{run_id, job_id}`."""
        body = {"params": dict(params or {}), "code_digest": code_digest, "git": dict(git or {})}
        body |= {"reason": reason} if reason else {}
        return self.client.mapping("POST", f"/api/v1/pipelines/{_part(name)}/runs", json=body)


class Models(Noun):
    def list(self) -> Rows:
        return self.client.rows("/api/v1/models")

    def show(self, name: str) -> Json:
        """A model with its versions, their roles, runs and evidence."""
        return self.client.mapping("GET", f"/api/v1/models/{_part(name)}")

    def rollback_plan(self, name: str, endpoint: str | None = None) -> Json:
        """What a rollback would do now: `{from_version, version, ...}`."""
        given = {"endpoint": endpoint} if endpoint else {}
        return self.client.mapping("GET", f"/api/v1/models/{_part(name)}/rollback", params=given)

    def rollback(self, name: str, reason: str, endpoint: str | None = None, from_version: int | None = None) -> Json:
        """Crown the former champion again. `from_version`: the champion that was seen; another one by now is a conflict."""
        body = {"reason": reason, "endpoint": endpoint, "from_version": from_version}
        return self.client.mapping("POST", f"/api/v1/models/{_part(name)}/rollback", json=body)


class Rollouts(Noun):
    def list(self, state: str | None = None) -> Rows:
        return self.client.rows("/api/v1/rollouts", state=state)

    def show(self, rollout_id: str) -> Json:
        return self.client.mapping("GET", f"/api/v1/rollouts/{_part(rollout_id)}")

    def pause(self, rollout_id: str, reason: str) -> Json:
        return self._do(rollout_id, "pause", reason)

    def resume(self, rollout_id: str, reason: str) -> Json:
        return self._do(rollout_id, "resume", reason)

    def abort(self, rollout_id: str, reason: str) -> Json:
        """Send all traffic back to the champion."""
        return self._do(rollout_id, "abort", reason)

    def _do(self, rollout_id: str, verb: str, reason: str) -> Json:
        return self.client.mapping("POST", f"/api/v1/rollouts/{_part(rollout_id)}/{verb}", json={"reason": reason})


class Approvals(Noun):
    def list(self, state: str | None = None) -> Rows:
        """Newest first: what waits for a person, and what was decided."""
        return self.client.rows("/api/v1/approvals", state=state)

    def show(self, version: str) -> Json:
        """The newest approval of `MODEL@3`: authors, evidence, differences from the champion; `may_not`: why the caller may not."""
        return self.client.mapping("GET", f"/api/v1/approvals/{_part(version)}")

    def grant(self, version: str, reason: str = "", approval: str = "") -> Json:
        """Let a version be released. `approval`: the id that was read; a decision on another one is a conflict."""
        return self._do(version, "grant", reason, approval)

    def refuse(self, version: str, reason: str, approval: str = "") -> Json:
        """Never release a version."""
        return self._do(version, "refuse", reason, approval)

    def _do(self, version: str, verb: str, reason: str, approval: str) -> Json:
        body = {"reason": reason, "approval": approval}
        return self.client.mapping("POST", f"/api/v1/approvals/{_part(version)}/{verb}", json=body)


class Monitors(Noun):
    def signals(self, monitor: str | None = None, limit: int | None = None) -> Rows:
        """Newest first."""
        return self.client.rows("/api/v1/monitors", monitor=monitor, limit=limit)

    def breaches(self) -> Rows:
        return self.client.rows("/api/v1/breaches")


class Datasets(Noun):
    def list(self) -> Rows:
        return self.client.rows("/api/v1/datasets")

    def show(self, name: str) -> Json:
        """A dataset with its snapshots."""
        return self.client.mapping("GET", f"/api/v1/datasets/{_part(name)}")

    def label(self, name: str) -> Json:
        """State the labels of its mature rows that are new or have changed: `{stated, revised, unchanged}`."""
        return self.client.mapping("POST", f"/api/v1/datasets/{_part(name)}/labels")

    def snapshots(self, dataset: str | None = None) -> Rows:
        return self.client.rows("/api/v1/snapshots", dataset=dataset)


class Labels(Noun):
    def state(self, labels: Sequence[Mapping[str, Any]]) -> Json:
        """State truths: each by `prediction_id`, or by `key` and `time_ms`: `{accepted, waiting}`."""
        return self.client.mapping("POST", "/api/v1/labels", json={"labels": [dict(one) for one in labels]})


class Events(Noun):
    """`sought`: without (types), subject, correlation, from_ms, to_ms."""

    def list(self, after: int = 0, limit: int = 1000, type: str | Sequence[str] | None = None, **sought: Any) -> Rows:
        """CloudEvents behind a sequence number, in order."""
        return self.client.rows("/api/v1/events", after=after, limit=limit, type=type, **sought)

    def newest(self, limit: int = 1000, type: str | Sequence[str] | None = None, **sought: Any) -> Rows:
        """The last ones, in order."""
        return self.client.rows("/api/v1/events", limit=limit, type=type, newest=True, **sought)

    def all(self, after: int = 0, type: str | Sequence[str] | None = None, **sought: Any) -> Iterator[Json]:
        """Every one of them, page by page."""
        return self.client.pages("/api/v1/events", "sequence", after, type=type, **sought)


class Jobs(Noun):
    def list(self, state: str | None = None, limit: int | None = None) -> Rows:
        return self.client.rows("/api/v1/jobs", state=state, limit=limit)

    def show(self, job_id: str) -> Json:
        return self.client.mapping("GET", f"/api/v1/jobs/{_part(job_id)}")


class Actors(Noun):
    def list(self) -> Rows:
        """With their grants and tokens, of which only their times are known."""
        return self.client.rows("/api/v1/actors")

    def add(
        self, name: str, roles: Sequence[str] = (), *, deny: Sequence[str] = (), everywhere: bool = False,
        expires_s: int | None = None, reason: str = "",
    ) -> Json:  # fmt: skip
        """A new actor, or further roles of a known one: `{name, workspace, token, ...}`; the token is shown this once."""
        body = {"name": name, "roles": [*roles], "deny": [*deny], "everywhere": everywhere, "expires_s": expires_s}
        body |= {"reason": reason}
        return self.client.mapping("POST", "/api/v1/actors", json=body)

    def revoke(self, name: str, reason: str) -> Json:
        return self.client.mapping("POST", f"/api/v1/actors/{_part(name)}/revoke", json={"reason": reason})

    def create_token(self, name: str, *, everywhere: bool = False, expires_s: int | None = None, reason: str = "") -> Json:
        """Another token; the former ones stay good."""
        body = {"everywhere": everywhere, "expires_s": expires_s, "reason": reason}
        return self.client.mapping("POST", f"/api/v1/actors/{_part(name)}/tokens", json=body)

    def revoke_tokens(self, name: str, reason: str) -> Json:
        """Take back every token of an actor that stays: `{name, revoked}`."""
        return self.client.mapping("POST", f"/api/v1/actors/{_part(name)}/tokens/revoke", json={"reason": reason})


class Collections(Noun):
    def plan(self, older_than_ms: int, experiments: Sequence[str] = (), runs: Sequence[str] = ()) -> Json:
        """What `begin` with the same would remove, and what it would keep."""
        params = {"older_than_ms": older_than_ms, "experiment": [*experiments], "run": [*runs]}
        return self.client.mapping("GET", "/api/v1/collections/plan", params=params, timeout=COLLECT_S)

    def begin(self, older_than_ms: int, experiments: Sequence[str] = (), runs: Sequence[str] = (), reason: str = "") -> Json:
        """Begin to remove what was deleted longer ago; `step` goes on until `state` is `done`."""
        body = {"older_than_ms": older_than_ms, "experiments": [*experiments], "runs": [*runs], "reason": reason}
        return self.client.mapping("POST", "/api/v1/collections", json=body)

    def step(self, identity: str) -> Json:
        return self.client.mapping("POST", f"/api/v1/collections/{_part(identity)}/step", timeout=COLLECT_S)


class Audit(Noun):
    def verify(self, anchor: Mapping[str, Any] | None = None) -> Json:
        """Recompute the chain. Raises RemoteError (`audit.broken`), naming the first broken or missing record."""
        kept = {"seq": anchor.get("seq"), "hash": anchor.get("hash")} if anchor else None
        return self.client.mapping("POST", "/api/v1/audit/verify", json={"anchor": kept}, timeout=None)

    def anchor(self) -> Json:
        return self.client.mapping("GET", "/api/v1/audit/anchor")

    def records(self, after: int = 0, **sought: Any) -> Iterator[Json]:
        """Every record behind a sequence number, page by page; `sought`: actor, action, target, result, from_ms, to_ms, everywhere."""
        return self.client.pages("/api/v1/audit/records", "seq", after, **sought)


class Clock(Noun):
    def show(self) -> Json:
        return self.client.mapping("GET", "/api/v1/clock")

    def advance(self, to_ms: int, timeout_s: float = ADVANCE_S) -> Json:
        """Move the driven clock; returns when everything up to that time is settled."""
        # The server answers within timeout_s; ten seconds more are for the answer's way.
        body = {"to": to_ms, "timeout_s": timeout_s}
        return self.client.mapping("POST", "/api/v1/clock/advance", json=body, timeout=timeout_s + 10)


class Sessions(Noun):
    def link(self, path: str = "/") -> Json:
        """A link that signs the caller in at a browser, once, and leads to `path`: `{link, until_wall_ms}`."""
        made = self.client.mapping("POST", "/api/v1/session/codes")
        goes_on = f"?next={quote(path, safe='/')}" if path != "/" else ""
        return {"link": f"{self.client.server}/sign-in{goes_on}#{made['code']}", "until_wall_ms": made["until_wall_ms"]}


class Blobs(Noun):
    def put(self, content: bytes) -> str:
        """Store bytes; returns their digest. Sending the same again stores nothing."""
        digest = sha256(content)
        self.client.content("PUT", f"/api/v1/blobs/{digest}", content=content)
        return digest

    def get(self, digest: str) -> bytes:
        return self.client.content("GET", f"/api/v1/blobs/{_part(digest)}")


def _part(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="@:")
