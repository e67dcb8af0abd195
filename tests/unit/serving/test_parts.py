"""Records, rows, pending shadows, counters and bodies: what the router is made of."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.runtime.signature import BadRow, Column, RowReader
from regie.serving import bodies, records
from regie.serving.counters import Counters
from regie.serving.pending import Pending
from regie.serving.routefile import Endpoint, Variant
from regie.serving.rows import Splitter, time_ms

READER = RowReader((Column("hour", "int"), Column("day", "str", nullable=True)))
VARIANT = Variant(3, "sha256:a", "packages/a", "champion")


def endpoint(name: str = "flights", **more: object) -> Endpoint:
    return Endpoint(name, "w", b"k", 7, "flights", (VARIANT,), **more)  # type: ignore[arg-type]


def split(record: dict, **more: object):
    rows, keys, times = Splitter(endpoint(**more), READER).split([{"hour": 1, "day": None, **record}], 5000)
    return rows[0], keys[0], times[0]


@pytest.mark.parametrize(("given", "key"), [("AA", "AA"), (7, "7"), (7.0, "7"), (7.5, "7.5"), (None, None), ("", "")])
def test_a_key_is_text_and_a_whole_number_is_one_key_however_json_writes_it(given, key):
    assert split({"id": given}, key=("id",)) == ([1, None], key, 5000)


def test_a_key_of_several_columns_is_joined_and_null_where_one_is_missing():
    assert split({"a": 1, "b": "x"}, key=("a", "b"))[1] == "1|x"
    assert split({"a": 1}, key=("a", "b"))[1] is None


def test_a_key_that_is_also_a_feature_stays_with_the_features():
    assert split({"hour": 9}, key=("hour",)) == ([9, None], "9", 5000)


@pytest.mark.parametrize("value", [True, [], {}, "x" * 501])
def test_what_cannot_be_a_key_is_refused_with_its_row_and_column(value):
    with pytest.raises(BadRow) as refused:
        split({"id": value}, key=("id",))
    assert refused.value.where == "row 1, column id"


@pytest.mark.parametrize(("given", "ms"), [("1970-01-01T00:00:01Z", 1000), (77, 77), (77.0, 77), (None, 5000)])
def test_the_target_time_is_read_and_is_the_events_where_it_is_absent(given, ms):
    assert split({"at": given}, time="at")[2] == ms


@pytest.mark.parametrize("value", ["noon", True, 1.5, float("nan"), 1e300, [], {}])
def test_what_is_no_time_is_refused(value):
    with pytest.raises((ValueError, OverflowError)):
        time_ms(value)
    with pytest.raises(BadRow):
        split({"at": value}, time="at")


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_composed_record_is_json_whatever_its_texts(name, error):
    opening = records.opening("p", endpoint(name), VARIANT, ["hour", name])
    data = records.to_bytes(f'{opening}"ids":{records.ids_json(["a", "b"])}{records.closing(4, error)}}}')
    record = json.loads(data)
    assert record["cols"] == ["hour", name]
    assert (record["g"], record["v"], record["fb"], record["ids"]) == (7, 3, 4, ["a", "b"])
    assert record.get("err", "") == error


def test_a_lone_surrogate_does_not_break_a_record():
    assert records.to_bytes('"\ud800"') == b'"?"'


@given(st.lists(st.booleans(), max_size=40))
def test_a_mark_is_settled_exactly_when_all_numbers_before_it_are_closed(steps):
    pending, opened = Pending(), []
    for opens in steps:
        if opens or not opened:
            opened.append(pending.open())
        else:
            pending.close(opened.pop())
        mark = pending.mark()
        later = pending.open()
        assert pending.settled(mark) == (not opened)
        pending.close(later)
        assert len(pending) == len(opened)


def test_counters_are_written_as_prometheus_reads_them():
    counters = Counters()
    counter = counters.of('a"b', 3)
    for ms in (0.1, 0.3, 9999.0):
        counter.answered(ms)
    text = counters.text()
    assert 'regie_requests_total{endpoint="a\\"b",version="3"} 3' in text
    assert 'regie_latency_seconds_bucket{endpoint="a\\"b",version="3",le="0.00025"} 1' in text
    assert 'regie_latency_seconds_bucket{endpoint="a\\"b",version="3",le="2.5"} 2' in text
    assert 'regie_latency_seconds_bucket{endpoint="a\\"b",version="3",le="+Inf"} 3' in text


def rows_or_refusal(read, given) -> bool:
    """True for rows that are dicts, or for a refusal with a sentence and a status of the client's."""
    try:
        rows = read(given)
    except BadInput as refused:
        return bool(refused.what) and refused.status in (400, 413, 422)
    return bool(rows) and all(isinstance(row, dict) for row in rows)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_a_clear_refusal(body):
    assert rows_or_refusal(lambda data: bodies.scoring_records(bodies.parse(data)), body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(["dataframe_records", "dataframe_split", "inputs"]),
    JSON | st.fixed_dictionaries({"columns": JSON, "data": JSON}),
)
def test_any_json_in_a_known_form_is_rows_or_a_clear_refusal(form, value):
    assert rows_or_refusal(bodies.scoring_records, {form: value})
    assert rows_or_refusal(bodies.inference_records, {"inputs": value})
