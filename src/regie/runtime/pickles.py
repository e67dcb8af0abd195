"""Pickles, loaded only if every name in them is on a list of harmless ones.

A pickle is a program. It is first run dry, with every name replaced by an inert object, so that a refused name is known before
anything runs; then it is loaded by an unpickler that asks the same list. The list has classes of known estimator modules and a
few constructors, because a *function* of an allowed library may write files or run text: `numpy.memmap` truncates files, the
distributions of `scipy.stats` pass strings to `exec`, joblib's array wrapper unpickles again without asking anybody. A partial of
something is as harmless as that something, which is asked for by its own name.

Limit: names are checked, values are not. A crafted tree may still crash the process, so packages come only from the registry.
"""

import importlib
import io
import pickle
import re
from typing import Any, BinaryIO

import numpy

from regie.base.errors import RegieError


class PickleRefused(RegieError):
    """A pickle that names something that is not on the list; nothing of it was run."""

    code, status, exit_code = "package.pickle_refused", 422, 3

    def __init__(self, name: str, where: str = "") -> None:
        super().__init__(
            f"the pickle needs {name}, which is not on the list of names that may be loaded",
            where,
            "use estimators of scikit-learn or LightGBM; other code runs only in an isolated process, which is not there yet",
        )
        self.name = name


NAMES: dict[str, frozenset[str]] = {
    module: frozenset(names.split())
    for module, names in {
        "builtins": "list dict set frozenset tuple int float complex bool str bytes bytearray slice range object",
        "collections": "OrderedDict defaultdict deque Counter",
        "copyreg": "_reconstructor",
        "_codecs": "encode",
        "functools": "partial",
        "datetime": "date datetime time timedelta timezone",
        "numpy": "ndarray dtype",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy.core.multiarray": "_reconstruct scalar",
        "numpy._core.numeric": "_frombuffer",
        "numpy.core.numeric": "_frombuffer",
        "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
        "numpy.random.bit_generator": "__pyx_unpickle_SeedSequence SeedSequence",
        "numpy.random._mt19937": "MT19937",
        "numpy.random._pcg64": "PCG64 PCG64DXSM",
        "lightgbm.basic": "Booster",
        "lightgbm.sklearn": "LGBMModel LGBMClassifier LGBMRegressor LGBMRanker",
        "pandas": "DataFrame Series Index RangeIndex Categorical CategoricalDtype StringDtype Timestamp Timedelta",
        "pandas.core.frame": "DataFrame",
        "pandas.core.series": "Series",
        "pandas.core.indexes.base": "Index _new_Index",
        "pandas.core.indexes.range": "RangeIndex",
        "pandas.core.internals.managers": "BlockManager SingleBlockManager",
        "pandas.core.dtypes.dtypes": "CategoricalDtype",
        "pandas.core.arrays.categorical": "Categorical",
        "pandas.core.arrays.string_": "StringDtype StringArray",
        "pandas._libs.internals": "_unpickle_block",
        "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
        "sklearn.feature_selection._univariate_selection": "f_classif f_regression f_oneway chi2 r_regression",
        "scipy._lib.array_api_compat.numpy._aliases": "asarray",
        "sklearn.utils.validation": "check_array",
        "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
    }.items()
}

_OLD_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # what protocols up to 2 call them

# Packages of which every class of its own may be loaded: constructors that compute on arrays and touch nothing else.
CLASSES_OF = (
    "scipy.interpolate", "scipy.spatial", "sklearn._loss", "sklearn.base", "sklearn.calibration", "sklearn.cluster",
    "sklearn.compose", "sklearn.covariance", "sklearn.cross_decomposition", "sklearn.decomposition",
    "sklearn.discriminant_analysis", "sklearn.dummy", "sklearn.ensemble", "sklearn.feature_extraction",
    "sklearn.feature_selection", "sklearn.gaussian_process", "sklearn.impute", "sklearn.isotonic",
    "sklearn.kernel_approximation", "sklearn.kernel_ridge", "sklearn.linear_model", "sklearn.metrics", "sklearn.mixture",
    "sklearn.model_selection", "sklearn.multiclass", "sklearn.multioutput", "sklearn.naive_bayes", "sklearn.neighbors",
    "sklearn.neural_network", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.random_projection",
    "sklearn.semi_supervised", "sklearn.svm", "sklearn.tree", "sklearn.utils._bunch", "sklearn.utils._metadata_requests",
)  # fmt: skip
_SPARSE = re.compile(r"scipy\.sparse\._[a-z]+")
_CYTHON = re.compile(r"__pyx_unpickle_\w+|newObj")  # makes an empty object of a class that is asked for by its own name


