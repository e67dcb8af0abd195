"""The heat strip: features in order of how often they were strange, and a reason for each window that is missing."""

from dataclasses import replace

from regie.monitoring.strip import Gap, Missing, because, gaps, rows

DAY = 86_400_000
JUDGED = Missing(to_ms=10 * DAY, needs_ms=9 * DAY, champion_ms=DAY, ripe_ms=20 * DAY, first_ms=2 * DAY, asked=True, labels=False)


def test_the_feature_that_was_strange_most_often_stands_first():
    found = rows([[["calm", 0.2], ["often", 1.1]], [["often", 1.2], ["once", 9.0]], [["often", 0.4]]], 1.0)
    assert [(one.name, one.strange) for one in found] == [("often", 2), ("once", 1), ("calm", 0)]
    assert found[1].values == (None, 9.0, None)


def test_levels_rise_with_the_value_and_three_begins_above_the_bound():
    (row,) = rows([[["a", value]] for value in (-1.0, 0.25, 0.4, 0.8, 1.0, 1.01, 1.6, 99.0)], 1.0)
    assert row.levels == (0, 0, 1, 2, 2, 3, 4, 5)
    assert [level >= 3 for level in row.levels] == [value > 1.0 for value in row.values]


def test_no_window_gives_no_row_and_too_many_features_are_cut_off():
    assert rows([], 1.0) == []
    assert len(rows([[[f"f{number}", 1.0] for number in range(500)]], 1.0)) == 100


def test_each_missing_window_has_its_reason():
    said = {
        "champion.none": replace(JUDGED, champion_ms=None),
        "labels.not_ripe": replace(JUDGED, labels=True, ripe_ms=9 * DAY),
        "window.open": replace(JUDGED, ripe_ms=9 * DAY),
        "champion.new": replace(JUDGED, champion_ms=9 * DAY + 1),
        "monitor.later": replace(JUDGED, first_ms=11 * DAY),
        "nothing.asked": replace(JUDGED, asked=False),
        "watch.late": JUDGED,
    }
    assert {reason: because(missing) for reason, missing in said.items()} == {reason: reason for reason in said}


def test_neighbours_with_one_reason_are_one_gap():
    missing = [replace(JUDGED, to_ms=day * DAY) for day in (3, 4, 5)] + [replace(JUDGED, to_ms=6 * DAY, asked=False)]
    missing.append(replace(JUDGED, to_ms=9 * DAY, asked=False))
    assert gaps(missing, DAY) == [
        Gap(3 * DAY, 5 * DAY, "watch.late"), Gap(6 * DAY, 6 * DAY, "nothing.asked"), Gap(9 * DAY, 9 * DAY, "nothing.asked"),
    ]  # fmt: skip
