"""What can be searched, and by what: one `Grammar` for each sort of thing, as stock MLflow defines it."""

from regie.tracking.filter import LIST_OPERATORS, NULL_OPERATORS, NUMERIC_OPERATORS, TEXT_OPERATORS, Grammar, Sort

NUMBER = Sort(NUMERIC_OPERATORS, number=True)
REAL = Sort(NUMERIC_OPERATORS, number=True, real=True)
WHOLE = Sort(NUMERIC_OPERATORS, number=True, whole=True)
TEXT = Sort(TEXT_OPERATORS)
LISTED = Sort(TEXT_OPERATORS + LIST_OPERATORS)
ABSENT = Sort(TEXT_OPERATORS + NULL_OPERATORS)  # text of a key that may be missing
_TAGS = {"tag": "tag", "tags": "tag"}
_NAMED = {"attribute": "attribute", **_TAGS}
_RUN_PREFIXES = {
    "metric": "metric", "metrics": "metric", "param": "param", "params": "param", "parameter": "param", "parameters": "param",
    **_TAGS, "attribute": "attribute", "attributes": "attribute", "attr": "attribute", "run": "attribute",
    "dataset": "dataset", "datasets": "dataset",
}  # fmt: skip
_RUN_ALIASES = {
    "created": "start_time",
    "Created": "start_time",
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}
_RUN_TEXTS = ("run_name", "user_id", "status", "artifact_uri", "run name", "Run name", "Run Name")
_RUN_NUMBERS = ("start_time", "end_time", "created", "Created")
RUNS = Grammar(
    prefixes=_RUN_PREFIXES | {f"`{prefix}`": kind for prefix, kind in _RUN_PREFIXES.items()},
    free={"metric": REAL, "param": ABSENT, "tag": ABSENT},
    fixed={
        "attribute": {"run_id": LISTED, **dict.fromkeys(_RUN_TEXTS, TEXT), **dict.fromkeys(_RUN_NUMBERS, NUMBER)},
        "dataset": dict.fromkeys(("name", "digest", "context"), LISTED),
    },
    orders={
        "metric": None, "param": None, "tag": None,
        "attribute": frozenset({"run_id", "run_name", "user_id", "status", "artifact_uri", *_RUN_NUMBERS}),
    },
    aliases=_RUN_ALIASES,
)  # fmt: skip
EXPERIMENTS = Grammar(
    prefixes=_NAMED,
    free={"tag": ABSENT},
    fixed={
        "attribute": {
            "name": TEXT, "experiment_id": Sort(("=", "!=", *LIST_OPERATORS)), "creation_time": WHOLE, "last_update_time": WHOLE,
        }
    },
    orders={"attribute": frozenset({"name", "experiment_id", "creation_time", "last_update_time"})},
    any_case=False,
)  # fmt: skip
MODELS = Grammar(
    prefixes=_NAMED,
    free={"tag": TEXT},
    fixed={"attribute": {"name": LISTED}},
    orders={"attribute": frozenset({"name", "timestamp", "last_updated_timestamp"})},
    aliases={"timestamp": "last_updated_timestamp"},
    bare_orders=True,
)
VERSIONS = Grammar(
    prefixes=_NAMED,
    free={"tag": TEXT},
    fixed={
        "attribute": {
            "name": LISTED, "run_id": LISTED, "source_path": TEXT,
            "version_number": Sort(NUMERIC_OPERATORS, number=True, whole=True, either=True),
        }
    },
    orders={"attribute": frozenset({"name", "version_number", "creation_timestamp", "last_updated_timestamp"})},
)  # fmt: skip
_LOOSE = Sort(TEXT_OPERATORS + LIST_OPERATORS, either=True)
_MODEL_TIMES = (
    "creation_timestamp",
    "creation_time",
    "creation_timestamp_ms",
    "last_updated_timestamp",
    "last_updated_timestamp_ms",
)
_MODEL_TEXTS = ("name", "model_id", "model_type", "source_run_id", "status", "experiment_id")
LOGGED_MODELS = Grammar(
    prefixes={"attributes": "attribute", "metrics": "metric", "params": "param", "tags": "tag"},
    free={"metric": REAL, "param": _LOOSE, "tag": _LOOSE},
    fixed={"attribute": {**dict.fromkeys(_MODEL_TEXTS, _LOOSE), **dict.fromkeys(_MODEL_TIMES, NUMBER)}},
    orders={"metric": None, "attribute": frozenset({*_MODEL_TEXTS, *_MODEL_TIMES})},
    aliases={
        "creation_time": "creation_timestamp", "creation_timestamp_ms": "creation_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
)  # fmt: skip
