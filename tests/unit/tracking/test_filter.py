from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.search_utils import SearchExperimentsUtils, SearchModelUtils, SearchModelVersionUtils, SearchUtils

from regie.base.errors import BadInput
from regie.tracking.filter import MAX_CLAUSES, MAX_LIST, Clause, Order, parse, parse_order, parse_orders
from regie.tracking.grammars import EXPERIMENTS, LOGGED_MODELS, MODELS, RUNS, VERSIONS

GRAMMARS = {"runs": RUNS, "experiments": EXPERIMENTS, "models": MODELS, "versions": VERSIONS, "logged models": LOGGED_MODELS}
CLIENTS = {
    "runs": SearchUtils, "experiments": SearchExperimentsUtils, "models": SearchModelUtils, "versions": SearchModelVersionUtils,
}  # fmt: skip
# Written as the client's documentation writes them, and as people do.
PREFIXES = ["metrics.", "metric.", "params.", "parameters.", "tags.", "tag.", "attributes.", "attribute.", "attr.", "run.", "dataset.",
            "datasets.", "", "", "", "Metrics.", "shoe."]  # fmt: skip
KEYS = ["m", "a.b", "`a b`", '"a b"', "mlflow.user", "start_time", "end_time", "created", "Created", "`Run Name`", '"run name"', "status",
        "run_id", "user_id", "artifact_uri", "run_name", "name", "experiment_id", "creation_time", "last_update_time", "version_number",
        "source_path", "digest", "context", "lifecycle_stage", "last_updated_timestamp", "creation_timestamp",
        "timestamp", "a-b"]  # fmt: skip
OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "LIKE", "like", "ILIKE", "IN", "NOT IN", "not in", "IS NULL", "is null", "IS NOT NULL",
             "==", "<>", "NOT LIKE", "BETWEEN"]  # fmt: skip
VALUES = ["1", "-1", "0.5", "1e-3", "1.5E3", "'x'", '"x"', "'it''s'", "'a%'", "''", "('a')", "('a', 'b')", "(\"a\",)", "()", "(1)", "x",
          "'1'", "'AND'", "1 OR 2"]  # fmt: skip


def test_every_word_of_a_grammar_is_read_as_what_it_means():
    assert parse(
        "metrics.`val loss` <= -1.5e-3 AND params.\"a b\" LIKE 'x%' and tags.mlflow.user IS NOT NULL\nAND dataset.name IN ('a', \"b\")"
        " AND attributes.start_time>=12 AND Created != 13 AND `Run Name` ILIKE 'R' AND run_id NOT IN ('a')",
        RUNS,
    ) == [
        Clause("metric", "val loss", "<=", -0.0015), Clause("param", "a b", "LIKE", "x%"),
        Clause("tag", "mlflow.user", "IS NOT NULL", None), Clause("dataset", "name", "IN", ("a", "b")),
        Clause("attribute", "start_time", ">=", 12), Clause("attribute", "start_time", "!=", 13),
        Clause("attribute", "run_name", "ILIKE", "R"), Clause("attribute", "run_id", "NOT IN", ("a",)),
    ]  # fmt: skip


LIKELY = ["metrics.m", "params.a.b", "tags.`a b`", 'tags."a b"', "start_time", "attributes.created", "run_id", "dataset.name", "name",
          "attribute.name", "experiment_id", "creation_time", "version_number", "source_path", "tag.m"]  # fmt: skip


@st.composite
def comparisons(draw):
    """Half of them are likely to be accepted somewhere."""
    likely = draw(st.booleans())
    name = draw(st.sampled_from(LIKELY)) if likely else draw(st.sampled_from(PREFIXES)) + draw(st.sampled_from(KEYS))
    operator = draw(st.sampled_from(OPERATORS))
    fitting = ["('a')", "('a', 'b')"] if "in" in operator.lower() else ["1", "'x'", '"x"', "-0.5"]
    value = "" if operator.upper().startswith("IS") else draw(st.sampled_from(fitting if likely else VALUES))
    space = draw(st.sampled_from([" ", "  ", "\n", "\t"]))
    return f"{name}{space}{operator}{space}{value}"


