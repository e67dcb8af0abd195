"""A pipeline's graph: what it records, and what it says about functions that cannot be one."""

import json
import subprocess
import sys
import types

import pytest

from regie.pipelines.graph import BadGraph, build, fits, from_json
from regie.pipelines.steps import BadStep, Model, Pipeline, Step, pipeline, step

HEAD = """
from regie.data.table import Dataset, Table
from regie.pipelines.steps import Model, pipeline, step

@step
def clean(customers: Dataset) -> Table:
    return customers.read()

@step(retries=2, timeout="2h", resources={"cpu": 2})
def fit(rows: Table, depth: int = 4) -> Model:
    return Model((rows, depth))

@step
def score(model: Model, rows: Table) -> float:
    return 1.0
"""


def module(body, name="flow_under_test"):
    made = types.ModuleType(name)
    sys.modules[name] = made
    exec(compile(HEAD + body, name, "exec"), made.__dict__)
    return made


def graph(body, **params):
    return build(module(body).train, params)


def refused(body, **params):
    with pytest.raises(BadGraph) as caught:
        graph(body, **params)
    return str(caught.value)


DESIGN = """
@pipeline
def train(customers: Dataset, depth: int = 4) -> Model:
    return fit(clean(customers), depth)
"""


def test_the_example_of_the_design_is_a_graph_of_two_nodes():
    found = graph(DESIGN, depth=7)
    assert [node.name for node in found.nodes] == ["clean", "fit"]
    assert (found.datasets, found.params, found.returns) == (("customers",), {"depth": 7}, "Model")
    fit = found.nodes[1]
    assert {name: one.to_json() for name, one in fit.arguments.items()} == {"rows": {"ref": "clean"}, "depth": {"value": 7}}
    assert (fit.retries, fit.timeout_s, fit.threads, fit.returns) == (2, 7200.0, 2, "Model")
    assert found.output.to_json() == {"ref": "fit"}


def test_a_graph_survives_its_json_form():
    found = graph(DESIGN)
    assert from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_step_called_twice_has_two_names():
    found = graph("""
@pipeline
def train(customers: Dataset) -> float:
    rows = clean(customers)
    return score(fit(rows, 1), fit.function and rows) if fit(rows, 2) is None else score(fit(rows, depth=3), rows)
""")
    assert [node.name for node in found.nodes] == ["clean", "fit", "fit-2", "score"]


def test_parameters_are_values_that_the_function_may_compute_with():
    found = graph("""
@pipeline
def train(customers: Dataset, depth: int = 4) -> Model:
    rows = clean(customers)
    models = [fit(rows, depth + more) for more in range(2)]
    return models[depth > 3]
""")
    assert [node.arguments["depth"].value for node in found.nodes[1:]] == [4, 5]
    assert found.output.value == "fit-2"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("rows.features", "`.features` is not possible"),
        ("len(rows)", "len() is not possible"),
        ("rows + 1", "+ is not possible"),
        ("1 + rows", "+ is not possible"),
        ("rows[0]", "[...] is not possible"),
        ("[one for one in rows]", "a loop over it is not possible"),
        ("1 if rows else 2", "a condition on it is not possible"),
        ("rows == 1", "== is not possible"),
        ("rows()", "a call of it is not possible"),
        ("f'{rows}'", "text made of it is not possible"),
        ("int(rows)", "int() is not possible"),
        ("1 in rows", "in is not possible"),
        ("-rows", "- is not possible"),
    ],
)
def test_computing_with_what_is_not_computed_yet_is_an_error_that_names_it(expression, said):
    text = refused(f"""
@pipeline
def train(customers: Dataset) -> Model:
    rows = clean(customers)
    {expression}
    return fit(rows)
""")
    assert f"what clean returns is not computed yet, so {said}" in text
    assert "do it inside a step" in text


