"""Ids that change on the way, and where they are written anew: in tags that MLflow itself reads, in `MLmodel`, in a version's source.

Everything else stays as it was: what people wrote into tags and parameters, the source of a dataset, every other file.
"""

import re
from collections.abc import Callable, Mapping

PARENT, ROOT_RUN, HISTORY = "mlflow.parentRunId", "mlflow.rootRunId", "mlflow.log-model.history"
TAGS = frozenset({PARENT, ROOT_RUN, HISTORY})
# Written by the server when a version is registered; numbers may differ.
BY_SERVER = frozenset({"mlflow.modelVersions"})
MLMODEL, MLMODEL_BYTES = "MLmodel", 1 << 20
_ID = re.compile(r"(?<![0-9a-zA-Z])(?:m-)?[0-9a-f]{32}(?![0-9a-zA-Z])")
_LINE = re.compile(r"^((?:run_id|model_id):[ \t]*['\"]?)((?:m-)?[0-9a-f]{32})", re.MULTILINE)
_RUN = re.compile(r"runs:/+([^/]+)(/.*)?", re.DOTALL)
_LOGGED = re.compile(r"models:/+(m-[0-9a-f]{32})(/.*)?", re.DOTALL)
_NUMBERED = re.compile(r"models:/+([^/@]+)/(\d+)")


def tags(said: Mapping[str, str], ids: Callable[[str], str | None]) -> dict[str, str]:
    """A run's tags with the ids of the other server; an id without one stays, but a link to a parent that is not there."""
    found = {}
    for key, value in said.items():
        if key not in BY_SERVER and (key != PARENT or ids(value)):
            found[key] = _ID.sub(lambda one: ids(one[0]) or one[0], value) if key in TAGS else value
    return found


def mlmodel(content: bytes, ids: Callable[[str], str | None]) -> bytes:
    """An `MLmodel` whose `run_id` and `model_id` are those of the other server; ids have one length, so its size stays."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    return _LINE.sub(lambda one: one[1] + (ids(one[2]) or one[2]), text).encode()


def logged_model_in(source: str) -> str:
    """The id of the logged model that a source names; empty where it names none."""
    found = _LOGGED.fullmatch(source)
    return found[1] if found else ""


def run_in(source: str) -> tuple[str, str]:
    """(run id, path) of `runs:/ID/path`; empty for another source."""
    found = _RUN.fullmatch(source)
    return (found[1], (found[2] or "").strip("/")) if found else ("", "")


def version_in(source: str) -> tuple[str, int]:
    """(name, number) of `models:/NAME/3`."""
    found = _NUMBERED.fullmatch(source)
    return (found[1], int(found[2])) if found else ("", 0)


def below(source: str, root: str) -> str | None:
    """The path of a source below a root; None where it is not below."""
    root, source = root.rstrip("/"), source.rstrip("/")
    if not root or not (source == root or source.startswith(root + "/")):
        return None
    return source[len(root) :].strip("/")
