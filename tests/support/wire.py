"""Raw calls of MLflow's wire."""

import json
import urllib.error
import urllib.request
from typing import Any


def post(url: str, path: str, body: Any, method: str = "POST") -> tuple[int, Any]:
    """Status and JSON of one call."""
    request = urllib.request.Request(f"{url}/{path}", data=json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
