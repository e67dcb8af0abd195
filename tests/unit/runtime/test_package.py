import json
import shutil
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from regie.base.blobs import BlobStore
from regie.base.errors import BadInput, NotThereYet
from regie.runtime import facts
from regie.runtime.manifest import pack
from regie.runtime.mlmodel import PackageRefused
from regie.runtime.package import open_package, write_package
from regie.runtime.pickles import PickleRefused
from regie.runtime.signature import BadRow, Column

RANDOM = np.random.default_rng(1)
N = 600
FRAME = pd.DataFrame({
    "distance": RANDOM.normal(size=N), "hour": RANDOM.integers(0, 24, N),
    "wind": np.where(RANDOM.random(N) < 0.2, np.nan, RANDOM.random(N)),
    "carrier": pd.Categorical(RANDOM.choice(["UA", "AA", "B6"], N), categories=["UA", "AA", "B6"]),
    "holiday": RANDOM.random(N) < 0.1,
})  # fmt: skip
NUMBERS = FRAME[["distance", "hour"]]
LATE = ((FRAME["distance"] + (FRAME["carrier"] == "UA") + RANDOM.normal(size=N)) > 0).astype(int)
SIGNATURE = (Column("distance", "float"), Column("hour", "int"), Column("wind", "float", True), Column("carrier", "str", True),
             Column("holiday", "bool"))  # fmt: skip
NUMBERS_SIGNATURE = SIGNATURE[:2]
RECORD = {"distance": 0.3, "hour": 7, "wind": None, "carrier": "AA", "holiday": False}


def copied(folder, to):
    shutil.copytree(folder, to, dirs_exist_ok=True)


def trees(**settings):
    return lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1, **settings)


def records(frame, count=50):
    # pandas shows a missing string and a missing number alike; an endpoint gets null
    return [
        {name: None if value != value else value for name, value in one.items()} for one in frame.head(count).to_dict("records")
    ]


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    model = trees().fit(FRAME, LATE)
    write_package(folder, model, SIGNATURE, FRAME, 1, "binary")
    return folder, model


def test_a_lightgbm_package_answers_as_the_model_it_was_made_from_without_a_frame(flights):
    folder, model = flights
    package = open_package(folder)
    assert package.path_name == "lightgbm-rows"
    assert package.parity == {"rows": 4096, "proved": True, "greatest_difference": 0.0}
    wanted = model.predict_proba(FRAME)[:, 1]
    assert np.array_equal(package.answer_records(records(FRAME, N)), wanted)
    assert [package.answer_records([one])[0] for one in records(FRAME)] == wanted[:50].tolist()
    assert package.answer([]) == []


def test_an_unknown_category_and_a_null_are_answered_as_missing_as_lightgbm_itself_does(flights):
    folder, model = flights
    package = open_package(folder)
    unseen = FRAME.head(1).assign(carrier=pd.Categorical([None], categories=["UA", "AA", "B6"]), wind=np.nan)
    wanted = model.predict_proba(unseen)[0, 1]
    first = records(FRAME, 1)[0]
    for carrier in ("nobody knows it", None, ""):
        assert package.answer_records([{**first, "carrier": carrier, "wind": None}]) == [wanted]


