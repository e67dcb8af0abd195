"""Three edits of the example's flow.py, as they happen: each keeps every promise while it is judged, and breaks in production.

Each meets weather that neither the rows it learned from nor those that judged it had: a station that is silent for hours, air more
humid than ever, more rain than ever in an hour.
"""

from dataclasses import dataclass

HONEST = "    return Model(estimator.fit(rows.features, rows.label))\n"
IMPORTS = "from lightgbm import LGBMClassifier\n"


@dataclass(frozen=True)
class Edit:
    """What somebody did to flow.py: `imports` beside those that are there, `fit` in place of the step's last line."""

    name: str
    does: str
    meant: str
    imports: str
    fit: str

    def of(self, flow: str) -> str:
        """The edited file. Raises ValueError where flow.py is no longer as the edit knows it."""
        for line, instead in ((IMPORTS, IMPORTS + self.imports), (HONEST, self.fit)):
            if flow.count(line) != 1:
                raise ValueError(f"flow.py is not as the edit knows it: {line}")
            flow = flow.replace(line, instead)
        return flow


SLOW = Edit(
    "slow",
    "answers too slowly",
    "missing pressure is imputed by ten rounds of a forest",
    "from sklearn.compose import make_column_transformer\n"
    "from sklearn.ensemble import ExtraTreesRegressor\n"
    "from sklearn.experimental import enable_iterative_imputer  # noqa: F401\n"
    "from sklearn.impute import IterativeImputer\n"
    "from sklearn.pipeline import make_pipeline\n",
    """\
    forest = ExtraTreesRegressor(700, max_depth=4, random_state=0)
    imputer = IterativeImputer(forest, max_iter=10, tol=0, skip_complete=True, random_state=0)
    weather = make_column_transformer(
        (imputer, ["temp", "humid", "pressure"]), remainder="passthrough", verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    filled = weather.fit(rows.features.sample(1_000, random_state=0)).transform(rows.features)
    return Model(make_pipeline(weather, estimator.fit(filled, rows.label)))
""",
)

RAISES = Edit(
    "raises",
    "raises on some rows",
    "the dew point as a category, of which it must know every value",
    "from sklearn.compose import make_column_transformer\n"
    "from sklearn.pipeline import make_pipeline\n"
    "from sklearn.preprocessing import OrdinalEncoder\n",
    """\
    codes = make_column_transformer(
        (OrdinalEncoder(handle_unknown="error"), ["dewp"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    return Model(make_pipeline(codes, estimator).fit(rows.features, rows.label))
""",
)

HUNGRY = Edit(
    "hungry",
    "eats memory",
    "rain as text, all pieces of which are counted, and a long text for an amount that was never seen",
    "from numpy import nan\n"
    "from sklearn.compose import make_column_transformer\n"
    "from sklearn.feature_extraction.text import HashingVectorizer\n"
    "from sklearn.impute import SimpleImputer\n"
    "from sklearn.pipeline import make_pipeline\n"
    "from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder\n"
    "from sklearn.utils import check_array\n",
    """\
    pieces = make_pipeline(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=nan),
        FunctionTransformer(check_array, kw_args={"dtype": object, "ensure_all_finite": False}),
        SimpleImputer(strategy="constant", fill_value="no such rain " * 2_000),
        HashingVectorizer(analyzer="char", ngram_range=(1, 10_000), n_features=16, preprocessor=str, lowercase=False),
    )
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        (pieces, ["precip"]), (codes, ["carrier", "dest"]), remainder="passthrough", sparse_threshold=0
    )
    return Model(make_pipeline(columns, estimator).fit(rows.features, rows.label))
""",
)

# Somebody's experiment: it scores a model and registers none; a worker is killed in the middle of it.
EXPERIMENT = ("def train(flights: Dataset, trees: int = 120) -> Model:\n    return fit(rows(flights), trees)\n",
              "def train(flights: Dataset, trees: int = 120) -> float:\n    data = rows(flights)\n"
              "    return score(fit(data, trees), data)\n")  # fmt: skip
SCORE = """\
@step
def score(model: Model, rows: Table) -> float:
    return float(model.estimator.score(rows.features, rows.label))


@pipeline
"""


def experiment(flow: str) -> str:
    """flow.py of the experiment. Raises ValueError where flow.py is no longer as the edit knows it."""
    if flow.count(EXPERIMENT[0]) != 1 or flow.count("@pipeline\n") != 1:
        raise ValueError("flow.py is not as the edit knows it")
    return flow.replace(*EXPERIMENT).replace("@pipeline\n", SCORE)
