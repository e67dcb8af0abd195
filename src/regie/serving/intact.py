"""Refuse files of the node's home that somebody else has changed: a route file without this node's seal, a package of another digest.

Each is put aside under a name that nothing reads, said in the log, and told to the control plane, which audits it and hands out what
is right. This protects against whoever can write files of the home and not read `node.json`; code that runs as the same user can do
both (docs/reference/attacks.md).
"""

import logging
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from regie.base.errors import RegieError
from regie.runtime.manifest import BadPackage, intact
from regie.serving import routefile
from regie.serving.errors import NotOurs

ROUTE, PACKAGE = "route.change", "package.change"
log = logging.getLogger("regie.serving")


@dataclass
class Refused:
    """What is to be told: (action, sentence); and the endpoints whose packages have to be fetched again."""

    told: list[tuple[str, str]] = field(default_factory=list)
    endpoints: set[str] = field(default_factory=set)

    def note(self, action: str, error: RegieError) -> None:
        log.error("refused: %s", error)
        self.told.append((action, f"{Path(error.where).name}: {error.what}"))


def routes(path: Path, key: bytes, refused: Refused) -> routefile.RouteFile:
    """The route file of the home; an empty one where there is none that can be used."""
    try:
        return routefile.read(path, key) or routefile.RouteFile()
    except RegieError as error:
        log.error("the route file cannot be used, this node waits for its control plane: %s", error)
        if isinstance(error, NotOurs):
            refused.note(ROUTE, error)
        path.rename(path.with_name(f"{path.name}.broken"))
        return routefile.RouteFile()


def packages(home: Path, file: routefile.RouteFile, refused: Refused) -> None:
    """Put aside what is not as it was fetched. Its endpoint answers without it until it is there again."""
    for name, endpoint in file.endpoints.items():
        for path in {variant.path for variant in endpoint.variants}:
            if not usable(home / path, refused):
                refused.endpoints.add(name)


def usable(folder: Path, refused: Refused) -> bool:
    """Whether the folder of a package is there, as it was fetched. One that is not is put aside."""
    if not folder.exists() and not folder.is_symlink():
        return False
    try:
        intact(folder)
    except BadPackage as error:
        refused.note(PACKAGE, error)
        folder.rename(folder.with_name(f".broken-{secrets.token_hex(4)}-{folder.name}"))
        return False
    return True
