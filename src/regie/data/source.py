"""Read a dataset's source: CSV (also compressed), Parquet, a folder of Parquet; relative to the project's folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from regie.base.errors import BadInput, NotFound, NotThereYet

CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
PARQUET = (".parquet", ".pq")


def read(source: str, root: Path, name: str) -> pa.Table:
    """All rows of the source. Raises NotFound, BadInput for an unreadable one, NotThereYet for a source that is no file."""
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
            return pyarrow.csv.read_csv(path, parse_options=parse)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{source} cannot be read: {error}", f"data.{name}.source", "is the file whole?") from error
    known = ", ".join((*PARQUET, *CSV))
    raise BadInput(f"{source} is of no kind that is read", f"data.{name}.source", f"one of {known}, or a folder of Parquet")


def _folder(path: Path, name: str) -> pa.Table:
    files = sorted(file for file in path.rglob("*") if file.name.endswith(PARQUET))
    if not files:
        raise NotFound("the folder holds no Parquet file", f"data.{name}.source, {path}", "put one there")
    return pa.concat_tables([pq.read_table(file) for file in files], promote_options="permissive")