def of_client(name, text):
    """What the client's own parser and stock's store make of a filter; None where one of them refuses it."""
    parser, found = CLIENTS[name], []
    try:
        for one in parser.parse_search_filter(text):
            kind, key, operator, value = one["type"], one["key"], one["comparator"], one["value"]
            operator = operator if name == "experiments" else operator.upper()
            listed, numeric = isinstance(value, tuple), kind == "attribute" and key in parser.NUMERIC_ATTRIBUTES
            if kind == "metric" or numeric:
                allowed = parser.VALID_METRIC_COMPARATORS
            elif kind == "attribute":
                nominal = name == "experiments" and key == "experiment_id"
                allowed = {"=", "!=", "IN", "NOT IN"} if nominal else parser.VALID_STRING_ATTRIBUTE_COMPARATORS
            else:
                allowed = {
                    "tag": parser.VALID_TAG_COMPARATORS, "parameter": parser.VALID_PARAM_COMPARATORS, "dataset": {"IN", "NOT IN",
                    "=", "!=", "LIKE", "ILIKE"},
                }[kind]  # fmt: skip
            if operator not in allowed or listed != (operator in ("IN", "NOT IN")):
                return None
            if numeric and name in ("experiments", "versions"):
                if isinstance(value, float):
                    return None
                value = int(value)
            value = float(value) if kind == "metric" else value
            key = SearchUtils.translate_key_alias(key) if kind == "attribute" else key
            found.append(Clause("param" if kind == "parameter" else kind, key, operator, value))
    except (MlflowException, ValueError):
        return None
    return found


@given(
    st.sampled_from(list(CLIENTS)), st.lists(comparisons(), min_size=1, max_size=2), st.sampled_from([" AND ", "\nand ", " OR "])
)
def test_a_filter_is_read_as_the_client_reads_it_and_refused_where_stock_refuses_it(name, written, joint):
    text = joint.join(written)
    try:
        found = parse(text, GRAMMARS[name])
    except BadInput:
        found = None
    assert found == of_client(name, text)


orders = st.builds(
    "{}{}{}".format, st.sampled_from([*PREFIXES, "", "", ""]), st.sampled_from(KEYS),
    st.sampled_from(["", "", " ASC", " desc", "  DESC", " up", " DESC NULLS LAST", " ASC ASC"]),
)  # fmt: skip


@given(st.sampled_from(list(CLIENTS)), orders)
def test_an_order_is_read_as_the_client_reads_it_and_refused_where_stock_refuses_it(name, text):
    try:
        found = parse_order(text, GRAMMARS[name])
    except BadInput:
        found = None
    try:
        if name == "models":
            key, ascending = SearchUtils.parse_order_by_for_search_registered_models(text)
            kind, key = "attribute", "last_updated_timestamp" if key == "timestamp" else key
        else:
            plural = {"runs": "runs", "experiments": "experiments", "versions": "model_versions"}[name]
            kind, key, ascending = getattr(CLIENTS[name], f"parse_order_by_for_search_{plural}")(text)
        key = SearchUtils.translate_key_alias(key) if kind == "attribute" else key
        expected = Order("param" if kind == "parameter" else kind, key, ascending)
    except MlflowException:
        expected = None
    # Stock's stores refuse these when they build the statement.
    if expected is not None and (expected.kind == "dataset" or (name != "runs" and expected.kind != "attribute")):
        expected = None
    assert found == expected


