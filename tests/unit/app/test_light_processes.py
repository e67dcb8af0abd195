"""What a process at rest has not imported: it would hold the memory for as long as it runs, and start later."""

import subprocess
import sys

import pytest

from regie.app.home import open_home

MODELS = frozenset({"pandas", "sklearn", "lightgbm", "scipy", "mlflow", "duckdb", "matplotlib"})
WEB = frozenset({"fastapi", "starlette", "uvicorn"})
DATABASE = frozenset({"sqlalchemy", "alembic", "psycopg"})


def loaded(code: str, *words: str) -> set[str]:
    """The packages that a new interpreter has loaded after running the code."""
    telling = f"{code}\nimport sys\nprint(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", telling, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("process", "without"),
    [
        ("regie.app.server", MODELS | {"numpy", "pyarrow", "alembic", "google"}),
        ("regie.app.worker", MODELS | WEB),
        ("regie.app.up", MODELS | WEB | DATABASE | {"numpy", "pyarrow", "pydantic"}),
        ("regie.serving.process", MODELS | DATABASE | {"fastapi", "pyarrow", "pydantic"}),
    ],
)  # fmt: skip
def test_a_process_loads_only_what_it_needs_at_rest(process, without):
    assert loaded(f"import {process}") & without == set()


def test_a_home_whose_schema_is_new_enough_opens_without_the_library_of_migrations(tmp_path):
    open_home(tmp_path).store.database.close()
    opening = "import sys; from pathlib import Path; from regie.app.home import open_home; open_home(Path(sys.argv[1]))"
    found = loaded(opening, str(tmp_path))
    assert "sqlalchemy" in found
    assert "alembic" not in found
