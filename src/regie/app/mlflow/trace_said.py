"""What a client says of a trace or an assessment, read from MLflow's JSON. Raises BadInput with the field at fault."""

import json
import re
from typing import Any

from regie.app.mlflow.call import integer, ours, storable
from regie.app.mlflow.trace_shapes import FORMAT
from regie.base.clock import parse_iso, wall_ms
from regie.base.errors import BadInput
from regie.base.ids import new_id
from regie.tracking.traces.types import LAST_MS, SOURCES, STATES, Assessment, TraceSaid, trace_id_of

_DURATION = re.compile(r"(-?\d{1,12})(?:\.(\d{1,9}))?s")
NAME_LENGTH, ID_LENGTH = 250, 50
COUNT = 1_000  # assessments that come with a trace


def trace(said: dict[str, Any]) -> tuple[str, TraceSaid]:
    """(experiment id, trace) of a TraceInfoV3. Raises BadInput."""
    experiment_id = within(said, "trace_location", "mlflow_experiment", "experiment_id")
    if not isinstance(experiment_id, str) or not experiment_id:
        raise BadInput("a trace lies in an experiment", "trace.trace_info.trace_location", "send mlflow_experiment.experiment_id")
    told = [] if said.get("assessments") is None else said["assessments"]
    if not isinstance(told, list) or len(told) > COUNT:
        raise BadInput(
            "Invalid value for parameter 'assessments'", "trace.trace_info.assessments", f"send a list of up to {COUNT}"
        )
    trace = TraceSaid(
        trace_id_of(text(said, "trace_id")), time_of(text(said, "request_time"), "request_time"), duration_of(said),
        state_of(said.get("state")), optional(said, "client_request_id"), optional(said, "request_preview"),
        optional(said, "response_preview"), pairs(said, "tags"), pairs(said, "trace_metadata"),
        [assessment(one) for one in told],
    )  # fmt: skip
    return experiment_id, trace


def assessment(said: Any) -> Assessment:
    """Raises BadInput."""
    if not isinstance(said, dict):
        raise BadInput("Invalid value for parameter 'assessment'", "assessment", "send an object")
    kind, value, error = judged(said)
    source = {} if said.get("source") is None else said["source"]
    if not isinstance(source, dict):
        raise BadInput("Invalid value for parameter 'source'", "assessment.source", "send source_type and source_id")
    now = wall_ms()
    times = [time_of(said[name], name) if said.get(name) else now for name in ("create_time", "last_update_time")]
    valid = said.get("valid", True)
    return Assessment(
        optional(said, "assessment_id", ID_LENGTH) or f"a-{new_id()}", kind, text(said, "assessment_name", NAME_LENGTH), value, error,
        _source(source.get("source_type")), optional(source, "source_id", NAME_LENGTH) or "default",
        optional(said, "span_id", ID_LENGTH), optional(said, "rationale"), optional(said, "overrides", ID_LENGTH),
        valid is not False, pairs(said, "metadata"), *times,
    )  # fmt: skip


def judged(said: dict[str, Any]) -> tuple[str, Any, dict[str, str] | None]:
    """(kind, value, error) of an assessment: exactly one of the three kinds. Raises BadInput."""
    kinds = [kind for kind in ("feedback", "expectation", "issue") if isinstance(said.get(kind), dict)]
    if len(kinds) != 1:
        raise BadInput(
            "Exactly one of `expectation`, `feedback`, or `issue` should be specified",
            "assessment",
            "send one of them as an object",
        )
    told = said[kinds[0]]
    if kinds == ["issue"]:
        return "issue", text(told, "issue_name"), None
    if isinstance(told.get("serialized_value"), dict):
        return kinds[0], _serialized(told["serialized_value"]), None
    error = told.get("error") or said.get("error")
    return kinds[0], _json(told.get("value"), kinds[0]), None if kinds == ["expectation"] else _error(error)


