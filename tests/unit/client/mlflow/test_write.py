import json

from hypothesis import given
from hypothesis import strategies as st

from regie.client.mlflow.write import BODY_BYTES, ENTITIES, PARAMS, TAGS, metric, packed, param, tag

entries = st.lists(
    st.one_of(
        st.builds(lambda key, value: metric(key, (0, 1, value)), st.text(max_size=5), st.floats(allow_nan=False)),
        st.builds(lambda size: param("p", "é" * size), st.integers(0, 6_000)),
        st.builds(lambda size: tag("t", "x" * size), st.integers(0, 8_000)),
    ),
    max_size=60,
)


@given(entries, st.integers(1, 60))
def test_batches_hold_every_entry_once_in_its_order_within_the_limits(some, times):
    said = some * times
    found = list(packed(said))
    assert all(found)
    for kind in ("metrics", "params", "tags"):
        assert [one for batch in found for one in batch.get(kind, [])] == [one for name, one in said if name == kind]
    for batch in found:
        assert sum(map(len, batch.values())) <= ENTITIES
        assert len(batch.get("params", [])) <= PARAMS
        assert len(batch.get("tags", [])) <= TAGS
        assert len(json.dumps(batch)) <= BODY_BYTES + 1_000
    if said:
        # The mark of completion is the last entry: nothing that stands before it may come after its batch.
        kind, last = said[-1]
        assert found[-1][kind][-1] is last


def test_points_are_read_only_as_far_as_they_are_sent():
    taken = 0

    def points():
        nonlocal taken
        for place in range(1_000_000):
            taken += 1
            yield metric("m", (place, place, 0.5))

    batches = packed(points())
    next(batches)
    assert taken <= ENTITIES + 1
