"""Sources: what is read, and the clear errors for what is not."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regie.base.errors import BadInput, NotFound, NotThereYet
from regie.data import source

ROWS = pa.table({"id": [1, 2], "spend": [1.5, 2.5]})


def test_parquet_csv_compressed_csv_and_folders_are_read(tmp_path: Path) -> None:
    pq.write_table(ROWS, tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("id,spend\n1,1.5\n2,2.5\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"id,spend\n1,1.5\n2,2.5\n"))
    (tmp_path / "parts").mkdir()
    pq.write_table(ROWS.slice(1), tmp_path / "parts" / "b.parquet")
    pq.write_table(ROWS.slice(0, 1), tmp_path / "parts" / "a.parquet")
    for name in ("a.parquet", "a.csv", "a.csv.gz", "parts"):
        assert source.read(name, tmp_path, "d").to_pydict() == ROWS.to_pydict(), name


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no file data/x\.parquet") as caught:
        source.read("data/x.parquet", tmp_path, "customers")
    assert "data.customers.source" in str(caught.value)


def test_a_folder_without_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no Parquet file"):
        source.read(".", tmp_path, "d")


@pytest.mark.parametrize("name", ["torn.parquet", "torn.csv.gz"])
def test_a_torn_file_is_an_error_with_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 torn")
    with pytest.raises(BadInput, match=name.replace(".", r"\.")):
        source.read(name, tmp_path, "d")


def test_a_file_of_another_kind_names_the_kinds_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(BadInput, match=r"a\.xlsx") as caught:
        source.read("a.xlsx", tmp_path, "d")
    assert ".parquet" in caught.value.do


def test_a_url_is_not_there_yet(tmp_path: Path) -> None:
    with pytest.raises(NotThereYet, match="s3://"):
        source.read("s3://bucket/rows.parquet", tmp_path, "d")
