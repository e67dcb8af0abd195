from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.tracking.filter import Clause, Order, parse, parse_order

SPELLINGS = {
    "metric": ["metrics", "metric", "Metrics"], "param": ["params", "param", "parameters"], "tag": ["tags", "tag"],
    "attribute": ["attributes", "attribute", "attr", "run"], "dataset": ["dataset", "datasets"],
}  # fmt: skip
keys = st.text(st.characters(codec="utf-8", exclude_characters='`"', exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    str.strip
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]))
numbers = st.one_of(st.integers(-(1 << 63), 1 << 63), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def clauses(draw):
    """A clause, and one of the ways to write it."""
    kind, key = draw(st.sampled_from(list(SPELLINGS))), draw(keys)
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]))
    quote = draw(st.sampled_from("'\""))
    value: object = None
    written = ""
    if operator.endswith("IN"):
        value = tuple(draw(st.lists(texts, min_size=1, max_size=3)))
        written = "(" + ", ".join(quoted(one, quote) for one in value) + ")"
    elif not operator.startswith("IS"):
        value = draw(st.one_of(texts, numbers))
        written = quoted(value, quote) if isinstance(value, str) else repr(value)
    ticks = draw(st.sampled_from('`"'))
    spelled = draw(st.sampled_from([operator, operator.lower()]))
    space = draw(st.sampled_from([" ", "  ", "\n"]))
    prefix = draw(st.sampled_from(SPELLINGS[kind]))
    return Clause(kind, key, operator, value), f"{prefix}.{ticks}{key}{ticks}{space}{spelled}{space}{written}"


def quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote * 2) + quote


@given(st.lists(clauses(), min_size=1, max_size=4), st.sampled_from([" AND ", " and ", "\nAnd  "]))
def test_a_filter_means_what_was_written_however_it_was_written(written, joint):
    assert parse(joint.join(text for _, text in written)) == [clause for clause, _ in written]


@given(st.text())
def test_any_other_text_is_read_or_refused_and_never_crashes(text):
    for read in (parse, parse_order):
        with suppress(BadInput):
            read(text)


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_an_empty_filter_holds_for_everything(text):
    assert parse(text) == []


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("metrics.m<-1", Clause("metric", "m", "<", -1)),
        ("params.a.b-c/d = 'x'", Clause("param", "a.b-c/d", "=", "x")),
        ("run_id IN ('a','b')", Clause("attribute", "run_id", "IN", ("a", "b"))),
        ("`start_time` >= 1.5e3", Clause("attribute", "start_time", ">=", 1500.0)),
        ("tags.likely='AND'", Clause("tag", "likely", "=", "AND")),
        ("tags.x = 'it''s'", Clause("tag", "x", "=", "it's")),
    ],
)
def test_bare_names_are_read_up_to_the_operator(text, clause):
    assert parse(text) == [clause]


@pytest.mark.parametrize(
    "text",
    ["a = 1 OR b = 2", "a = 1 AND", "AND a = 1", "a 1", "a =", "a = b", "a = 'x", "shoe.a = 1", "a IN ()", "a IN (1)", "a IN 'x'",
     "a = 1 b = 2",
     "(a = 1)", "a = 1; DROP TABLE runs", "a == 1"],
)  # fmt: skip
def test_what_the_grammar_has_not_is_refused(text):
    with pytest.raises(BadInput):
        parse(text)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("metrics.m DESC", Order("metric", "m", False)),
        ("start_time", Order("attribute", "start_time")),
        ("params.`a b` asc", Order("param", "a b")),
        ("tags.desc", Order("tag", "desc")),
    ],
)
def test_an_order_is_a_key_and_a_direction(text, order):
    assert parse_order(text) == order


@pytest.mark.parametrize("text", ["", "a b", "a DESC DESC x", "x.y"])
def test_a_malformed_order_is_refused(text):
    with pytest.raises(BadInput):
        parse_order(text)
