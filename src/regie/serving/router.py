"""The router: a request in, an answer out, its record in the log before.

The champion answers in this process; every other variant in one of its own, so that none of them can touch the answer: a live
challenger that fails or misses its deadline is answered for by the champion, a shadow is only listened to afterwards. Lives on one
event loop; the syncer's thread calls `mark`, `settled` and `advance` alone. Latencies are monotonic milliseconds.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regie.base.clock import monotonic, wall_ms
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.runtime.signature import Row
from regie.serving import records
from regie.serving.assign import assign, shadows
from regie.serving.counters import Counters
from regie.serving.errors import ModelFailed, NoChampion, UnknownEndpoint, VariantFailed
from regie.serving.isolated import Reply
from regie.serving.live import LiveRoute, Place
from regie.serving.log import PredictionLog
from regie.serving.opened import Opened
from regie.serving.pending import Pending
from regie.serving.routefile import Clock, Endpoint, RouteFile, Variant

log = logging.getLogger("regie.serving")
THREADS = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read and checked."""

    request_id: str
    time_ms: int
    began: float
    rows: list[Row]
    keys: list[str | None]
    times: list[int]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `answers_json` and `ids_json` are lists, as the log and the client get them."""

    answers: list[Any]
    answers_json: str
    ids: list[str]
    ids_json: str
    version: int
    request_id: str


class Router:
    """Answers by the routes that it took up."""

    def __init__(self, home: Path, prediction_log: PredictionLog, tag: int) -> None:
        self.log = prediction_log
        self.routes: dict[str, LiveRoute] = {}
        self.counters, self.pending = Counters(), Pending()
        self.clock: Clock = "wall"
        self.now_ms = 0
        self._threads = ThreadPoolExecutor(THREADS, "model")
        self._opened = Opened(home, self._threads, self.counters, tag)

    # Routes

    def start(self, file: RouteFile) -> dict[str, str]:
        """Take up a route file at once: processes start in the background. Returns what failed, by endpoint."""
        self.clock, self.now_ms = file.clock, file.now_ms
        routes, failed = self._opened.start(file)
        for route in routes:
            self.swap(route)
        return failed

    async def prepare(self, endpoint: Endpoint) -> LiveRoute:
        """Make a route ready, without touching what answers now. Raises VariantFailed; then nothing has changed."""
        try:
            return await self._opened.prepare(endpoint)
        except VariantFailed:
            self._opened.tidy(self.routes.values())
            raise

    def swap(self, route: LiveRoute) -> None:
        """From the next request on, this route answers. Requests that have begun end with the former one."""
        self.routes[route.endpoint.name] = route
        self._opened.tidy(self.routes.values())

    async def close(self, wait_s: float = 2.0) -> None:
        """Wait a little for shadows, then end every process."""
        until = monotonic() + wait_s
        while len(self.pending) and monotonic() < until:
            await asyncio.sleep(0.01)
        await self._opened.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # Answers

    def route(self, name: str | None) -> LiveRoute:
        """The route of an endpoint; of the only one, for None. Raises NoChampion, UnknownEndpoint."""
        routes = self.routes
        if name is None and len(routes) == 1:
            return next(iter(routes.values()))
        if not routes:
            raise NoChampion("no version was released here yet", name or "", "regie status")
        if name is None:
            raise UnknownEndpoint(f"there are {len(routes)} endpoints here", "/invocations", "POST /endpoints/NAME/invocations")
        found = routes.get(name)
        if found is None:
            raise UnknownEndpoint(f"there is no endpoint {name!r}", "", f"one of {', '.join(sorted(routes))}")
        return found

    def event_ms(self, given: int | None) -> int:
        """The business time of a request; what the client says counts only under a driven clock."""
        if self.clock == "driven":
            return self.now_ms if given is None else given
        return wall_ms()

    async def answer(self, route: LiveRoute, records_: list[dict[str, Any]], request_id: str, given_ms: int | None) -> Answer:
        """Answer a request. Raises BadRow, ModelFailed, StorageFull, LogFailed; then no answer may leave."""
        began = monotonic()
        time_ms = self.event_ms(given_ms)
        rows, keys, times = route.splitter.split(records_, time_ms)
        asked = Asked(request_id or new_id(), time_ms, began, rows, keys, times)
        if route.alone:
            return await self._by_champion(route, asked, (), None, "")
        sticky = keys[0] or asked.request_id
        assigned = assign(route.endpoint, sticky)
        assert assigned is not None
        if assigned.live.role == "champion":
            return await self._by_champion(route, asked, assigned.shadows, None, "")
        place = route.place(assigned.live)
        assert place.process is not None
        reply = await place.process.ask(route.names, rows, route.deadline_s)
        error, answers_json = _judged(reply, len(rows))
        if error or reply.answers is None:
            place.counter.fell_back((monotonic() - began) * 1000, error)
            assert route.endpoint.champion is not None
            seen_by = shadows(route.endpoint, route.endpoint.champion, sticky)
            return await self._by_champion(route, asked, seen_by, assigned.live.version, error)
        return self._given(route, place, asked, reply.answers, answers_json, assigned.shadows, "")

    async def _by_champion(
        self, route: LiveRoute, asked: Asked, seen_by: tuple[Variant, ...], fallback_from: int | None, error: str
    ) -> Answer:
        try:
            if route.slow(asked.rows):
                loop = asyncio.get_running_loop()
                answers = await loop.run_in_executor(self._threads, route.package.answer, asked.rows)
            else:
                answers = route.package.answer(asked.rows)
            answers_json = records.encode(answers)
        except Exception as failure:  # a model is foreign code; whatever it raises is logged and counted
            self._failed(route, asked, fallback_from, failure)
            raise ModelFailed(f"version {route.champion.variant.version} failed on this request", asked.request_id,
                              f"its error is in the prediction log: {type(failure).__name__}") from failure  # fmt: skip
        return self._given(
            route, route.champion, asked, answers, answers_json, seen_by, records.closing(fallback_from, error) if error else ""
        )

    def _given(
        self, route: LiveRoute, place: Place, asked: Asked, answers: list[Any], answers_json: str, seen_by: tuple[Variant, ...],
        closing: str,
    ) -> Answer:  # fmt: skip
        """Log an answer, then hand it out."""
        new = route.ids.new
        ids = [new() for _ in answers]
        ids_json = records.ids_json(ids)
        ms = (monotonic() - asked.began) * 1000
        self.log.append(_record(place.answer_opening, asked, ids_json, answers_json, ms, closing))
        place.counter.answered(ms)
        if seen_by:
            self._shadow(route, asked, ids_json, seen_by)
        return Answer(answers, answers_json, ids, ids_json, place.variant.version, asked.request_id)

    def _failed(self, route: LiveRoute, asked: Asked, fallback_from: int | None, failure: Exception) -> None:
        place, ms = route.champion, (monotonic() - asked.began) * 1000
        ids_json = records.ids_json([route.ids.new() for _ in asked.rows])
        nothing = records.encode([None] * len(asked.rows))
        error = f"{type(failure).__name__}: {failure}"
        closing = records.closing(fallback_from, error)
        self.log.append(_record(place.answer_opening, asked, ids_json, nothing, ms, closing))
        place.counter.answered(ms)
        place.counter.failed("errors", error)

    # Shadows

    def _shadow(self, route: LiveRoute, asked: Asked, ids_json: str, seen_by: tuple[Variant, ...]) -> None:
        """Register what shadows will say; they are asked once the answer is on its way."""
        loop = asyncio.get_running_loop()
        for variant in seen_by:
            loop.call_soon(self._ask_shadow, route, route.place(variant), asked, ids_json, self.pending.open())

    def _ask_shadow(self, route: LiveRoute, place: Place, asked: Asked, ids_json: str, number: int) -> None:
        def heard(reply: Reply) -> None:
            self._heard(place, asked, ids_json, number, reply)

        if place.process is None:
            self._champion_as_shadow(route, asked, heard)
        elif not place.process.offer(route.names, asked.rows, route.deadline_s, heard):
            place.counter.add("shadow_drops")
            self.pending.close(number)

    def _champion_as_shadow(self, route: LiveRoute, asked: Asked, heard: Any) -> None:
        def answered() -> Reply:
            began = monotonic()
            try:
                answers = route.package.answer(asked.rows)
            except Exception as error:  # noqa: BLE001 - a model is foreign code; the log keeps what it raised
                return Reply(error=f"{type(error).__name__}: {error}")
            return Reply(answers, "", (monotonic() - began) * 1000)

        if route.slow(asked.rows):
            future = asyncio.get_running_loop().run_in_executor(self._threads, answered)
            future.add_done_callback(lambda done: heard(Reply(error="the node stopped") if done.cancelled() else done.result()))
        else:
            heard(answered())

    def _heard(self, place: Place, asked: Asked, ids_json: str, number: int, reply: Reply) -> None:
        """Log what a shadow said."""
        error, answers_json = _judged(reply, len(asked.rows))
        if error:
            place.counter.failed("shadow_errors", error)
        else:
            place.counter.add("shadow_results")
        text = (
            f'{place.shadow_opening}"rid":{records.encode(asked.request_id)},"t":{asked.time_ms},"wall":{wall_ms()},'
            f'"ids":{ids_json},"y":{answers_json},"ms":{reply.ms:.3f}{records.closing(None, error)}}}'
        )
        try:
            self.log.append(records.to_bytes(text))
        except RegieError as failure:  # the answer has left with its record; a shadow's word may be lost
            log.warning("a shadow's record was not kept: %s", failure.what)
        finally:
            self.pending.close(number)


def _judged(reply: Reply, rows: int) -> tuple[str, str]:
    """Why a reply cannot be used (empty if it can), and the JSON of its answers."""
    error = reply.error
    if not error and (reply.answers is None or len(reply.answers) != rows):
        error = "it did not give one answer a row"
    return (error, records.encode([None] * rows)) if error else ("", records.encode(reply.answers))


def _record(opening: str, asked: Asked, ids_json: str, answers_json: str, ms: float, closing: str) -> bytes:
    encode = records.encode
    return records.to_bytes(
        f'{opening}"rid":{encode(asked.request_id)},"t":{asked.time_ms},"wall":{wall_ms()},"ids":{ids_json},'
        f'"keys":{encode(asked.keys)},"times":{encode(asked.times)},"rows":{encode(asked.rows)},"y":{answers_json},'
        f'"ms":{ms:.3f}{closing}}}'
    )
