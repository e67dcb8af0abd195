"""The acts of the demo begin when they may, let the days pass in between, and bad versions meet weather that nobody has seen."""

from types import SimpleNamespace

import pandas as pd
import pytest

from regie.base.clock import DAY_MS, parse_iso
from regie.cli.story import badly, online, place, stream
from regie.cli.story.claims import Claims
from regie.cli.story.programme import Act, Programme

FIRST_MS = parse_iso("2013-05-01T00:00:00Z")
QUIET = {"rollout": None, "qualifications": [], "jobs": [], "breaches": []}
FLOW = (place.example() / "flow.py").read_text()


class Year:
    """Midnights of a year, a status that the test chooses, and what was played when."""

    def __init__(self, *acts):
        self.status, self.played, self.titles = dict(QUIET), [], []
        screen = SimpleNamespace(act=lambda number, title: self.titles.append(number))
        self.claims = Claims(2)
        here = SimpleNamespace(api=SimpleNamespace(status=lambda: self.status), screen=screen, claims=self.claims)
        self.replay = SimpleNamespace(midnight_ms=FIRST_MS, is_over=False)
        self.programme = Programme([Act(number, f"act {number}", begins, self.play(number, days)) for number, begins, days in acts],
                                   here, self.replay)  # fmt: skip

    def play(self, number, days):
        def played(here, replay):
            for _ in range(days):
                self.played.append((self.day, number, here.claims.act))
                yield

        return played

    @property
    def day(self):
        return 1 + (self.replay.midnight_ms - FIRST_MS) // DAY_MS

    def pass_days(self, days):
        for _ in range(days):
            self.programme.midnight()
            self.replay.midnight_ms += DAY_MS


def test_an_act_begins_on_its_day_and_each_yield_lets_one_day_pass():
    year = Year((4, "2013-05-03", 2))
    year.pass_days(6)
    assert year.played == [(3, 4, 4), (4, 4, 4)]
    assert year.programme.playing is None


def test_acts_follow_each_other_in_their_order_and_never_at_once():
    year = Year((4, "2013-05-01", 3), (5, "2013-05-01", 1), (5, "2013-05-02", 1))
    year.pass_days(9)
    assert [(day, number) for day, number, _ in year.played] == [(1, 4), (2, 4), (3, 4), (5, 5), (7, 5)]
    assert year.titles == [4, 5]  # an act of several scenes is announced once


@pytest.mark.parametrize("busy", ["rollout", "qualifications", "jobs", "breaches"])
def test_an_act_waits_until_nothing_is_under_way(busy):
    year = Year((4, "2013-05-01", 1))
    year.status[busy] = [{"kind": "quality"}]
    year.pass_days(3)
    assert year.played == []
    year.status = dict(QUIET)
    year.pass_days(1)
    assert [day for day, _, _ in year.played] == [4]


def test_drift_from_which_nothing_follows_keeps_no_act_waiting():
    year = Year((4, "2013-05-01", 1))
    year.status["breaches"] = [{"kind": "drift"}]
    year.pass_days(1)
    assert [day for day, _, _ in year.played] == [1]


def test_no_act_begins_when_the_year_is_over():
    year = Year((4, "2013-05-01", 1))
    year.replay.is_over = True
    year.pass_days(1)
    assert year.played == []


def test_what_an_act_claims_is_noted_as_its_own_and_what_the_year_claims_as_lifes():
    year = Year((7, "2013-05-01", 1))
    year.pass_days(1)
    assert [act for _, _, act in year.played] == [7]
    assert year.claims.act == 2


@pytest.mark.parametrize("edit", [badly.RAISES, badly.SLOW, badly.HUNGRY], ids=lambda edit: edit.name)
def test_a_bad_edit_of_the_example_is_python(edit):
    compile(edit.of(FLOW), "flow.py", "exec")
    assert edit.of(FLOW) != FLOW


def test_the_experiment_returns_a_score_and_no_model():
    assert "-> float:\n    data = rows(flights)" in badly.experiment(FLOW)
    compile(badly.experiment(FLOW), "flow.py", "exec")


@pytest.mark.parametrize("edit", [badly.RAISES.of, badly.experiment])
def test_an_edit_of_another_file_is_refused(edit):
    with pytest.raises(ValueError, match="not as the edit knows it"):
        edit("print('another file')\n")


@pytest.mark.parametrize("phrase", online.HURRIED)
def test_the_hurried_file_changes_phrases_that_the_example_has_once(phrase):
    assert (place.example() / "regie.yaml").read_text().count(phrase) == 1


def year_of(dewp, pressure):
    """A stream of 30 rows a day, with one dew point and one pressure for each day."""
    days = [pd.Timestamp("2013-01-01") + pd.Timedelta(day, "D") for day in range(len(dewp))]
    frame = pd.DataFrame({
        "flight_id": [f"{day}-{row}" for day in range(len(dewp)) for row in range(30)],
        "time": [day + pd.Timedelta(row, "min") for day in days for row in range(30)],
        "dewp": [value for value in dewp for _ in range(30)], "pressure": [value for value in pressure for _ in range(30)],
        "late": False,
    })  # fmt: skip
    return stream.of(frame)


def found(fits, days):
    """The days on which an act may begin."""
    return [day for day in range(9, days.days) if fits(SimpleNamespace(stream=days, today=day - 1))]


def test_a_bad_version_meets_values_that_neither_its_training_nor_its_judges_had():
    dewp = [50.0] * 12 + [61.0] + [50.0] * 7
    assert found(online.unseen("dewp"), year_of(dewp, [1000.0] * 20)) == [12]


def test_a_silent_station_counts_only_after_a_week_in_which_it_spoke():
    pressure = [1000.0] * 10 + [float("nan")] * 2 + [1000.0] * 8 + [float("nan")]
    assert found(online.silent, year_of([50.0] * 21, pressure)) == [10, 20]