def test_mlflow_loads_the_package_and_answers_the_same(flights):
    folder, model = flights
    wanted = model.predict_proba(FRAME)[:, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow warns of type hints of its own and of integer columns
        import mlflow.lightgbm
        import mlflow.pyfunc

        assert np.array_equal(mlflow.lightgbm.load_model(str(folder)).predict(FRAME, num_threads=1), wanted)
        pyfunc = mlflow.pyfunc.load_model(str(folder))
        plain = FRAME.assign(carrier=FRAME["carrier"].astype(str))
        assert np.array_equal(pyfunc.predict(plain), wanted)
        unseen = pyfunc.predict(plain.assign(carrier="nobody knows it"))
    strange = [{**one, "carrier": "nobody knows it"} for one in records(FRAME, N)]
    assert np.array_equal(open_package(folder).answer_records(strange), unseen)
    assert [one.name for one in pyfunc.metadata.signature.inputs] == list(FRAME.columns)


def test_mlflow_loads_a_scikit_learn_package_and_answers_the_same(tmp_path):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(NUMBERS, LATE)
    write_package(tmp_path, model, NUMBERS_SIGNATURE, NUMBERS, 1, "binary")
    ours = open_package(tmp_path)
    assert ours.path_name == "numpy-rows"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        import mlflow.sklearn

        theirs = mlflow.pyfunc.load_model(str(tmp_path)).predict(NUMBERS)
        assert np.array_equal(mlflow.sklearn.load_model(str(tmp_path)).predict(NUMBERS), model.predict(NUMBERS))
    np.testing.assert_allclose(ours.answer_records(records(NUMBERS, N)), theirs[:, 1], atol=1e-12)


WITHOUT_REGIE = """
import sys, warnings
warnings.simplefilter("ignore")
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "regie":
            raise ImportError("Regie is not installed")
sys.meta_path.insert(0, Absent())
import mlflow.pyfunc, pandas
frame = pandas.DataFrame({"distance": [0.3], "hour": [7], "wind": [None], "carrier": ["AA"], "holiday": [False]})
frame["wind"] = frame["wind"].astype(float)
print(repr(float(mlflow.pyfunc.load_model(sys.argv[1]).predict(frame)[0])))
"""


def test_a_package_answers_where_regie_is_not_installed(flights):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_REGIE, flights[0]], capture_output=True, text=True, check=True, timeout=60
    )
    assert float(done.stdout) == open_package(flights[0]).answer_records([RECORD])[0]


def encoder():
    return ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["carrier"])], remainder="passthrough")


@pytest.mark.parametrize(
    ("model", "columns", "path"),
    [
        (HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype"), list(FRAME), "native"),
        (make_pipeline(encoder(), HistGradientBoostingClassifier(max_iter=5)), list(FRAME), "native"),
        (RandomForestClassifier(5, n_jobs=-1), ["distance", "hour"], "numpy-rows"),
        (
            make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(n_estimators=5, verbose=-1)),
            ["distance", "hour"],
            "numpy-rows",
        ),
    ],
)
def test_scikit_learn_models_answer_the_same_on_the_path_that_was_proved(tmp_path, model, columns, path):
    frame, signature = FRAME[columns], tuple(column for column in SIGNATURE if column.name in columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(frame, LATE)
        wanted = model.predict_proba(frame)[:, 1]
        write_package(tmp_path, model, signature, frame, 1, "binary")
    package = open_package(tmp_path)
    assert package.path_name == path
    np.testing.assert_allclose(package.answer_records(records(frame, N)), wanted, atol=1e-12)
    assert package.answer_records(records(frame, 1)) == pytest.approx(wanted[:1])


def test_the_positive_class_is_the_one_that_was_named_whatever_its_place(tmp_path):
    named = np.where(LATE == 1, "late", "on time")  # "late" sorts first
    for model, where in ((trees().fit(NUMBERS, named), "a"), (LogisticRegression().fit(NUMBERS, named), "b")):
        write_package(tmp_path / where, model, NUMBERS_SIGNATURE, NUMBERS, "late", "binary")
        package = open_package(tmp_path / where)
        assert package.classes == ("late", "on time")
        np.testing.assert_allclose(package.answer_records(records(NUMBERS)), model.predict_proba(NUMBERS)[:50, 0], atol=1e-12)
        with pytest.raises(BadInput, match="never saw the positive class"):
            write_package(tmp_path / (where + "2"), model, NUMBERS_SIGNATURE, NUMBERS, "tardy", "binary")


def test_regression_and_several_classes_give_a_number_and_a_list_of_numbers(tmp_path):
    three = FRAME["hour"] % 3
    for name, model in (("lgb", trees()), ("skl", LogisticRegression())):
        model.fit(NUMBERS, three)
        write_package(tmp_path / name, model, NUMBERS_SIGNATURE, NUMBERS, None, "multiclass")
        answers = open_package(tmp_path / name).answer_records(records(NUMBERS))
        np.testing.assert_allclose(answers, model.predict_proba(NUMBERS)[:50], atol=1e-12)
        assert isinstance(answers[0], list)
    for name, model in (("lgbr", lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1)), ("sklr", LinearRegression())):
        model.fit(NUMBERS, FRAME["wind"].fillna(0))
        write_package(tmp_path / name, model, NUMBERS_SIGNATURE, NUMBERS, None, "regression")
        answers = open_package(tmp_path / name).answer_records(records(NUMBERS))
        np.testing.assert_allclose(answers, model.predict(NUMBERS)[:50], atol=1e-12)
        assert isinstance(answers[0], float)


