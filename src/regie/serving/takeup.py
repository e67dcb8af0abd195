"""Take up wanted routes: fetch packages, make the router ready, write the route file, swap.

The order matters. A package is whole before it is opened; the router is ready before the file says so; the file says so before the
router answers by it, so that a node that is killed in between comes back with the newer route, whose packages are all there.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any

from regie.base.clock import monotonic
from regie.base.errors import RegieError
from regie.runtime.manifest import BadPackage, unpack
from regie.serving import routefile
from regie.serving.errors import BadRoute, VariantFailed
from regie.serving.files import read_json
from regie.serving.intact import PACKAGE, Refused, usable
from regie.serving.plane import Away, ControlPlane
from regie.serving.router import Router

ROUTES_FILE, PACKAGES = "routes.json", "packages"
TRY_AGAIN_S = 5.0
PREPARE_S = 180.0
log = logging.getLogger("regie.serving.sync")
Wanted = dict[str, Any]


class TakeUp:
    """Knows what is taken up (`generations`) and what could not be (`failed`), by endpoint. Used by one thread at a time."""

    def __init__(
        self, home: Path, router: Router, loop: asyncio.AbstractEventLoop, plane: ControlPlane, failed: dict[str, str], key: bytes,
        refused: Refused,
    ) -> None:  # fmt: skip
        self.home, self._router, self._loop, self._plane = home, router, loop, plane
        self._current: dict[str, Wanted] = dict((read_json(home / ROUTES_FILE) or {}).get("endpoints", {}))
        self._clock = router.clock
        self.failed = dict(failed)  # endpoints that did not come up at the start
        self._tried: dict[str, tuple[Wanted, float]] = {}
        self._key, self._refused = key, refused

    @property
    def generations(self) -> dict[str, int]:
        """What the router answers by. `prepare` had every variant ready before."""
        return {name: route.endpoint.generation for name, route in list(self._router.routes.items())}

    def differs(self, routes: Wanted) -> bool:
        """Whether something is wanted that is neither taken up nor known to fail, or is to be told."""
        moved = routes.get("clock", "wall") != self._clock or any(self._due(n, w) for n, w in _endpoints(routes).items())
        return moved or bool(self._refused.told)

    def take_up(self, routes: Wanted, now_ms: int) -> None:
        """Take up each endpoint that differs. What fails is in `failed`, and its former route stays. Raises Away."""
        for name, wanted in _endpoints(routes).items():
            if self._due(name, wanted):
                self._tried[name] = (wanted, monotonic())
                try:
                    self._take_up_one(name, wanted, routes, now_ms)
                    self.failed.pop(name, None)
                    self._refused.endpoints.discard(name)
                except (VariantFailed, BadRoute) as failure:
                    log.error("%s", failure)
                    self.failed[name] = failure.what
                except BaseException:
                    self._tried.pop(name, None)  # the control plane went away, the disk is full: try again soon
                    raise
        if routes.get("clock", "wall") != self._clock:
            self._write(routes, now_ms)
        while self._refused.told:
            self._plane.refused(*self._refused.told[0])
            del self._refused.told[0]

    def _take_up_one(self, name: str, wanted: Wanted, routes: Wanted, now_ms: int) -> None:
        local = {**wanted, "variants": [{**v, "path": _path_of(v)} for v in wanted.get("variants", [])]}
        local = {"workspace": routes.get("workspace"), "mac_key": routes.get("mac_key")} | local
        endpoint = routefile.endpoint(name, local, {}, f"wanted route of {name}")
        for variant in endpoint.variants:
            self._fetch(variant.package, self.home / variant.path)
        live = asyncio.run_coroutine_threadsafe(self._router.prepare(endpoint), self._loop).result(PREPARE_S)
        former = self._current.get(name)
        self._current[name] = local
        try:
            self._write(routes, now_ms)
        except BaseException:
            self._current = {n: w for n, w in self._current.items() if n != name} | ({name: former} if former else {})
            raise
        asyncio.run_coroutine_threadsafe(_swap(self._router, live), self._loop).result(PREPARE_S)
        log.info("%s answers by generation %d", name, endpoint.generation)

    def _write(self, routes: Wanted, now_ms: int) -> None:
        clock = routes.get("clock", "wall")
        content = {"format": routefile.FORMAT, "clock": clock, "now_ms": now_ms, "endpoints": self._current}
        routefile.write(self.home / ROUTES_FILE, content, self._key)
        self._clock = self._router.clock = clock

    def _fetch(self, digest: str, folder: Path) -> None:
        if usable(folder, self._refused):
            return
        try:
            unpack(self._plane.manifest(digest), self._plane.blob, folder)
        except Away:
            raise
        except RegieError as error:
            if isinstance(error, BadPackage):
                self._refused.note(PACKAGE, BadPackage(error.what, digest))
            raise VariantFailed(f"package {digest} cannot be fetched: {error.what}", digest) from error

    def _due(self, name: str, wanted: Wanted) -> bool:
        current = self._current.get(name)
        if current is not None and name in self._router.routes and name not in self._refused.endpoints:
            around = {part: current[part] for part in ("workspace", "mac_key")}  # these may stand outside of the endpoint
            if _plain(current) == around | _plain(wanted):
                return False
        tried = self._tried.get(name)
        return tried is None or tried[0] != wanted or monotonic() - tried[1] > TRY_AGAIN_S


async def _swap(router: Router, live: Any) -> None:
    router.swap(live)


def _endpoints(routes: Wanted) -> dict[str, Wanted]:
    endpoints = routes.get("endpoints", {})
    return {name: wanted for name, wanted in endpoints.items() if isinstance(wanted, dict)} if isinstance(endpoints, dict) else {}


def _plain(wanted: Wanted) -> Wanted:
    """Without local paths, and without what is null."""
    variants = [{name: value for name, value in variant.items() if name != "path"} for variant in wanted.get("variants", [])]
    return {name: value for name, value in wanted.items() if value is not None} | {"variants": variants}


def _path_of(variant: Wanted) -> str:
    """Where a package lies, below the node's home: its name is its digest."""
    digest = variant.get("package") if isinstance(variant, dict) else None
    if not isinstance(digest, str) or not digest.startswith("sha256:") or not digest[7:].isalnum():
        raise BadRoute(f"a variant has the package {digest!r}", "wanted route")
    return f"{PACKAGES}/{digest.replace(':', '-')}"
