"""The grammar of expressions: every promise reads back to itself, and every mistake points at its character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS
from regie.spec.expressions import (
    CHECK,
    GATE,
    GROUP_PARTS,
    METRICS,
    OPERATORS,
    PERCENTILES,
    QUALITY_MONITOR,
    REFERENCES,
    Bound,
    Expression,
    parse,
)
from regie.spec.scanner import UNITS_BYTES, Malformed, Quantity

numbers = st.floats(0, 1e12, allow_nan=False).map(lambda number: number + 0.0)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
UNITS = {"number": ["", "%"], "fraction": ["", "%"], "time": ["ms", "s", "m", "h", "d", "w"], "bytes": list(UNITS_BYTES)}


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    name = draw(st.sampled_from(sorted(METRICS)))
    metric = METRICS[name]
    by = draw(st.none() | names) if metric.argument == "by" else None
    parts = PERCENTILES if name == "latency" else GROUP_PARTS if by else None
    if metric.family == "quality" and draw(st.booleans()):
        operation = draw(st.sampled_from([None, "+", "-", "*"]))
        reference = draw(st.sampled_from(REFERENCES))
        bound = Bound(None, reference, operation, draw(numbers) if operation else None)
    else:
        sign = draw(st.sampled_from([1, -1]))
        bound = Bound(Quantity(sign * draw(numbers), draw(st.sampled_from(UNITS[metric.kind]))))
    return Expression(
        metric=name,
        argument=draw(names) if metric.argument == "column" else None,
        by=by,
        part=draw(st.sampled_from(parts)) if parts else None,
        operator=draw(st.sampled_from(sorted(OPERATORS))),
        bound=bound,
        over_ms=draw(st.none() | st.integers(1, 10**12)),
    )


@given(expressions())
def test_the_text_of_any_expression_reads_back_to_the_same_promise(expression):
    assert parse(expression.text) == expression


@given(st.text(max_size=30) | st.text(alphabet="auc()<>=.% 0123456789byover+-*champion", max_size=30))
def test_no_text_whatever_does_worse_than_being_malformed_at_a_place_within_it(text):
    offset = 0
    try:
        parse(text)
    except Malformed as wrong:
        offset = wrong.offset
    assert 0 <= offset <= len(text)


def test_blanks_do_not_matter():
    assert parse(" recall( by  sex ) . gap<=0.05 ") == parse("recall(by sex).gap <= 0.05")


@pytest.mark.parametrize(
    ("text", "value"),
    [("fresh < 26h", 26 * HOUR_MS), ("nulls(a) < 2%", 0.02), ("rows >= 1_000", 1000), ("memory < 500MB", 500e6),
     ("latency.p95 < 0.5s", 500), ("mean(a) > -1.5", -1.5)],
)  # fmt: skip
def test_quantities_are_fractions_milliseconds_and_bytes(text, value):
    assert parse(text).bound.value() == value


def test_a_bound_moves_its_reference():
    assert parse("log_loss <= champion_at_release * 1.1 over 7d", QUALITY_MONITOR).bound.value(0.5) == pytest.approx(0.55)
    assert parse("auc >= champion - 0.005", GATE).bound.value(0.8) == pytest.approx(0.795)
    assert parse("auc >= champion", GATE).holds(0.8, reference=0.8)
    with pytest.raises(ValueError, match="champion"):
        parse("auc >= champion", GATE).bound.value()


def test_a_changed_threshold_keeps_the_identity_and_a_reference_does_not():
    assert parse("auc >= 0.8").key == parse("auc > 0.9").key == "auc"
    assert parse("auc >= champion - 0.1").key == "auc vs champion"
    assert parse("recall(by sex).gap <= 0.1").key == "recall(by sex).gap"
    assert parse("mean(a) >= 1").key != parse("mean(a) <= 5").key


def test_unique_alone_means_that_no_value_comes_twice():
    assert parse("unique(id)", CHECK).bound.value() == 1
    assert parse("unique(id)").text == "unique(id)"
    assert parse("log_loss <= 1 over 36h").over_ms == 1.5 * DAY_MS


@pytest.mark.parametrize(
    ("text", "place", "offset", "says"),
    [
        ("aux >= 0.8", GATE, 0, "`auc`"),
        ("rows >= 5", GATE, 0, "no meaning in a gate"),
        ("auc => 0.8", GATE, 4, "comparison"),
        ("auc == 0.8", GATE, 4, "cannot ask for"),
        ("auc 0.8", GATE, 4, "comparison"),
        ("auc >= champoin", GATE, 7, "`champion`"),
        ("auc >= champion_at_release", GATE, 7, "no meaning"),
        ("auc >= champion - 5%", GATE, 19, "without a unit"),
        ("auc >= 0.8 over 7d", GATE, 11, "no window"),
        ("auc >= 0.8", QUALITY_MONITOR, 10, "over 7d"),
        ("auc.gap >= 0.8", GATE, 3, "by COLUMN"),
        ("recall(by sex) <= 0.1", GATE, 15, ".gap"),
        ("recall(by sex).gop <= 0.1", GATE, 15, "`gap`"),
        ("recall(sex).gap <= 0.1", GATE, 7, "by COLUMN"),
        ("latency.p95 < 20", GATE, 14, "20ms"),
        ("latency < 20ms", GATE, 8, ".p95"),
        ("latency.p95 < 20mss", GATE, 16, "`ms`"),
        ("latency.p95 < champion", GATE, 14, "quality"),
        ("nulls < 2%", CHECK, 6, "COLUMN"),
        ("nulls(a < 2%", CHECK, 12, "`)`"),
        ("rows(a) > 1", CHECK, 4, "no argument"),
        ("auc >= 0.8 0.9", GATE, 11, "too much"),
        ("", GATE, 0, "a metric"),
    ],
)
def test_a_mistake_points_at_its_character_and_says_what_to_write(text, place, offset, says):
    with pytest.raises(Malformed) as wrong:
        parse(text, place)
    assert (wrong.value.offset, says in str(wrong.value)) == (offset, True), str(wrong.value)