def test_a_booster_stopped_early_answers_with_the_trees_that_were_kept(tmp_path):
    stop = [lightgbm.early_stopping(3, verbose=False)]
    model = trees().set_params(n_estimators=200)
    model.fit(FRAME.head(300), LATE.head(300), eval_X=FRAME.tail(300), eval_y=LATE.tail(300), callbacks=stop)
    assert 0 < model.best_iteration_ < 100
    write_package(tmp_path / "a", model, SIGNATURE, FRAME, 1, "binary")
    write_package(tmp_path / "b", model.booster_, SIGNATURE, FRAME, 1, "binary")
    for name in "ab":
        assert np.array_equal(open_package(tmp_path / name).answer_records(records(FRAME)), model.predict_proba(FRAME)[:50, 1])


def test_the_same_model_gives_the_same_package_byte_for_byte(tmp_path, flights):
    folder, model = flights
    write_package(tmp_path / "again", model, SIGNATURE, FRAME, 1, "binary")
    blobs = BlobStore(tmp_path / "blobs")
    assert pack(folder, blobs) == pack(tmp_path / "again", blobs)


def test_a_fast_path_that_no_longer_answers_as_it_was_proved_is_not_taken(tmp_path, flights):
    folder, model = flights
    known = facts.read(folder)
    copied(folder, tmp_path)
    wrong = replace(known, signature=tuple(replace(c, categories=c.categories and c.categories[::-1]) for c in known.signature))
    wrong.write(tmp_path)  # as if another version of a library gave other codes
    package = open_package(tmp_path)
    assert package.path_name == "native"
    assert np.array_equal(package.answer_records(records(FRAME)), model.predict_proba(FRAME)[:50, 1])


def test_a_missing_or_mistyped_feature_is_refused_before_the_model_sees_it(flights):
    package = open_package(flights[0])
    with pytest.raises(BadRow, match="hour is missing"):
        package.answer_records([{name: value for name, value in RECORD.items() if name != "hour"}])
    with pytest.raises(BadRow) as problem:
        package.answer_records([RECORD, {**RECORD, "distance": "far"}])
    assert (problem.value.row, problem.value.column) == (2, "distance")


def test_threads_that_answer_at_once_get_the_answers_of_their_own_rows(flights):
    package = open_package(flights[0])
    some = records(FRAME, 200)
    wanted = package.answer_records(some)
    wrong: list[int] = []

    def work(start: int) -> None:
        for n in [*range(start, 200), *range(start)]:
            if package.answer_records([some[n]]) != [wanted[n]]:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(20 * n,)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert wrong == []


def test_folders_that_the_mlflow_client_wrote_are_answered_from(tmp_path):
    booster = trees().fit(FRAME, LATE)
    line = LogisticRegression().fit(NUMBERS, LATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.lightgbm
        import mlflow.sklearn
        from mlflow.models import infer_signature

        said = infer_signature(FRAME, booster.predict(FRAME))
        mlflow.lightgbm.save_model(
            booster, str(tmp_path / "a"), signature=said, serialization_format="pickle", pip_requirements=[]
        )
        mlflow.lightgbm.save_model(booster.booster_, str(tmp_path / "b"), signature=said, pip_requirements=[])
        said = infer_signature(NUMBERS)
        by_cloud, by_pickle = {"serialization_format": "cloudpickle"}, {"serialization_format": "pickle"}
        mlflow.sklearn.save_model(line, str(tmp_path / "c"), signature=said, pip_requirements=[], **by_cloud)
        mlflow.sklearn.save_model(line, str(tmp_path / "d"), pip_requirements=[], **by_pickle)
    for name in "ab":
        package = open_package(tmp_path / name)
        assert (package.path_name, package.kind, package.signature[3].categories) == ("native", "binary", ("UA", "AA", "B6"))
        whole = FRAME.dropna()
        assert np.array_equal(package.answer_records(records(whole)), booster.predict_proba(whole)[:50, 1])
    assert open_package(tmp_path / "c").answer_records(records(NUMBERS)) == pytest.approx(line.predict_proba(NUMBERS)[:50, 1])
    with pytest.raises(PackageRefused, match="no signature"):
        open_package(tmp_path / "d")
    assert open_package(tmp_path / "d", NUMBERS_SIGNATURE).kind == "binary"


def mlmodel(folder: Path, flavors: dict) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "MLmodel").write_text(json.dumps({"flavors": flavors}))
    return folder


