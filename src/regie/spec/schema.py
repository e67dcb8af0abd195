"""The closed grammar of keys, as the JSON Schema that editors use and the reader obeys: one table, so they cannot differ.

A key whose schema is in RESERVED is known and refused with its sentence: it is not there yet.
"""

from typing import Any

NAME = r"^[a-z][a-z0-9_-]{0,62}$"
DURATION = r"[\d_.]+(ms|s|m|h|d|w)"
TEXT = {"type": "string", "minLength": 1}


def expression(description: str) -> dict[str, Any]:
    pattern = r"^\s*\w+\s*(\([^()]+\))?\s*(\.\s*\w+)?\s*((>=|<=|==|!=|>|<).+)?$"
    return {"type": "array", "items": {"type": "string", "pattern": pattern}, "description": description}


def record(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def named(shape: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{shape}"}, "propertyNames": {"pattern": NAME}}


def several(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def phrase(pattern: str, example: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{pattern}$", "examples": [example]}


USES = ("feature", "key", "time", "evaluation", "ignore")
RISKS = ("minimal", "limited", "high")
TASKS = ("binary", "multiclass", "regression")
# The roles that may grant an approval: those to which `store.access` gives `approval.grant`; a test compares them.
APPROVERS = ("validator",)
# Work that these start cannot cause them again within one turn; `at_most` limits the rest.
REACTION_EVENTS = ("quality.breached", "drift.detected", "gates.failed", "gates.dropped", "rollout.aborted")

SHAPES: dict[str, dict[str, Any]] = {
    "spec": record(
        {
            "regie": {"const": 1, "description": "The version of this grammar."},
            "workspace": {"type": "string", "pattern": NAME},
            "owner": {"$ref": "#/$defs/owner"},
            "risk": {"enum": list(RISKS), "description": "Chooses default gates, stages and guards."},
            "data": named("dataset"),
            "pipelines": named("pipeline"),
            "model": {"$ref": "#/$defs/model"},
            "serve": {"$ref": "#/$defs/serve"},
            "monitor": {"$ref": "#/$defs/monitor"},
            "react": {"type": "array", "items": {"$ref": "#/$defs/reaction"}},
            "environments": named("environment"),
            "extends": False,
        },
        ("regie", "workspace"),
    ),
    "owner": record({"team": TEXT, "steward": TEXT, "on_call": TEXT}),
    "dataset": record(
        {
            "source": TEXT | {"description": "A file or folder, from the project's root."},
            "key": several(TEXT),
            "time": TEXT,
            "columns": {
                "type": "object",
                "additionalProperties": {"anyOf": [TEXT, {"$ref": "#/$defs/column"}]},
            },
            "checks": expression("What every snapshot keeps: rows >= 1000, fresh < 26h, nulls(COLUMN) < 2%"),
            "label": {"$ref": "#/$defs/label"},
            "holdout": phrase(rf"last\s+{DURATION}", "last 7d"),
        },
        ("source",),
    ),
    "column": record({"type": TEXT, "use": {"enum": list(USES)}, "personal": False}, ("type",)),
    "label": record({"column": TEXT, "known_after": phrase(DURATION, "1d")}, ("column", "known_after")),
    "pipeline": record(
        {
            "run": phrase(r"[\w.]+:\w+", "flow:train"),
            "windows": several(phrase(rf"(all|last\s+{DURATION})", "last 26w")),
            "sample": False,
            "slow": False,
        },
        ("run",),
    ),
    "model": record(
        {
            "name": {"type": "string", "pattern": NAME},
            "task": {"anyOf": [{"enum": list(TASKS)}, {"$ref": "#/$defs/task"}]},
            "gates": expression("What a version keeps before its release: auc >= 0.8, auc >= champion - 0.005"),
            "approve": {"$ref": "#/$defs/approve"},
        },
        ("name", "task"),
    ),
    "approve": record(
        {
            "by": {"enum": list(APPROVERS), "description": "The role that decides."},
            "not": {"enum": ["author"], "description": "Never an author of the version; so it is also where it is not written."},
            "within": phrase(DURATION, "5d"),
        },
        ("by",),
    ),
    "task": record(
        {
            "kind": {"enum": list(TASKS)},
            "positive": {"type": ["boolean", "integer", "string"]},
            "threshold": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        },
        ("kind",),
    ),
    "serve": record(
        {
            "endpoint": {"type": "string", "pattern": NAME},
            "rollout": {
                "type": "array",
                "items": phrase(
                    rf"(full|(shadow|watch)\s+{DURATION}|canary\s+[\d_.]+\s*%\s+for\s+{DURATION})", "canary 5% for 2d"
                ),
            },
            "abort_if": expression("What ends a rollout as soon as it is so: errors > 1%"),
            "min_requests": {"type": "integer", "minimum": 1},
            "batch": False,
            "external": False,
        }
    ),
    "monitor": record(
        {
            "drift": {"type": "array", "items": {"$ref": "#/$defs/drift"}},
            "quality": expression("What production keeps: log_loss <= champion_at_release * 1.1 over 7d"),
            "service": False,
        }
    ),
    "drift": record(
        {
            "features": {"anyOf": [phrase(r"top\s+\d+", "top 10"), {"type": "array", "items": TEXT, "minItems": 1}]},
            "over": phrase(DURATION, "1d"),
            "breach": phrase(r"\d+\s+of\s+\d+", "3 of 5"),
        },
        ("features",),
    ),
    "reaction": record(
        {
            "when": {
                "anyOf": [
                    {"enum": list(REACTION_EVENTS)},
                    phrase(rf"champion\s+older\s+than\s+{DURATION}", "champion older than 8w"),
                ]
            },
            "every": TEXT | {"examples": ["Mon 06:00 Europe/Paris", "12h"]},
            "do": several(TEXT),
            "at_most": phrase(r"\d+\s*/\s*(hour|day|week)", "1/day"),
        },
        ("do",),
    ),
    "environment": record({"production": {"type": "boolean"}, "data": False, "gates": False}),
}

# shape.key: the sentence. Everything here is `False` above, so editors mark it too.
RESERVED = {
    "spec.extends": "inheriting an organisation's defaults",
    "column.personal": "storing personal data under a key of its subject",
    "pipeline.sample": "running a pipeline on a sample",
    "pipeline.slow": "marking a pipeline as slow",
    "serve.batch": "scoring in batches",
    "serve.external": "predictions that are made elsewhere",
    "monitor.service": "monitoring the service",
    "environment.data": "binding other data in an environment",
    "environment.gates": "gates of an environment",
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `regie.yaml`. Expressions are checked roughly here, exactly by `regie check`."""
    definitions = {name: shape for name, shape in SHAPES.items() if name != "spec"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "regie.yaml",
        **SHAPES["spec"],
        "$defs": definitions,
    }
