import pytest

from regie.base.errors import BadInput
from regie.predictions.windows import broken_of


@pytest.mark.parametrize(
    ("broken", "needed", "of", "result"),
    [
        ([], 1, 1, False),
        ([True], 1, 1, True),
        ([True, True, False, False], 2, 3, False),  # the old ones are forgotten
        ([False, True, False, True], 2, 3, True),
        ([True, True], 2, 3, True),  # two of the windows there are
        ([True, False, False], 2, 3, False),
    ],
)
def test_a_promise_is_broken_when_enough_of_the_newest_windows_broke_it(broken, needed, of, result):
    assert broken_of(broken, needed, of) is result


def test_rules_that_mean_nothing_are_refused():
    for needed, of in ((0, 3), (4, 3)):
        with pytest.raises(BadInput):
            broken_of([True], needed, of)
