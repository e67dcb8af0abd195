import functools
import io
import os
import pickle
import pickletools
import subprocess
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC

from regie.runtime.pickles import PickleRefused, allowed, check, load

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 3))
Y = (X[:, 0] > 0).astype(int)


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def name(module, attribute):
    """The opcodes of protocol 4 that push what a name stands for, dots included."""

    def short(text):
        return pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode()

    return short(module) + short(attribute) + pickle.STACK_GLOBAL


def marker_of(folder):
    return folder / "the-pickle-ran"


def hostile(folder):
    mark = str(marker_of(folder))
    code = f"open({mark!r}, 'w')"
    yield "os.system", pickle.dumps(Calls(os.system, f"touch {mark}"))
    yield "os.system by protocol 0", pickle.dumps(Calls(os.system, f"touch {mark}"), protocol=0)
    yield "eval", pickle.dumps(Calls(eval, code))
    yield "exec", pickle.dumps(Calls(exec, code))
    yield "open", pickle.dumps(Calls(open, mark, "w"))
    yield "subprocess", pickle.dumps(Calls(subprocess.Popen, ["touch", mark]))
    yield "a partial of os.system", pickle.dumps(functools.partial(os.system, f"touch {mark}"))
    yield "getattr", pickle.dumps(Calls(getattr, "", "join"))
    yield "a memory map that truncates a file", pickle.dumps(Calls(np.memmap, mark, "u1", "w+", 0, (1,)))
    yield "numpy writing a file", pickle.dumps(Calls(np.save, mark, X))
    yield "pandas unpickling again", pickle.dumps(Calls(pd.read_pickle, mark))
    yield "pandas eval", pickle.dumps(Calls(pd.eval, "1"))
    yield "numpy's test runner", pickle.dumps(Calls(np.testing.rundocs, mark))
    yield "a transformer with os.system inside", pickle.dumps(FunctionTransformer(os.system))
    yield "hidden behind good content", pickle.dumps([LogisticRegression().fit(X, Y), {"a": Calls(os.system, f"touch {mark}")}])
    yield (
        "dots through an allowed class",
        (
            pickle.PROTO
            + b"\x04"
            + name("sklearn.linear_model._logistic", "LogisticRegression.__init__.__globals__")
            + pickle.STOP
        ),
    )
    yield "dots through numpy", pickle.PROTO + b"\x04" + name("numpy", "ndarray.tofile") + pickle.STOP
    yield "a module inside an allowed one", pickle.PROTO + b"\x04" + name("sklearn.base", "warnings") + pickle.STOP
    yield "a function of an allowed module", pickle.PROTO + b"\x04" + name("sklearn.base", "clone") + pickle.STOP
    parallel = name("sklearn.ensemble._forest", "Parallel")
    yield "a class that an allowed module only imports", pickle.PROTO + b"\x04" + parallel + pickle.STOP
    yield (
        "a distribution that passes its state to exec",
        (pickle.PROTO + b"\x04" + name("scipy.stats._distn_infrastructure", "rv_continuous") + pickle.STOP),
    )
    yield "joblib", pickle.PROTO + b"\x04" + name("joblib.numpy_pickle", "NumpyArrayWrapper") + pickle.STOP
    yield "by code of cloudpickle", pickle.PROTO + b"\x04" + name("cloudpickle.cloudpickle", "_make_function") + pickle.STOP
    yield "a module that would be imported", pickle.PROTO + b"\x04" + name("antigravity", "fly") + pickle.STOP
    yield "from outside the file", pickle.PROTO + b"\x04" + b"Psomewhere\n" + pickle.STOP
    yield "a registered extension", pickle.PROTO + b"\x04" + pickle.EXT1 + b"\x07" + pickle.STOP
    yield "changing a class for everybody", (  # BUILD with slots on the class itself: setattr(LogisticRegression, "x", 1)
        pickle.PROTO + b"\x04" + name("sklearn.linear_model._logistic", "LogisticRegression")
        + b"N" + b"}" + pickle.SHORT_BINUNICODE + b"\x01x" + b"K\x01" + b"s" + pickle.TUPLE2 + pickle.BUILD + pickle.STOP
    )  # fmt: skip


