"""`regie.yaml` is read whole or refused whole, with every problem's file, line and column."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS, WEEK_MS
from regie.base.errors import NotFound
from regie.spec import defaults
from regie.spec.load import load, parse
from regie.spec.problems import SpecError, SpecNotThereYet
from regie.spec.read import from_json
from regie.spec.schema import RESERVED, SHAPES, json_schema

# The example of the design, without what is not there yet.
EXAMPLE = """\
regie: 1
workspace: churn
owner: {team: crm, steward: crm-lead, on_call: ml-oncall@example.org}
risk: limited

data:
  customers:
    source: data/customers.parquet
    key: customer_id
    time: updated_at
    columns:
      age: int 18..110
      plan: cat[basic, plus, pro]
      spend: float >= 0
      sex: {type: "cat[f, m]", use: evaluation}
      churned: bool?
    checks:
      - rows >= 1000
      - fresh < 26h
      - nulls(spend) < 2%
      - unique(customer_id)
    label: {column: churned, known_after: 30d}   # counted from the row's time
    holdout: last 7d

pipelines:
  train:
    run: flow:train
    windows: [all, last 26w]

model:
  name: churn
  task: {kind: binary, positive: true, threshold: 0.4}
  gates:
    - auc >= 0.80
    - auc >= champion - 0.005
    - recall(by sex).gap <= 0.05
    - latency.p95 < 20ms
    - memory < 500MB

serve:
  endpoint: churn
  rollout:
    - shadow 1d
    - canary 5% for 2d
    - full
    - watch 60d
  abort_if:
    - errors > 1%
    - latency.p95 > 40ms

monitor:
  drift:
    - {features: top 10, over: 1d, breach: 3 of 5}
  quality:
    - auc >= champion_at_release - 0.02 over 30d

react:
  - {when: quality.breached, do: [train], at_most: 1/day}
  - {when: champion older than 8w, do: train}
  - {every: "Mon 06:00 Europe/Paris", do: train}

environments:
  dev:  {}
  prod: {production: true}
