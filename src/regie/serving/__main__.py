"""`python -m regie.serving --home HOME --server URL --port PORT`; the node's token comes from REGIE_NODE_TOKEN."""

import argparse
import os
from pathlib import Path

from regie.base.processes import leave, stacks_on_request
from regie.serving.process import main


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m regie.serving", description="Answer predictions.")
    parser.add_argument("--home", type=Path, required=True, help="the node's folder: routes, packages, log")
    parser.add_argument("--server", default="http://127.0.0.1:8700", help="the control plane")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8701, help="0: any free one, see serve.json")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    stacks_on_request()
    leave(main(given.home, given.server, given.host, given.port, os.environ.get("REGIE_NODE_TOKEN")))