CASES = [case for case, _ in hostile(Path("/nowhere"))]


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_pickle_is_refused_and_nothing_of_it_runs(case, tmp_path):
    data = dict(hostile(tmp_path))[case]
    pickletools.dis(data, io.StringIO())  # it is a pickle, not garbage
    with pytest.raises(PickleRefused) as refused:
        load(data, "model.pkl")
    assert not marker_of(tmp_path).exists()
    assert not hasattr(LogisticRegression, "x")
    assert refused.value.code == "package.pickle_refused"


def test_the_same_hostile_pickle_does_run_where_nobody_asks_so_that_this_test_can_fail(tmp_path):
    pickle.loads(dict(hostile(tmp_path))["eval"]).close()
    assert marker_of(tmp_path).exists()


def test_the_refusal_names_what_the_pickle_wanted(tmp_path):
    with pytest.raises(PickleRefused) as refused:
        load(pickle.dumps(Calls(os.system, "true")), "model.pkl")
    assert refused.value.name in ("posix.system", "os.system", "nt.system")
    assert refused.value.name in str(refused.value)
    assert "isolated process" in str(refused.value)


def test_a_name_on_the_list_that_comes_before_a_refused_one_does_not_run_either(tmp_path):
    data = pickle.dumps([np.arange(3), Calls(os.system, f"touch {marker_of(tmp_path)}")])
    with pytest.raises(PickleRefused):
        check(data)


BROKEN = [b"", b"\x80\x05", b"not a pickle", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", b"(((.", b"0."]


@pytest.mark.parametrize("data", BROKEN)
def test_what_is_no_pickle_is_refused_not_a_crash(data):
    with pytest.raises(PickleRefused):
        load(data)


def test_a_joblib_file_is_refused(tmp_path):
    joblib.dump(LogisticRegression().fit(X, Y), tmp_path / "model.joblib")
    with pytest.raises(PickleRefused):
        load((tmp_path / "model.joblib").read_bytes())


FRAME = pd.DataFrame({"a": X[:, 0], "c": pd.Categorical(RANDOM.choice(["x", "y"], 80)), "s": RANDOM.choice(["u", "v"], 80)})
MODELS = [
    LogisticRegression(), SGDClassifier(loss="log_loss"), RandomForestClassifier(5), GradientBoostingRegressor(n_estimators=5),
    KNeighborsClassifier(), MLPClassifier((3,), max_iter=300, solver="lbfgs", random_state=0), SVC(),
    HistGradientBoostingClassifier(max_iter=5),
    make_pipeline(StandardScaler(), SelectKBest(f_classif, k=2), LogisticRegression()),
    make_pipeline(SplineTransformer(), LogisticRegression()), make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model).split("(")[0] + str(len(str(model))))
@pytest.mark.parametrize("protocol", [2, 5])
def test_models_of_every_day_are_loaded_and_answer_the_same(model, protocol):
    fitted = model.fit(np.abs(X), Y)
    again = load(pickle.dumps(fitted, protocol=protocol))
    assert np.array_equal(again.predict(np.abs(X)), fitted.predict(np.abs(X)))


def test_models_of_columns_categories_text_and_curves_are_loaded_too():
    columns = ColumnTransformer([("one", OneHotEncoder(handle_unknown="ignore"), ["c", "s"])], remainder="passthrough")
    pipe = make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)
    assert np.array_equal(load(pickle.dumps(pipe)).predict(FRAME), pipe.predict(FRAME))
    trees = HistGradientBoostingClassifier(max_iter=5, categorical_features=["c"]).fit(FRAME[["a", "c"]], Y)
    assert np.array_equal(load(pickle.dumps(trees)).predict(FRAME[["a", "c"]]), trees.predict(FRAME[["a", "c"]]))
    text = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(FRAME["s"] + " word", Y)
    assert np.array_equal(load(pickle.dumps(text)).predict(FRAME["s"]), text.predict(FRAME["s"]))
    curve = IsotonicRegression().fit(X[:, 0], Y)
    assert np.array_equal(load(pickle.dumps(curve)).predict([0.1]), curve.predict([0.1]))


def test_arrays_of_objects_and_frames_of_numbers_are_loaded():
    frame = pd.DataFrame(X)
    pd.testing.assert_frame_equal(load(pickle.dumps(frame)), frame)
    assert load(pickle.dumps(np.array(["a", None, 1], dtype=object))).tolist() == ["a", None, 1]


def test_a_name_is_refused_before_its_module_is_imported():
    with pytest.raises(LookupError):
        allowed("this_module_does_not_exist.tests", "X")
    with pytest.raises(LookupError):
        allowed("sklearn.tests.test_base", "MyEstimator")
