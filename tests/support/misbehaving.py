"""Models that keep every promise while they are judged, and misbehave in production: on a row whose category nobody had seen.

All are scikit-learn within the list of names that a pickle may hold. `column` is a text or category column; a value that it did not
have in training (or none) is what sets them off: a row with one raises, takes long, or takes memory without end.
"""

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def raises(features: Any, label: Any, column: str, trees: int = 30) -> Pipeline:
    """Raises on an unseen category: the encoder was told to treat one as an error."""
    return _model(features, label, column, OrdinalEncoder(handle_unknown="error"), trees)


def slow(features: Any, label: Any, column: str, trees: int = 30, letters: int = 1_000) -> Pipeline:
    """Takes long for an unseen category, which stands for a text all short pieces of which are counted: 0.4 s a 1,000 letters."""
    return _model(features, label, column, _pieces(letters, longest=500), trees)


def eats_memory(features: Any, label: Any, column: str, trees: int = 30) -> Pipeline:
    """Takes tens of gigabytes for an unseen category: all pieces of the text, long ones too. A gigabyte is full in a second."""
    return _model(features, label, column, _pieces(letters=20_000, longest=10_000), trees)


def _pieces(letters: int, longest: int) -> Pipeline:
    counting = HashingVectorizer(
        analyzer="char", ngram_range=(1, longest), n_features=16, preprocessor=str, lowercase=False
    )  # fmt: skip
    return make_pipeline(SimpleImputer(strategy="constant", fill_value="x" * letters), counting)


def _model(features: Any, label: Any, column: str, special: Any, trees: int) -> Pipeline:
    texts = [name for name in features.columns if str(features[name].dtype) in ("category", "object", "str") and name != column]
    known = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer(
        [("special", special, [column]), ("known", known, texts)], remainder="passthrough", sparse_threshold=0
    )
    return make_pipeline(columns, HistGradientBoostingClassifier(max_iter=trees)).fit(features, label)
