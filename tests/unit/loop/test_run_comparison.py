"""Runs beside each other: what differs, signed, better or worse only where that is known."""

import math

from regie.loop import run_comparison
from regie.loop.run_comparison import Difference, Row, axis, difference, measured
from regie.loop.run_origin import requirements

NAN = math.nan


def test_a_row_differs_where_any_run_has_another_value_or_none():
    rows = {
        one.name: one
        for one in run_comparison.rows([{"a": 1.0, "b": NAN, "c": "x"}, {"a": 1.0, "b": NAN}, {"a": 1.0, "b": NAN, "c": "x"}])
    }
    assert [rows[name].differs for name in "abc"] == [False, False, True]
    assert rows["c"].values == ("x", None, "x")


def test_a_difference_is_better_or_worse_only_where_a_direction_is_known():
    for base, value, way, expected in (
        (0.5, 0.4, "lower", Difference(-0.1, -0.2, True)), (0.5, 0.6, "lower", Difference(0.1, 0.2, False)),
        (0.5, 0.6, "higher", Difference(0.1, 0.2, True)), (0.5, 0.6, None, Difference(0.1, 0.2, None)),
        (0.5, 0.5, "lower", Difference(0.0, 0.0, None)), (0.0, 1.0, "higher", Difference(1.0, None, True)),
        (-2.0, -1.0, None, Difference(1.0, 0.5, None)),
    ):  # fmt: skip
        found = difference(base, value, way)
        assert (round(found.by, 9), found.part and round(found.part, 9), found.better) == (
            expected.by,
            expected.part,
            expected.better,
        )
    for base, value in ((None, 1.0), (1.0, None), (NAN, 1.0), (1.0, NAN), (1.0, math.inf), ("a", 1.0)):
        assert difference(base, value, "lower") is None


def test_the_reference_has_no_difference_from_itself():
    row = measured(Row("auc", (0.7, 0.8, None), True), 1, "higher")
    assert row.differences[1] is None
    assert row.differences[2] is None
    assert row.differences[0].better is False


def test_an_axis_is_of_numbers_or_of_texts_and_of_nothing_there_is_none():
    numbers = axis(Row("depth", ("10", "2", None), True))
    assert (numbers.numbers, numbers.low, numbers.high, numbers.texts) == ((10.0, 2.0, None), 2.0, 10.0, ())
    texts = axis(Row("booster", ("gbdt", "dart", None), True))
    assert (texts.numbers, texts.texts) == ((1.0, 0.0, None), ("dart", "gbdt"))
    assert axis(Row("loss", (NAN, 1.0), True)).numbers == (None, 1.0)
    assert axis(Row("loss", (NAN, None), True)) is None


def test_code_differs_by_file_with_lines_that_say_how():
    before = {"same.py": "a\n", "gone.py": "x\n", "flow.py": "one\ntwo\nthree\n"}
    now = {"same.py": "a\n", "new.py": "y\nz\n", "flow.py": "one\n2\nthree\n"}
    files, more = run_comparison.code(before, now)
    assert not more
    assert [(one.path, one.state) for one in files] == [("flow.py", "changed"), ("gone.py", "removed"), ("new.py", "added")]
    assert files[0].lines == ("@@ -1,3 +1,3 @@", " one", "-two", "+2", " three")
    assert (files[1].lines, files[2].lines) == (("-x",), ("+y", "+z"))


def test_a_comparison_of_code_is_bounded_in_files_and_lines():
    huge = "\n".join(map(str, range(run_comparison.MAX_LINES + 1)))
    files, _ = run_comparison.code({"a.py": huge}, {"a.py": huge + "\nx"})
    assert (files[0].lines, files[0].cut) == ((), True)
    files, more = run_comparison.code({}, {f"{number:04d}.py": "x\n" * 100 for number in range(run_comparison.MAX_FILES + 1)})
    assert more
    assert sum(len(one.lines) for one in files) == run_comparison.MAX_SHOWN


def test_many_files_that_are_slow_to_compare_cost_no_more_than_is_shown():
    lines = [str(number % 150) for number in range(1_500)]
    before = {f"{number:03d}.py": "\n".join(lines) for number in range(run_comparison.MAX_FILES)}
    now = {path: "\n".join(str(int(line) * 7 % 150) for line in lines) for path in before}
    files, _ = run_comparison.code(before, now)
    assert sum(len(one.lines) for one in files) == run_comparison.MAX_SHOWN
    assert {(one.lines, one.cut) for one in files[10:]} == {((), True)}


def test_requirements_are_read_as_they_are_written():
    said = "\n# comment\n-r other.txt\n--hash=x\nnumpy==2.4.0\nscikit_learn[all] >= 1.7 ; python_version > '3'\ntorch\n"
    assert requirements(said) == {"numpy": "2.4.0", "scikit-learn": ">= 1.7", "torch": ""}
