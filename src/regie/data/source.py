"""Read a dataset's source: CSV (also compressed), Parquet, a folder of Parquet; relative to the project's folder."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from regie.base.errors import BadInput, NotFound, NotThereYet

CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
PARQUET = (".parquet", ".pq")


def read(source: str, root: Path, name: str, texts: Sequence[str] = ()) -> pa.Table:
    """All rows of the source. `texts`: columns that a CSV must not read as numbers.

    Raises NotFound, BadInput for an unreadable one, NotThereYet for a source that is no file.
    """
    if "://" in source:
        scheme = source.split("://")[0]
        raise NotThereYet(f"sources of the kind {scheme}:// are not there yet", f"data.{name}.source", "export to Parquet or CSV")
    path = root / source
    if not path.exists():
        raise NotFound(f"there is no file {source}", f"data.{name}.source, in {root}", "correct the source, or make the file")
    try:
        if path.is_dir():
            return _folder(path, name)
        if path.name.endswith(PARQUET):
            return pq.read_table(path)
        if path.name.endswith(CSV):
            parse = pyarrow.csv.ParseOptions(delimiter="\t" if ".tsv" in path.name else ",")
            convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(texts, pa.string()))
            return _without_empty_texts(pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{source} cannot be read: {error}", f"data.{name}.source", "is the file whole?") from error
    known = ", ".join((*PARQUET, *CSV))
    raise BadInput(f"{source} is of no kind that is read", f"data.{name}.source", f"one of {known}, or a folder of Parquet")


def _without_empty_texts(rows: pa.Table) -> pa.Table:
    """An empty cell is null in a column of text too; `NA` is not, it may be a value."""
    for at, column in enumerate(rows.columns):
        if pa.types.is_string(column.type):
            rows = rows.set_column(at, rows.column_names[at], pc.if_else(pc.equal(column, ""), None, column))
    return rows


def _folder(path: Path, name: str) -> pa.Table:
    files = sorted(file for file in path.rglob("*") if file.name.endswith(PARQUET))
    if not files:
        raise NotFound("the folder holds no Parquet file", f"data.{name}.source, {path}", "put one there")
    return pa.concat_tables([pq.read_table(file) for file in files], promote_options="permissive")
