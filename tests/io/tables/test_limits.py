"""Tables are counted before pandas reads them: cells of text, values of Parquet."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyarrow import parquet

from vision_cli.core.errors import InputError, InputTooLarge
from vision_cli.io import limits as room
from vision_cli.io.packing import pack
from vision_cli.io.tables import limits


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv.gz", ","), ("a.txt", r"\s+")])
def test_cells_beyond_the_memory_are_refused(tmp_path, monkeypatch, name, separator):
    path = tmp_path / name
    content = b"1,2 3\n" * 10_000
    path.write_bytes(pack(content) if name.endswith(".gz") else content)
    limits.require_text_room(path, separator)
    monkeypatch.setattr(room, "available_memory", lambda: 100_000)
    with pytest.raises(InputTooLarge, match="a table of 60000 bytes or more"):
        limits.require_text_room(path, separator)


def test_a_line_too_long_for_a_table_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a" * 5000)
    monkeypatch.setattr(limits, "_LONGEST_LINE", 4000)
    with pytest.raises(InputError, match="a line longer than"):
        limits.require_text_room(path, ",")


@pytest.mark.parametrize("values", [[1.0] * 100_000, ["a long text" * 20] * 10_000])
def test_equal_values_of_parquet_are_counted_although_they_take_no_place(tmp_path, monkeypatch, values):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"a": values}), path)
    limits.require_parquet_room(path)
    monkeypatch.setattr(room, "available_memory", lambda: 1_500_000)
    with pytest.raises(InputTooLarge, match=f"{len(values)} rows of 1 columns"):
        limits.require_parquet_room(path)
