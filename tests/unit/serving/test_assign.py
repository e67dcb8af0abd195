from math import sqrt

from hypothesis import given
from hypothesis import strategies as st

from regie.serving.assign import assign, fraction
from regie.serving.routefile import Endpoint, Variant


def endpoint(*variants: Variant, generation: int = 1) -> Endpoint:
    return Endpoint("flights", "w", b"k", generation, "flights", variants)


def variant(version: int, role: str = "champion", mode: str = "live", share: float = 1.0, only: str = "") -> Variant:
    return Variant(version, "sha256:", "p", role, mode, share, only)


def canary(share: float, generation: int = 1) -> Endpoint:
    shadow = variant(1, mode="shadow", only="challenger")
    return endpoint(variant(1, share=1 - share), variant(2, "challenger", share=share), shadow, generation=generation)


def test_without_a_champion_nothing_is_assigned():
    assert assign(endpoint(), "k") is None


def test_a_champion_alone_answers_everything():
    assert assign(endpoint(variant(1)), "k").live.version == 1


@given(st.text(max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_key_that_met_the_challenger_meets_it_also_when_its_share_grows(key, one, other):
    small, great = sorted((one, other))
    if assign(canary(small), key).live.version == 2:
        assert assign(canary(great, generation=9), key).live.version == 2


@given(st.text(max_size=30), st.integers(1, 99))
def test_the_same_key_meets_the_same_variant_in_every_generation(key, generation):
    assert assign(canary(0.3), key).live.version == assign(canary(0.3, generation), key).live.version


@given(st.text(max_size=30))
def test_shares_of_none_and_of_all_are_exact(key):
    assert assign(canary(0.0), key).live.version == 1
    assert assign(canary(1.0), key).live.version == 2


def test_shares_hold_within_binomial_bounds_for_live_and_shadow():
    many = 20_000
    table = endpoint(variant(1, share=0.9), variant(2, "challenger", share=0.1), variant(3, "former", "shadow", 0.25))
    assigned = [assign(table, str(number)) for number in range(many)]
    for share, seen in ((0.1, sum(a.live.version == 2 for a in assigned)), (0.25, sum(bool(a.shadows) for a in assigned))):
        assert abs(seen / many - share) < 4 * sqrt(share * (1 - share) / many)


def test_the_champion_shadows_only_what_the_challenger_answered():
    for number in range(200):
        assigned = assign(canary(0.5), str(number))
        assert [shadow.version for shadow in assigned.shadows] == ([1] if assigned.live.version == 2 else [])


def test_another_challenger_meets_other_keys():
    def keys(version: int) -> set[int]:
        table = endpoint(variant(1, share=0.9), variant(version, "challenger", share=0.1))
        return {number for number in range(3000) if assign(table, str(number)).live.version == version}

    assert len(keys(2) & keys(3)) < 0.5 * len(keys(2))


@given(st.text(max_size=30))
def test_a_fraction_lies_from_0_to_below_1(text):
    assert 0 <= fraction("salt", text) < 1