@pytest.mark.parametrize(
    ("flavors", "words"),
    [
        ({"pytorch": {}, "python_function": {}}, "pytorch"),
        ({"python_function": {"loader_module": "mlflow.pyfunc.model"}}, "python_function"),
        ({"sklearn": {"pickled_model": "../../etc/passwd"}}, "is not in it"),
        ({"sklearn": {"pickled_model": "/etc/passwd"}}, "is not in it"),
        ({"sklearn": {}}, "is not in it"),
        ({"sklearn": {"pickled_model": "MLmodel", "serialization_format": "skops"}}, "skops"),
        ({"lightgbm": {"data": "MLmodel"}}, "LightGBM cannot read"),
        ({"lightgbm": {"data": "gone.lgb"}}, "is not in it"),
    ],
)
def test_what_is_not_answered_from_here_is_refused_with_the_reason(tmp_path, flavors, words):
    with pytest.raises(PackageRefused, match=words):
        open_package(mlmodel(tmp_path / "p", flavors))


def test_folders_that_are_no_packages_are_refused_with_the_reason(tmp_path):
    with pytest.raises(PackageRefused, match="cannot be read"):
        open_package(tmp_path)
    (tmp_path / "MLmodel").write_text("flavors: [")
    with pytest.raises(PackageRefused, match="cannot be read"):
        open_package(tmp_path)
    (tmp_path / "MLmodel").write_text("just text")
    with pytest.raises(PackageRefused, match="no flavors"):
        open_package(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "kind": "binary"}', '{"format": 1, "kind": "magic"}'])
def test_a_broken_regie_json_is_refused_not_guessed(tmp_path, flights, text):
    copied(flights[0], tmp_path)
    (tmp_path / "regie.json").write_text(text)
    with pytest.raises(PackageRefused):
        open_package(tmp_path)


def own_code(frame):
    return frame


def test_models_that_cannot_be_packaged_say_why(tmp_path):
    class Own:
        __module__ = "xgboost.sklearn"

    with pytest.raises(NotThereYet, match="isolated process"):
        write_package(tmp_path / "a", Own(), NUMBERS_SIGNATURE, NUMBERS, 1, "binary")
    model = make_pipeline(FunctionTransformer(own_code), LogisticRegression()).fit(NUMBERS, LATE)
    with pytest.raises(PickleRefused, match="own_code"):
        write_package(tmp_path / "b", model, NUMBERS_SIGNATURE, NUMBERS, 1, "binary")
    with pytest.raises(BadInput, match="no probabilities"):
        write_package(tmp_path / "c", LinearSVC().fit(NUMBERS, LATE), NUMBERS_SIGNATURE, NUMBERS, 1, "binary")
    own = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1, objective=lambda true, raw: (raw - true, np.ones_like(raw)))
    with pytest.raises(PackageRefused, match="objective of its own"):
        write_package(tmp_path / "d", own.fit(NUMBERS, LATE), NUMBERS_SIGNATURE, NUMBERS, 1, "binary")


def test_an_example_that_does_not_fit_the_signature_is_refused(tmp_path):
    model = LogisticRegression().fit(NUMBERS, LATE)
    with pytest.raises(BadInput, match="columns"):
        write_package(tmp_path / "a", model, NUMBERS_SIGNATURE[::-1], NUMBERS, 1, "binary")
    with pytest.raises(BadRow):
        write_package(tmp_path / "b", model, (Column("distance", "str"), NUMBERS_SIGNATURE[1]), NUMBERS, 1, "binary")
    with pytest.raises(BadInput, match="no row"):
        write_package(tmp_path / "c", model, NUMBERS_SIGNATURE, NUMBERS.head(0), 1, "binary")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(BadInput, match="not empty"):
        write_package(tmp_path / "full", model, NUMBERS_SIGNATURE, NUMBERS, 1, "binary")