def load(data: bytes | BinaryIO, where: str = "") -> Any:
    """The object of a pickle all of whose names are on the list. Raises PickleRefused before anything of it runs."""
    content = data if isinstance(data, bytes) else data.read()
    check(content, where)
    return _Loader(io.BytesIO(content), where).load()


def check(data: bytes, where: str = "") -> None:
    """Raises PickleRefused if the pickle names something that is not on the list; runs nothing of it."""
    try:
        _Dry(io.BytesIO(data), where).load()
    except PickleRefused:
        raise
    except Exception as error:
        raise PickleRefused(f"something that cannot be read ({type(error).__name__}: {error})", where) from error


def allowed(module: str, name: str) -> Any:
    """What a name on the list stands for. Raises LookupError for a name that is not on it, before importing anything."""
    if "." in name or not isinstance(name, str):  # pickle follows dots: Booster.__init__.__globals__ would be everything
        raise LookupError(name)
    module = _OLD_MODULES.get(module, module)
    if name in NAMES.get(module, ()):
        return getattr(importlib.import_module(module), name)
    if module in ("numpy", "numpy.dtypes") or module.startswith("scipy.special"):
        return _number_type(getattr(importlib.import_module(module), name, None))
    packages = CLASSES_OF if any(f"{module}.".startswith(f"{package}.") for package in CLASSES_OF) else ()
    if any(part.startswith(("test", "_test")) for part in module.split(".")) or not (packages or _SPARSE.fullmatch(module)):
        raise LookupError(name)
    found = getattr(importlib.import_module(module), name, None)
    if isinstance(found, type) and found.__module__ == module:
        return found
    if module.startswith("sklearn.") and _CYTHON.fullmatch(name) and callable(found):
        return found
    raise LookupError(name)


def _number_type(found: Any) -> Any:
    """A scalar type, a data type, or a function that numpy applies to each number of an array."""
    if isinstance(found, numpy.ufunc) or (isinstance(found, type) and issubclass(found, numpy.generic | numpy.dtype)):
        return found
    raise LookupError("not a type of numbers")


def _find(module: str, name: str, where: str) -> Any:
    try:
        return allowed(module, name)
    except (LookupError, ImportError, AttributeError):
        raise PickleRefused(f"{module}.{name}", where) from None


class _Loader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, where: str) -> None:
        super().__init__(file)
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        return _find(module, name, self._where)

    def persistent_load(self, pid: Any) -> Any:
        raise PickleRefused("an object from outside the file", self._where)


class _Inert:
    """Stands for everything while a pickle is run dry: takes any call, does nothing."""

    is_name = False

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Inert":
        return object.__new__(_Inert)

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __call__(self, *args: Any, **kwargs: Any) -> "_Inert":
        return _Inert()

    def __setstate__(self, state: Any) -> None:
        if self.is_name:  # would set attributes of a class, for every model of this process
            raise PickleRefused("to change a class")

    def __setitem__(self, key: Any, value: Any) -> None:
        if self.is_name:
            raise PickleRefused("to change a class")

    def append(self, value: Any) -> None: ...

    def extend(self, values: Any) -> None: ...

    def add(self, value: Any) -> None: ...


class _Dry(pickle._Unpickler):  # type: ignore[misc,name-defined,unused-ignore] # the one in Python: its opcodes run nothing
    def __init__(self, file: io.BytesIO, where: str) -> None:
        super().__init__(file)
        self._where = where

    def find_class(self, module: str, name: str) -> Any:
        _find(module, name, self._where)
        inert = _Inert()
        inert.is_name = True
        return inert

    def persistent_load(self, pid: Any) -> Any:
        raise PickleRefused("an object from outside the file", self._where)

    def get_extension(self, code: int) -> Any:
        raise PickleRefused("a name of this process's own registry", self._where)
