"""What a node has opened: the champions' packages in this process, every other variant in a process of its own.

A package comes into this process only after a process that may die of it has opened it. That it did is remembered in the node's
home, so that a version this node knows answers at once also after a restart: a rollback does not wait. Lives on the router's event
loop.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from regie.base.errors import RegieError
from regie.runtime.package import Package, open_package
from regie.serving.children import Spare
from regie.serving.counters import Counters
from regie.serving.errors import VariantFailed
from regie.serving.files import BrokenFile, read_json, write_json
from regie.serving.isolated import VariantProcess
from regie.serving.live import LiveRoute
from regie.serving.routefile import Endpoint, RouteFile, Variant

TRIED_FILE = "tried.json"
log = logging.getLogger("regie.serving")


class Opened:
    """Packages and processes by the path of their package."""

    def __init__(self, home: Path, threads: ThreadPoolExecutor, counters: Counters, tag: int) -> None:
        self._home, self._threads, self._counters, self._tag = home, threads, counters, tag
        self._processes: dict[str, VariantProcess] = {}
        self._packages: dict[str, Package] = {}
        self._tried = set(_remembered(home))
        self._spare = Spare()
        self._retiring: set[asyncio.Task[None]] = set()

    def start(self, file: RouteFile) -> tuple[list[LiveRoute], dict[str, str]]:
        """What a route file names, at once: processes start in the background. The routes, and what failed, by endpoint."""
        routes, failed = [], {}
        for name, endpoint in file.endpoints.items():
            if endpoint.champion is None:
                continue
            try:
                package = self._package(endpoint, endpoint.champion)
            except Exception as error:  # noqa: BLE001 - loading runs foreign code; the others go on
                failed[name] = f"generation {endpoint.generation}: package {endpoint.champion.package} cannot be loaded: {error}"
                log.error("%s: %s", name, failed[name])
                continue
            for variant in _others(endpoint):
                if variant.path not in self._processes:
                    self._process(endpoint, variant).start_soon()
            routes.append(self._live(endpoint, package))
        return routes, failed

    async def prepare(self, endpoint: Endpoint) -> LiveRoute:
        """Make a route ready. Raises VariantFailed; the caller then tidies."""
        champion = endpoint.champion
        if champion is None:
            raise VariantFailed("it has no champion", f"generation {endpoint.generation}")
        variant = champion
        try:
            for variant in _others(endpoint):
                await self._process(endpoint, variant).start()
                self._remember(variant)
            variant = champion
            await self._try(endpoint, champion)
            package = await asyncio.get_running_loop().run_in_executor(self._threads, self._package, endpoint, champion)
            for variant in _others(endpoint):
                _same_inputs(package, self._processes[variant.path])
        except Exception as error:  # loading runs foreign code: whatever it raises is a failed package
            what = error.what if isinstance(error, RegieError) else f"{type(error).__name__}: {error}"
            raise VariantFailed(f"generation {endpoint.generation}: package {variant.package}: {what}", endpoint.name) from error
        return self._live(endpoint, package)

    def tidy(self, routes: Iterable[LiveRoute]) -> None:
        """Let go of packages and processes that no route uses."""
        kept = list(routes)
        for path in set(self._processes) - {path for route in kept for path in route.processes}:
            self._later(self._processes.pop(path).retire())
        for path in set(self._packages) - {route.champion.variant.path for route in kept}:
            del self._packages[path]
        if not self._processes:
            self._later(self._spare.close())

    def _later(self, ends: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(ends)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def close(self) -> None:
        """End every process."""
        for process in self._processes.values():
            await process.stop()
        await asyncio.gather(*self._retiring)
        await self._spare.close()

    def _package(self, endpoint: Endpoint, variant: Variant) -> Package:
        package = self._packages.get(variant.path)
        if package is None:
            package = self._packages[variant.path] = open_package(self._home / variant.path, endpoint.signature)
        return package

    async def _try(self, endpoint: Endpoint, champion: Variant) -> None:
        """Open a package that was never opened here in a process that may die of it, before it comes into this one."""
        if champion.path in self._tried or champion.path in self._packages:
            return
        process = VariantProcess(self._home / champion.path, endpoint.signature, self._spare, lambda: None)
        try:
            await process.start()
        finally:
            await process.stop()
        self._remember(champion)

    def _remember(self, variant: Variant) -> None:
        if variant.path not in self._tried:
            self._tried.add(variant.path)
            write_json(self._home / TRIED_FILE, sorted(self._tried), sync=False)  # forgotten, it is tried again

    def _process(self, endpoint: Endpoint, variant: Variant) -> VariantProcess:
        found = self._processes.get(variant.path)
        if found is None:
            counter = self._counters.of(endpoint.name, variant.version)
            found = VariantProcess(self._home / variant.path, endpoint.signature, self._spare, lambda: counter.add("restarts"))
            self._processes[variant.path] = found
        return found

    def _live(self, endpoint: Endpoint, package: Package) -> LiveRoute:
        processes = {variant.path: self._processes[variant.path] for variant in _others(endpoint)}
        return LiveRoute(endpoint, package, processes, self._counters, self._tag)


def _remembered(home: Path) -> list[str]:
    """The packages that opened here without harm; a package's path names its digest, so it is still the same."""
    try:
        said = read_json(home / TRIED_FILE)
    except BrokenFile:
        return []
    return [path for path in said if isinstance(path, str) and (home / path).is_dir()] if isinstance(said, list) else []


def _others(endpoint: Endpoint) -> list[Variant]:
    return [variant for variant in endpoint.variants if variant.role != "champion"]


def _same_inputs(package: Package, process: VariantProcess) -> None:
    """A route has one signature: a variant that takes other columns could answer nobody."""
    differ = set(package.reader.names) ^ set(process.names)
    if differ:
        raise VariantFailed(f"it takes other columns than the champion: {', '.join(sorted(differ))}")
