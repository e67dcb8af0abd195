"""RLIKE: the patterns find what Python's and PostgreSQL's find, in time that grows with the text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal, select

from regie.base.errors import BadInput
from regie.tracking.traces import pattern
from regie.tracking.traces.pattern import compiled

ATOMS = st.sampled_from(["a", "b", "1", ".", "[ab]", "[^a]", "[a-c1]", r"\d", r"\w", r"\S", r"\.", "é"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,}", "{0,2}"])).map(lambda one: f"({one[0]}){one[1]}"),
        inner.map(lambda one: f"^{one}"), inner.map(lambda one: f"(?:{one})$"),
    ),
    max_leaves=6,
)  # fmt: skip
TEXTS = st.text("ab1é .", max_size=8)


@given(PATTERNS, TEXTS)
def test_a_pattern_finds_what_pythons_engine_finds(text, value):
    assert compiled(text).found_in(value) == bool(re.search(text, value))


def test_a_pattern_that_stops_pythons_engine_costs_one_walk_of_the_text():
    found = compiled("(a+)+(a|a)*$")
    assert not found.found_in("a" * 20_000 + "b")
    assert len(found.steps) < 20


@pytest.mark.parametrize("text", [
    "(", ")", "a)", "[", "[]", "[z-a]", "*", "a**", "^*", "a{2", "a{3,2}", "a{256}", "(?i)a", "(?=a)", r"\1", r"\b", "\\", "[\\",
    "(" * 30 + "a" + ")" * 30, "((((a{99}){99}){99}){99})", "a" * 501, "[[:alpha:]]", "{2}",
])  # fmt: skip
def test_what_is_no_pattern_or_too_large_is_refused(text):
    with pytest.raises(BadInput):
        compiled(text)


FOUND = [
    ("^gpt-(4|5)(-mini)?$", "gpt-5-mini", True), ("^gpt-(4|5)$", "gpt-45", False), (r"err\w*: \d+", "an error: 500", True),
    ("[^a-z]$", "abc", False), ("", "", True), ("^$", "x", False), (r"\.", "ab", False), ("a.c", "a\nc", True),
]  # fmt: skip


def test_both_databases_find_the_same(store):
    with store.read() as db:
        for text, value, found in FOUND:
            assert db.execute(select(pattern.matches(db, literal(value), text))).scalar() == found, text
            assert db.execute(select(pattern.matches(db, literal(None), text))).scalar() is None
