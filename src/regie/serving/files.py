"""JSON files that appear whole or not at all, readable by their owner alone."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from regie.base.errors import RegieError


class BrokenFile(RegieError):
    """A file of the node's home that cannot be read."""

    code = "serving.broken_file"


def write_json(path: Path, data: Any, sync: bool = True) -> None:
    """Replace the file atomically, mode 0600. `sync`: it also survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mkstemp gives 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def read_json(path: Path) -> Any:
    """The content; None where there is no file. Raises BrokenFile."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise BrokenFile(f"it cannot be read: {error}", str(path), "move it away; the node then begins without it") from error
