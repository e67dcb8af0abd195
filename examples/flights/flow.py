"""How the model is made: two steps, ordinary functions outside a run."""

from lightgbm import LGBMClassifier

from regie import Dataset, Model, Table, pipeline, step


@step
def rows(flights: Dataset) -> Table:
    return flights.read()


@step
def fit(rows: Table, trees: int = 120) -> Model:
    estimator = LGBMClassifier(n_estimators=trees, learning_rate=0.05, num_leaves=15, n_jobs=1, verbose=-1)
    return Model(estimator.fit(rows.features, rows.label))


@pipeline
def train(flights: Dataset, trees: int = 120) -> Model:
    return fit(rows(flights), trees)
