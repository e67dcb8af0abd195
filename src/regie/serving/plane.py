"""The control plane as the syncer calls it (`docs/reference/node-http.md`), over one kept connection.

Raises Away where it does not answer as the contract says: then everything is tried again later.
"""

from dataclasses import dataclass, field
from typing import Any

import httpx2

from regie.base.canonical import digest as digest_of_json
from regie.base.errors import RegieError

TIMEOUT_S = 10.0
REFUSAL_CHARS = 500


class Away(RegieError):
    """The control plane does not answer, or not as it should."""

    code, status = "serving.control_plane_away", 503


@dataclass(frozen=True)
class Report:
    """What a node says of itself at each sync. `generations` and `failed` go by endpoint, `variants` by endpoint and version."""

    nonce: str
    address: str
    tag: int
    flush: int = 0
    generations: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    last_id: str = ""
    shadows_pending: int = 0
    variants: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    wait: bool = True  # the control plane may wait for something to move; not while the node has more to upload


class ControlPlane:
    """Used by one thread."""

    def __init__(self, server: str, node: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # trust_env off: a proxy of the environment must not stand between a node and its control plane by accident
        self._client = httpx2.Client(base_url=server, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        self._node = node

    def sync(self, report: Report) -> dict[str, Any]:
        """Report, and hear what is wanted; waits inside the call while nothing moves."""
        return self._json(self._call("POST", f"/api/v1/nodes/{self._node}/sync", json=vars(report)))

    def deliver(self, segment: int, offset: int, data: bytes) -> int:
        """Hand over a stretch of whole records; returns the offset wanted next, which may lie before or behind."""
        answer = self._call(
            "POST", f"/api/v1/nodes/{self._node}/segments/{segment}", params={"offset": offset}, content=data,
            headers={"Content-Type": "application/octet-stream"}, allowed=(200, 409),
        )  # fmt: skip
        wanted = self._json(answer).get("next")
        if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
            raise Away(f"it answered next = {wanted!r}")
        return wanted

    def manifest(self, digest: str) -> dict[str, Any]:
        """The manifest of a package, which is what its digest promises."""
        manifest = self._json(self._call("GET", f"/api/v1/packages/{digest}"))
        if digest_of_json(manifest) != digest:
            raise Away(f"its manifest of {digest} has another digest")
        return manifest

    def blob(self, digest: str) -> bytes:
        """One file of a package; whoever unpacks it checks its digest."""
        return bytes(self._call("GET", f"/api/v1/blobs/{digest}").content)

    def refused(self, action: str, what: str) -> None:
        """Tell of a file of this node's home that somebody else changed: it goes into the audit log."""
        said = {"action": action, "what": what[:REFUSAL_CHARS]}
        self._call("POST", f"/api/v1/nodes/{self._node}/refusals", json=said, allowed=(200, 404))  # 404: an older control plane

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, path: str, allowed: tuple[int, ...] = (200,), **parts: Any) -> httpx2.Response:
        try:
            answer = self._client.request(method, path, **parts)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Away(f"{type(error).__name__}: {error}", path) from error
        if answer.status_code not in allowed:
            raise Away(f"it answered {answer.status_code}: {answer.text[:200]}", path)
        return answer

    def _json(self, answer: httpx2.Response) -> dict[str, Any]:
        try:
            data = answer.json()
        except ValueError as error:
            raise Away("it did not answer JSON") from error
        if not isinstance(data, dict):
            raise Away("it did not answer an object")
        return data
