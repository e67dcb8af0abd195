import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.predictions.ids import ForgedId, PredictionIds, check, node_tag

KEY, OTHER = b"k" * 32, b"o" * 32


@given(tag=st.integers(0, 0xFFFF))
def test_an_id_tells_its_node_and_its_uuid(tag):
    one = PredictionIds(KEY, tag).new()
    assert len(one) == 48
    assert check(KEY, one) == one[:32]
    assert node_tag(one) == node_tag(one[:32]) == tag
    assert one[12] == "7"  # a UUIDv7, so that any tool can read it


@given(at=st.integers(0, 47), digit=st.sampled_from("0123456789abcdef"))
def test_an_id_with_any_digit_changed_is_forged(at, digit):
    one = PredictionIds(KEY, 7).new()
    if one[at] != digit:
        with pytest.raises(ForgedId):
            check(KEY, one[:at] + digit + one[at + 1 :])


@pytest.mark.parametrize("wrong", ["", "0" * 48, "0" * 47, "z" * 48, "0" * 49, "١" * 48, None, 12, "A" * 48])
def test_what_is_no_id_is_unknown_not_a_crash(wrong):
    with pytest.raises(ForgedId) as refused:
        check(KEY, wrong)
    assert refused.value.status == 404


def test_an_id_of_another_workspace_is_forged():
    with pytest.raises(ForgedId):
        check(OTHER, PredictionIds(KEY, 1).new())


def test_ids_only_grow_and_never_repeat_even_from_many_threads():
    ids = PredictionIds(KEY, 1)
    found: list[list[str]] = []

    def work() -> None:
        found.append([ids.new() for _ in range(2000)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert all(some == sorted(some) for some in found)
    assert len({one for some in found for one in some}) == 8000


def test_a_tag_that_does_not_fit_is_refused():
    with pytest.raises(BadInput):
        PredictionIds(KEY, 1 << 16)