keys = st.text(st.characters(codec="utf-8", exclude_characters='`"\\', exclude_categories=["Cs", "Cc"]), min_size=1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="'\\\x00", exclude_categories=["Cs"]))
whole = st.integers(-(1 << 63), (1 << 63) - 1)
numbers = st.one_of(whole, st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def clauses(draw):
    """A clause, and one of the ways to write it."""
    kind, prefix = draw(st.sampled_from([("metric", "metrics"), ("param", "params"), ("tag", "tag"), ("attribute", "run")]))
    key = draw(st.sampled_from(["run_id", "start_time"])) if kind == "attribute" else draw(keys)
    compared = {"metric": ["=", "<", ">="], "run_id": ["IN", "NOT IN"], "start_time": ["=", "<", ">="]}
    operator = draw(st.sampled_from(compared.get(key if kind == "attribute" else kind, ["=", "ILIKE", "IS NULL"])))
    value: object = None
    written = ""
    if kind == "attribute" and key == "start_time":
        value = draw(whole)
        written = str(value)
    elif kind == "attribute":
        value = tuple(draw(st.lists(texts.filter(lambda one: "\n" not in one), min_size=1, max_size=3)))
        written = "(" + ", ".join(f"'{one}'" for one in value) + ")"
    elif operator != "IS NULL":
        value = draw(numbers if kind == "metric" else texts)
        written = f"'{value}'" if isinstance(value, str) else repr(value)
        value = float(value) if kind == "metric" else value  # whatever is written: a metric is a float, a time a whole number
    ticks, space = draw(st.sampled_from('`"')), draw(st.sampled_from([" ", "  ", "\n"]))
    spelled = draw(st.sampled_from([operator, operator.lower()]))
    return Clause(kind, key, operator, value), f"{prefix}.{ticks}{key}{ticks}{space}{spelled}{space}{written}"


@given(
    st.lists(clauses().filter(lambda one: "e+" not in one[1]), min_size=1, max_size=4),
    st.sampled_from([" AND ", " and ", "\nAnd  "]),
)
def test_what_is_written_out_is_read_back(written, joint):
    assert parse(joint.join(text for _, text in written), RUNS) == [clause for clause, _ in written]


def test_every_time_of_64_bits_is_read_whole_and_a_metric_as_the_float_that_it_is():
    for value in (-(1 << 63), -(10**18) - 1, (1 << 53) + 1, (1 << 63) - 1):
        assert parse(f"run.start_time = {value}", RUNS)[0].value == value
        assert type(parse(f"metrics.m = {value}", RUNS)[0].value) is float


@given(st.text(), st.sampled_from(list(GRAMMARS)))
def test_any_other_text_is_read_or_refused_and_never_crashes(text, name):
    for read in (parse, parse_order):
        with suppress(BadInput):
            read(text, GRAMMARS[name])


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_empty_filter_holds_for_everything(text):
    assert parse(text, RUNS) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("metrics.m = 1 OR metrics.n = 2", "OR is not supported"),
        ("metrics.m > 'a'", "write a number"),
        ("params.p = 5", "write text in quotes"),
        ("status IN ('RUNNING')", "is compared by one of"),
        ("lifecycle_stage = 'active'", "there is no attribute 'lifecycle_stage'"),
        ("tags.a = 'x\x00'", "is in no stored text"),
        ("tags.a = '\ud800'", "is in no stored text"),
        ("tags.a = 'x", "from character 10 on"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_where(text, where):
    with pytest.raises(BadInput) as refused:
        parse(text, RUNS)
    assert where in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["metrics.m > 1 " * (MAX_CLAUSES + 1), "run_id IN (" + "'a'," * (MAX_LIST + 1) + ")", "'" * 100_000, "`" * 100_001, "(" * 100_000,
     "metrics." * 20_000, "a" * 100_000, " AND" * 20_000 + " x"],
)  # fmt: skip
def test_a_hostile_filter_is_refused_soon(text):
    with pytest.raises(BadInput):
        parse(text, RUNS)


@pytest.mark.parametrize(
    "texts", [["metrics.m", "metric.m DESC"], ["start_time", "created"], [f"metrics.m{one}" for one in range(21)]]
)
def test_an_order_by_the_same_twice_or_by_too_much_is_refused(texts):
    with pytest.raises(BadInput):
        parse_orders(texts, RUNS)


def test_logged_models_are_compared_by_numbers_and_words_without_quotes_as_by_stock():
    assert parse("params.depth = 5 AND name = forest AND creation_time > 3", LOGGED_MODELS) == [
        Clause("param", "depth", "=", "5"), Clause("attribute", "name", "=", "forest"), Clause("attribute", "creation_timestamp", ">", 3),
    ]  # fmt: skip