MISTAKES = {
    "a dataset where rows are wanted": ("return fit(customers)", "rows of fit is a Table; the dataset customers is a Dataset"),
    "rows where a model is wanted": ("return score(clean(customers), clean(customers))",
                                    "model of score is a Model; what clean returns is a Table"),
    "a number where rows are wanted": ("return fit(3)", "rows of fit is a Table, not int"),
    "text where a number is wanted": ("return fit(clean(customers), 'deep')", "depth of fit is 'deep', not int"),
    "a missing argument": ("return fit()", "fit: missing a required argument: 'rows'"),
    "an unknown argument": ("return fit(clean(customers), deep=1)", "unexpected keyword argument 'deep'"),
    "a symbol in a list": ("return fit(clean(customers), [clean(customers)])", "inside a list or dict"),
    "another return type": ("return clean(customers)", "what train returns is a Model; what clean returns is a Table"),
    "no step": ("return None", "it calls no step"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mismatch_of_types_is_an_error_that_names_both(mistake):
    body, said = MISTAKES[mistake]
    assert said in refused(f"\n@pipeline\ndef train(customers: Dataset) -> Model:\n    {body}\n") or mistake == "no step"
    if mistake == "no step":
        assert said in refused(f"\n@pipeline\ndef train(customers: Dataset):\n    {body}\n")


def test_wrong_parameters_are_named():
    assert "it has no parameter 'deepth'" in refused(DESIGN, deepth=3)
    assert "depth is 'x', not int" in refused(DESIGN, depth="x")
    assert "its parameter depth has no value" in refused(DESIGN.replace(" = 4", ""))
    assert "its parameter rows is a Table" in refused("\n@pipeline\ndef train(rows: Table) -> Model:\n    return fit(rows)\n")
    assert "a type hint cannot be read" in refused("\n@pipeline\ndef train(rows: 'Missing') -> Model:\n    return fit(rows)\n")


def test_a_step_under_another_name_is_refused_because_the_child_could_not_find_it():
    text = refused("""
def wrapped(function):
    import functools
    @functools.wraps(function)
    def inner(*args): return function(*args)
    return inner
def _fit(rows: Table) -> Model: return Model(rows)
other = step(wrapped(_fit))
@pipeline
def train(customers: Dataset) -> Model:
    return other(clean(customers))
""")
    assert "is not what its module holds under that name" in text


def test_outside_a_run_steps_and_pipelines_are_ordinary_functions():
    @step
    def double(x: int) -> int:
        return 2 * x

    @pipeline
    def both(x: int) -> int:
        return double(double(x))

    assert isinstance(double, Step)
    assert isinstance(both, Pipeline)
    assert (both(3), double.__name__, both.__wrapped__(1)) == (12, "double", 4)
    assert Model(5).estimator == 5


@pytest.mark.parametrize(
    "options",
    [
        {"retries": -1},
        {"retries": 1.5},
        {"timeout": "soon"},
        {"timeout": "0s"},
        {"resources": {"gpus": 1}},
        {"resources": {"memory": 4}},
    ],
)
def test_a_step_with_options_that_mean_nothing_is_refused(options):
    with pytest.raises(BadStep):
        step(**options)(lambda x: x)


@pytest.mark.parametrize(
    ("value", "hint", "holds"),
    [
        (1, int, True), (True, int, False), (1, float, True), (True, float, False), ("a", str, True), (None, int | None, True),
        ([1, 2], list[int], True), ([1, "a"], list[int], False), ({"a": 1}, dict[str, int], True), ({"a": "b"}, dict[str, int], False),
        ([1], dict, False), (None, None, True), (1, None, False),
    ],
)  # fmt: skip
def test_json_values_are_held_against_their_type_hints(value, hint, holds):
    assert fits(value, hint) is holds


def test_importing_regie_and_its_steps_is_light():
    heavy = {"numpy", "pandas", "pyarrow", "sqlalchemy", "pydantic"}
    code = f"import sys, regie; regie.step; regie.Model; bad = {heavy} & set(sys.modules); assert not bad, bad"
    subprocess.run([sys.executable, "-c", code], check=True)