"""
SMALL = "regie: 1\nworkspace: churn\n"


def spec_of(text):
    return parse(text, Path("regie.yaml")).spec


def problems_of(text, error=SpecError):
    with pytest.raises(error) as wrong:
        spec_of(text)
    return [problem.text for problem in wrong.value.problems]


def changed(old, new):
    assert EXAMPLE.count(old) == 1
    return EXAMPLE.replace(old, new)


def test_the_designs_example_is_read(tmp_path):
    (tmp_path / "regie.yaml").write_text(EXAMPLE)
    spec = load(tmp_path)
    customers, model, serve = spec.data["customers"], spec.model, spec.serve
    assert (customers.label.known_after_ms, customers.holdout_ms, customers.key) == (30 * DAY_MS, WEEK_MS, ("customer_id",))
    assert {name: column.use for name, column in customers.columns.items()} == {
        "age": "feature", "plan": "feature", "spend": "feature", "sex": "evaluation", "churned": "label",
    }  # fmt: skip
    assert customers.checks[1].bound.value() == 26 * HOUR_MS
    assert [gate.key for gate in model.gates] == [
        "auc", "auc vs champion", "recall(by sex).gap", "latency.p95", "memory",
    ]  # fmt: skip
    assert (model.task.kind, model.task.positive, model.task.threshold) == ("binary", True, 0.4)
    assert [stage.kind for stage in serve.rollout] == ["shadow", "canary", "full", "watch"]
    assert spec.pipelines["train"].windows[1].last_ms == 26 * WEEK_MS
    assert [reaction.key for reaction in spec.react] == [
        "quality.breached", "champion older than", "every Mon 06:00 Europe/Paris",
    ]  # fmt: skip
    assert (spec.production, list(spec.environments), spec.labelled) == ("prod", ["dev", "prod"], customers)


def test_only_regie_and_workspace_are_required():
    spec = spec_of(SMALL)
    assert (spec.workspace, spec.model, spec.serve, spec.production) == ("churn", None, None, "prod")
    assert len(problems_of("owner: {team: crm}")) == 2


@pytest.mark.parametrize("text", [EXAMPLE, SMALL])
def test_canonical_json_reads_back_to_an_equal_spec_and_says_the_same_again(text):
    spec = spec_of(text)
    assert from_json(spec.to_json()) == spec
    assert from_json(spec.to_json()).digest == spec.digest


def test_spelling_order_and_comments_do_not_change_the_digest():
    respelled = changed("auc >= 0.80", "  auc>=0.8  # the floor").replace("26h", "26h ").replace("fresh <", "fresh  <")
    assert spec_of(respelled).digest == spec_of(EXAMPLE).digest


def test_risk_chooses_defaults_and_what_is_stated_replaces_them():
    bare = SMALL + (
        "data: {rows: {source: a.csv, time: at, label: {column: y, known_after: 1d}}}\n"
        "model: {name: m, task: binary}\nserve: {}\n"
    )
    limited, minimal = spec_of(bare), spec_of(bare + "risk: minimal\n")
    assert [gate.text for gate in limited.model.gates] == ["log_loss <= champion + 0.005"]
    assert [stage.kind for stage in limited.serve.rollout] == ["shadow", "canary", "full", "watch"]
    assert (minimal.model.gates, [stage.text for stage in minimal.serve.rollout]) == ((), ["full"])
    assert (limited.serve.endpoint, limited.serve.min_requests) == ("m", defaults.MIN_REQUESTS)
    assert limited.data["rows"].holdout_ms == WEEK_MS
    assert spec_of(bare.replace("task: binary", "task: binary, gates: []")).model.gates == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    - auc >= 0.80", "    - aux >= 0.80", "regie.yaml:34:7: `aux` is not a metric (did you mean `auc`?)"),
        ("    windows:", "    windoes:", "regie.yaml:28:5: unknown key `windoes` (did you mean `windows`?)"),
        ("monitor:\n", "on:\n", "regie.yaml:51:1: unknown key `on` (one of: "),
        ("source: data/customers.parquet", "key2: a", "regie.yaml:7:3: `source` is missing"),
        ("shadow 1d", "shadow 1y", "regie.yaml:43:15: `y` is not a unit"),
        ('"cat[f, m]"', '"cot[f, m]"', "regie.yaml:15:19: `cot` is not a type (did you mean `cat`?)"),
        ('"Mon 06:00 Europe/Paris"', '"Mon 06:00 Europe/Pari"', "regie.yaml:60:24: `Europe/Pari` is not a time zone"),
        ("do: [train]", "do: [trian]", "regie.yaml:58:35: `trian` is not a pipeline (did you mean `train`?)"),
        ("quality.breached", "quality.breach", "regie.yaml:58:12: `quality.breach` starts no reaction (did you mean `quality"),
        ("risk: limited", "risk: limted", "regie.yaml:4:7: `limted` is not a risk (did you mean `limited`?)"),
        ("threshold: 0.4", "threshold: 4", "regie.yaml:32:51: `threshold` must be a number between 0 and 1, not `4`"),
        ("workspace: churn", "workspace: 12", "regie.yaml:2:12: `workspace` must be text, not `12`"),
        ("regie: 1", "regie: 2", "regie.yaml:1:8: version 2 of the grammar is not known"),
        ("  - fresh < 26h", "  - auc > 1", "regie.yaml:19:9: `auc` has no meaning in a check"),
        ("kind: binary, positive: true, threshold: 0.4", "kind: regression", "regie.yaml:34:7: `auc` does not fit a regression"),
        ("- full\n", "- full\n    - shadow 1h\n", "regie.yaml:46:7: `shadow 1h` cannot come after `full`"),
        ("    - full\n", "", "regie.yaml:42:3: a rollout needs `full`"),
        ("- latency.p95 < 20ms", "- auc > 0.9", "regie.yaml:37:7: `auc` is promised twice"),
        ("column: churned", "column: churn", "regie.yaml:11:5: the label's column `churn` is not among the columns"),
        ("    time: updated_at\n", "", "regie.yaml:21:5: a label needs the dataset's `time`"),
        ("key: customer_id", "key: updated_at", "regie.yaml:7:3: key, time and label must be different columns"),
        ("dev:  {}", "dev: {production: true}", "regie.yaml:64:3: `dev` is the production already"),
        ("run: flow:train", "run: flow.train", "regie.yaml:27:20: `flow.train` names no function"),
        ("holdout: last 7d", "holdout: all", "regie.yaml:23:14: `all` would leave nothing to train on"),
        ("team: crm", "team: [crm]", "regie.yaml:3:15: `team` must be text, not a list"),
        ("use: evaluation", "use: key", "regie.yaml:15:37: `sex` is not the dataset's key"),
        ("do: [train]", "do: []", "regie.yaml:58:34: a reaction must do something"),
        ("age: int 18..110", "age:", "regie.yaml:12:7: `age` must be text, not nothing"),
        ("at_most: 1/day", "at_most: daily", "regie.yaml:58:52: expected a number"),
        ("when: champion older than 8w, ", "", "regie.yaml:59:5: a reaction needs exactly one of `when` and `every`"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_column_and_the_nearest_word(old, new, says):
    found = problems_of(changed(old, new))
    assert any(text.startswith(says) for text in found), found


def test_all_problems_are_reported_at_once_one_per_line():
    text = changed("auc >= 0.80", "aux >= 0.80").replace("shadow 1d", "shadow 1y").replace("risk:", "rsk:")
    with pytest.raises(SpecError) as wrong:
        spec_of(text)
    assert [line.split(" ")[0] for line in str(wrong.value).splitlines()] == [
        "regie.yaml:4:1:", "regie.yaml:34:7:", "regie.yaml:43:15:",
    ]  # fmt: skip
    assert wrong.value.exit_code == 2
    assert len(wrong.value.body()["problems"]) == 3


def test_a_key_that_is_there_twice_is_refused():
    found = problems_of(SMALL + "risk: limited\nrisk: high\n")
    assert found == ["regie.yaml:4:1: `risk` is there twice (the first one is at regie.yaml:3:1)"]


def test_yaml_1_2_leaves_on_no_and_times_as_they_are_written():
    spec = spec_of(SMALL + "owner: {team: no, steward: on}\nenvironments: {off: {production: True}}\n")
    assert (spec.owner.team, spec.owner.steward, spec.production) == ("no", "on", "off")
    assert "must be true or false" in problems_of(SMALL + "environments: {prod: {production: yes}}\n")[0]
    columns = "data: {d: {source: a, columns: {x: 'cat[no, on]'}}}\n"
    assert spec_of(SMALL + columns).data["d"].columns["x"].type.values == ("no", "on")


NOT_THERE_YET = [
    ("regie: 1", "regie: 1\nextends: org/standard@3", "regie.yaml:2:1: inheriting an organisation's defaults is"),
    ("use: evaluation", "personal: true", "regie.yaml:15:32: storing personal data"),
    ("    windows:", "    sample: 5%\n    windows:", "regie.yaml:28:5: running a pipeline on a sample is"),
    ("    windows:", "    slow: true\n    windows:", "regie.yaml:28:5: marking a pipeline as slow is"),
    ("  endpoint: churn", "  batch: {from: a}", "regie.yaml:41:3: scoring in batches is"),
    ("  endpoint: churn", "  external: {}", "regie.yaml:41:3: predictions that are made elsewhere is"),
    ("  drift:", "  service: [availability >= 99.5%]\n  drift:", "regie.yaml:52:3: monitoring the service is"),
    ("prod: {production: true}", "prod: {data: {a: {secret: env:X}}}", "regie.yaml:64:10: binding other data"),
    ("prod: {production: true}", "prod: {gates: [auc > 0.9]}", "regie.yaml:64:10: gates of an environment"),
    ("shadow 1d", "ab 50% for 7d", "regie.yaml:43:7: `ab` stages are not there yet"),
    ("do: [train]", "do: [train, notify owner]", "regie.yaml:58:42: `notify`: sending messages is"),
    ("data/customers.parquet", "s3://a/b.parquet", "regie.yaml:8:13: reading data by URL is"),
]


@pytest.mark.parametrize(("old", "new", "says"), NOT_THERE_YET)
def test_what_is_not_there_yet_is_refused_with_that_sentence(old, new, says):
    with pytest.raises(SpecNotThereYet) as wrong:
        spec_of(changed(old, new))
    (problem,) = wrong.value.problems
    assert problem.text.startswith(says), problem.text
    assert "not there yet" in problem.what
    assert (wrong.value.exit_code, wrong.value.code) == (2, "not_there_yet")


def test_every_reserved_key_has_a_test():
    for name in RESERVED:
        assert any(f"{name.split('.')[1]}:" in new for _, new, _ in NOT_THERE_YET), name


def test_serving_outside_is_refused_as_a_word_too():
    text = EXAMPLE[: EXAMPLE.index("serve:")] + "serve: external\n"
    assert "not there yet" in problems_of(text, SpecNotThereYet)[0]


def test_a_real_mistake_beside_a_reserved_word_is_an_error():
    found = problems_of(changed("risk: limited", "risk: huge\nextends: a").replace("auc >= 0.80", "aux > 1"))
    assert len(found) == 3


def test_exactly_one_dataset_has_a_label():
    second = "  other: {source: a, time: t, label: {column: y, known_after: 1d}}\n\npipelines:"
    assert "has a label already" in problems_of(changed("\npipelines:", second))[0]
    assert problems_of(SMALL + "model: {name: m, task: binary}\n")[0].endswith("known_after: ...}`)")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1,\nb: 2", "regie.yaml:2:5: not YAML"),
        (SMALL + "owner: &a {team: x}\nrisk: *a", "aliases are not part"),
        (SMALL + "owner: &a {team: *a}", "aliases are not part"),
        (SMALL + "owner: !!python/object:os.system {}", "tag"),
        (SMALL + "risk: .nan", "not a number"),
        (SMALL + "risk: !!int x", "not a number"),
        (SMALL + "---\nregie: 1", "not YAML"),
        (SMALL + "\tx: 1", "regie.yaml:3:1: not YAML"),
        (SMALL + "<<: {risk: high}", "unknown key `<<`"),
        (SMALL + "risk: \x00", "not YAML"),
        (SMALL + "react: " + "[" * 5000, "regie.yaml"),
        ("- a\n- b", "must be a mapping"),
        ("", "is missing"),
        ("just words", "must be a mapping"),
    ],
)
def test_what_is_no_regie_yaml_is_refused_with_a_place(text, says):
    assert any(says in found for found in problems_of(text))


def test_a_missing_file_and_bytes_that_are_no_text_are_named(tmp_path):
    with pytest.raises(NotFound, match=r"regie\.yaml"):
        load(tmp_path)
    (tmp_path / "regie.yaml").write_bytes(b"regie: \xff")
    with pytest.raises(SpecError, match="UTF-8"):
        load(tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([key for shape in SHAPES.values() for key in shape["properties"]]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(SHAPES["spec"]["properties"])), json_values))
def test_no_json_whatever_does_worse_than_being_refused_with_places(document):
    try:
        spec = from_json({"regie": 1, "workspace": "w"} | document)
    except (SpecError, SpecNotThereYet) as wrong:
        assert all(problem.where for problem in wrong.problems)  # noqa: PT017
    else:
        assert from_json(spec.to_json()) == spec


def test_a_problem_in_json_is_placed_by_its_path():
    document = spec_of(EXAMPLE).to_json()
    document["model"]["gates"][2] = "recall(by sex).gop <= 1"
    with pytest.raises(SpecError) as wrong:
        from_json(document)
    assert wrong.value.where == "model.gates[2]:16"


def test_the_schema_for_editors_knows_every_shape():
    schema = json_schema()
    assert set(schema["$defs"]) == set(SHAPES) - {"spec"}
    assert schema["additionalProperties"] is False
    assert all(SHAPES[name.split(".")[0]]["properties"][name.split(".")[1]] is False for name in RESERVED)