def _serialized(said: dict[str, Any]) -> Any:
    if said.get("serialization_format") != FORMAT:
        raise BadInput("Unknown serialization format", "expectation.serialized_value", f"send {FORMAT}")
    try:
        value = json.loads(text(said, "value"))
    except (ValueError, RecursionError):
        raise BadInput("the value is no JSON", "expectation.serialized_value.value", "send valid JSON") from None
    storable(value, "expectation")
    return _json(value, "expectation")


def _json(value: Any, what: str) -> Any:
    """What JSON can say: Python reads NaN too."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        raise BadInput("the value is no JSON", f"{what}.value", "send valid JSON") from None
    return value


def _error(said: Any) -> dict[str, str] | None:
    if said is None:
        return None
    if not isinstance(said, dict):
        raise BadInput("Invalid value for parameter 'error'", "feedback.error", "send error_code and error_message")
    names = ("error_code", "error_message", "stack_trace")
    return {name: optional(said, name) or "" for name in names if said.get(name) is not None}


def new_trace_id() -> str:
    return f"tr-{new_id()}"


def _source(said: Any) -> str:
    return _of_list(said, SOURCES, "source_type")


def state_of(said: Any) -> str:
    """A state by its name or its number."""
    return STATES[0] if said == "TRACE_STATUS_UNSPECIFIED" else _of_list(said, STATES, "state")


def _of_list(said: Any, names: tuple[str, ...], what: str) -> str:
    if said is None:
        return names[0]
    if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < len(names):
        return names[said]
    if said not in names:
        raise BadInput(f"Invalid value {said!r} for parameter '{what}'", what, "write one of " + ", ".join(names))
    return str(said)


def time_of(said: Any, what: str) -> int:
    """Milliseconds of a time of the wire. Raises BadInput."""
    try:
        moment = parse_iso(said)
    except (ValueError, TypeError, OverflowError):
        moment = -1
    return time_ms(moment, what)


def time_ms(said: Any, what: str) -> int:
    """Raises BadInput for a time before 1970 or after 9999."""
    moment = integer(said, what)
    if not 0 <= moment <= LAST_MS:
        raise BadInput(f"Invalid value for parameter '{what}'", what, "send a time such as 2026-11-21T16:29:47.970Z")
    return moment


def duration_of(said: dict[str, Any]) -> int | None:
    told = said.get("execution_duration")
    if told is None:
        return None
    found = _DURATION.fullmatch(told) if isinstance(told, str) else None
    if found is None:
        raise BadInput(
            f"Invalid value {told!r} for parameter 'execution_duration'", "execution_duration", "send seconds, as 1.207s"
        )
    whole, rest = found.groups()
    ms = abs(int(whole)) * 1000 + int((rest or "").ljust(3, "0")[:3])
    return -ms if told.startswith("-") else ms


def within(said: Any, *names: str) -> Any:
    """What stands there, through objects in objects; None where anything is missing."""
    for name in names:
        said = said.get(name) if isinstance(said, dict) else None
    return said


def text(said: dict[str, Any], name: str, most: int = 0) -> str:
    """A required text. Raises BadInput."""
    value = optional(said, name, most)
    if not value:
        raise BadInput(f"Missing value for required parameter '{name}'", name, "send it")
    return value


def optional(said: dict[str, Any], name: str, most: int = 0) -> str | None:
    value = said.get(name)
    if value is not None and not isinstance(value, str):
        raise BadInput(f"Invalid value {value!r} for parameter '{name}'", name, "send text")
    if value and most and len(value) > most:
        raise BadInput(f"'{name}' has {len(value)} characters", name, f"send at most {most}")
    return value


def pairs(said: dict[str, Any], name: str) -> dict[str, str]:
    """A mapping of texts. `regie.` is ours. Raises BadInput."""
    value = {} if said.get(name) is None else said[name]
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise BadInput(f"Invalid value for parameter '{name}'", name, "send a mapping of texts")
    return {ours(key): one for key, one in value.items()}
