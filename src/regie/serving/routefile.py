"""The route file (`docs/reference/route-file.md`): what the router knows, read and written whole.

It bears the seal of its node: one that somebody else wrote or edited is no route file. Shares are fractions of 1. Paths of packages
are relative to the node's home.
"""

import hmac
import math
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, cast

from regie.base.canonical import canonical
from regie.base.errors import BadInput
from regie.runtime.signature import Signature, from_json
from regie.serving.errors import BadRoute, NotOurs
from regie.serving.files import read_json, write_json

FORMAT = 1
DEADLINE_MS = 1_000
SEAL = "seal"
Role = Literal["champion", "challenger", "former"]
Mode = Literal["live", "shadow"]
Clock = Literal["wall", "driven"]


@dataclass(frozen=True)
class Variant:
    """One version behind an endpoint. `only`: a shadow that sees what the variant of that role answered."""

    version: int
    package: str
    path: str
    role: Role
    mode: Mode = "live"
    share: float = 1.0
    only: str = ""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint at one generation. `signature` is for packages that have none of their own."""

    name: str
    workspace: str
    mac_key: bytes
    generation: int
    model: str
    variants: tuple[Variant, ...]
    key: tuple[str, ...] = ()
    time: str | None = None
    signature: Signature | None = None
    deadline_ms: int = DEADLINE_MS

    @property
    def champion(self) -> Variant | None:
        return next((v for v in self.variants if v.role == "champion" and v.mode == "live"), None)


@dataclass(frozen=True)
class RouteFile:
    """All of it. `now_ms`: where a driven clock stood when the file was written."""

    clock: Clock = "wall"
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    now_ms: int = 0


def read(path: Path, key: bytes) -> RouteFile | None:
    """The route file; None where there is none. Raises NotOurs, BadRoute, BrokenFile."""
    data = read_json(path)
    if data is None:
        return None
    content = _object(data, str(path))
    if not hmac.compare_digest(str(content.get(SEAL, "")).encode(), seal(content, key).encode()):
        raise NotOurs("it does not bear the seal of this node: somebody else wrote or edited it", str(path))
    return parse(data, str(path))


def write(path: Path, data: dict[str, Any], key: bytes) -> None:
    """Check, seal and replace the route file. Raises BadRoute; then the former one stays."""
    parse(data, str(path))
    write_json(path, {**data, SEAL: seal(data, key)})


def seal(data: dict[str, Any], key: bytes) -> str:
    """HMAC-SHA256 of all the rest, in canonical JSON, with the key of this node (`node.json`); 64 hex digits."""
    rest = {name: value for name, value in data.items() if name != SEAL}
    return hmac.new(key, canonical(rest).encode(), "sha256").hexdigest()


def parse(data: Any, where: str = "route file") -> RouteFile:
    """Check all of a route file. Raises BadRoute, which names what is wrong."""
    content = _object(data, where)
    if content.get("format") != FORMAT:
        raise BadRoute(f"its format is {content.get('format')!r}, not {FORMAT}", where, "upgrade this node")
    clock = content.get("clock", "wall")
    if clock not in ("wall", "driven"):
        raise BadRoute(f"its clock is {clock!r}, not wall or driven", where)
    endpoints = {
        name: endpoint(name, value, content, f"{where}, endpoint {name}")
        for name, value in _object(content.get("endpoints", {}), where).items()
    }
    return RouteFile(cast(Clock, clock), endpoints, _whole(content, "now_ms", where, 0))


def endpoint(name: str, data: Any, around: dict[str, Any], where: str) -> Endpoint:
    """One endpoint; `around` may hold the workspace and the key for all of them. Raises BadRoute."""
    value = _object(data, where)
    key = value.get("key") or []
    time = value.get("time")
    if not isinstance(key, list) or not all(isinstance(column, str) for column in key):
        raise BadRoute("key is a list of columns", where)
    if time is not None and not isinstance(time, str):
        raise BadRoute("time is one column, or null", where)
    variants = tuple(_variant(item, where) for item in _list(value, "variants", where))
    _check_shares(variants, where)
    return Endpoint(
        name, _text({**around, **value}, "workspace", where), _mac_key({**around, **value}, where),
        _whole(value, "generation", where), str(value.get("model", name)), variants, tuple(key), time,
        _signature(value, where), _whole(value, "deadline_ms", where, DEADLINE_MS),
    )  # fmt: skip


def _check_shares(variants: tuple[Variant, ...], where: str) -> None:
    live = [variant for variant in variants if variant.mode == "live"]
    if not variants:
        return
    if sum(variant.role == "champion" for variant in live) != 1:
        raise BadRoute("exactly one live variant is the champion", where)
    if not math.isclose(sum(variant.share for variant in live), 1.0, abs_tol=1e-6):
        raise BadRoute("the shares of live variants do not sum to 1", where)


def _variant(data: Any, where: str) -> Variant:
    value = _object(data, where)
    role, mode, share = value.get("role"), value.get("mode", "live"), value.get("share", 1.0)
    if role not in ("champion", "challenger", "former") or mode not in ("live", "shadow"):
        raise BadRoute(f"a variant has role {role!r} and mode {mode!r}", where)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise BadRoute(f"a variant has share {share!r}, not 0 to 1", where)
    path = _text(value, "path", where)
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise BadRoute(f"the path {path!r} leads out of the node's home", where)
    return Variant(_whole(value, "version", where), _text(value, "package", where), path, role, mode, float(share),
                   str(value.get("only", "")))  # fmt: skip


def _signature(value: dict[str, Any], where: str) -> Signature | None:
    if value.get("signature") is None:
        return None
    try:
        return from_json(value["signature"])
    except BadInput as error:
        raise BadRoute(error.what, where) from error


def _mac_key(value: dict[str, Any], where: str) -> bytes:
    try:
        return bytes.fromhex(_text(value, "mac_key", where))
    except ValueError:
        raise BadRoute("mac_key is not hexadecimal", where) from None


def _object(data: Any, where: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadRoute("an object is expected", where)
    return data


def _list(value: dict[str, Any], name: str, where: str) -> list[Any]:
    if not isinstance(value.get(name), list):
        raise BadRoute(f"{name} is a list", where)
    return cast(list[Any], value[name])


def _text(value: dict[str, Any], name: str, where: str) -> str:
    if not isinstance(value.get(name), str) or not value[name]:
        raise BadRoute(f"{name} is missing", where)
    return cast(str, value[name])


def _whole(value: dict[str, Any], name: str, where: str, default: int | None = None) -> int:
    number = value.get(name, default)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise BadRoute(f"{name} is {number!r}, not a whole number", where)
    return number
