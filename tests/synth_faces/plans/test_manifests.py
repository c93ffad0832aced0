"""Rows of the manifest: JSON lines, CSV and Parquet say the same, and come back as they were."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.plans.action_units import au_vector
from vision_cli.synth_faces.plans.manifests import MANIFESTS, manifest_line, read_manifest, write_manifests
from vision_cli.synth_faces.plans.rows import COLUMNS, Guided, ManifestRow, Quality, row_of_cells, row_of_json
from vision_cli.synth_faces.values import AUS

words = st.text(max_size=12).map(lambda text: " ".join(text.split()))
finite = st.floats(-1e6, 1e6)
rows = st.builds(
    ManifestRow,
    sample_id=st.integers(0, 10**8 - 1).map("{:08}".format),
    file=st.just("images/000/00000001.png"),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    width=st.integers(1, 4096),
    height=st.integers(1, 4096),
    seed=st.integers(0, 2**63 - 1),
    person_seed=st.integers(0, 2**63 - 1),
    label=st.sampled_from(["", "happiness", "awed"]),
    label_requested=st.sampled_from(["", "fear"]),
    label_source=st.sampled_from(["requested", "rectified", "dropped"]),
    prompt=words,
    au=st.dictionaries(st.sampled_from(AUS), st.floats(0, 5)).map(au_vector),
    au_measured=st.none() | st.just(au_vector({"12": 1.25})),
    facts=st.dictionaries(words, words | finite, max_size=3),
    pseudo_probs=st.dictionaries(st.sampled_from(["anger", "fear"]), st.floats(0, 1)),
    confidence=st.none() | st.floats(0, 1),
    agree=st.none() | st.booleans(),
    votes=st.dictionaries(words, words, max_size=2),
    quality=st.builds(Quality, st.none() | st.booleans(), st.none() | finite),
    sg=st.none() | st.builds(Guided, finite, st.none() | finite, st.sampled_from(["text", "latent"])),
    steps=st.none() | st.integers(1, 100),
)

ROW = ManifestRow("00000001", "images/000/00000001.png", "ab", 64, 64, 1, 2, label="fear", au=au_vector({"12": 3.5}))


@settings(max_examples=40)
@given(rows)
def test_a_row_comes_back_from_json(row):
    assert row_of_json(json.loads(manifest_line(row)), "here") == row


@settings(max_examples=40)
@given(rows)
def test_a_row_comes_back_from_cells(row):
    assert list(row.cells()) == list(COLUMNS)
    assert row_of_cells(row.cells(), "here") == row


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=3))
def test_the_three_files_say_the_same(tmp_path, found):
    paths = write_manifests(tmp_path, found)
    assert [path.name for path in paths] == list(MANIFESTS)
    for path in paths:
        assert read_manifest(path) == tuple(found)
    assert read_manifest(tmp_path) == tuple(found)


def test_tables_name_action_units(tmp_path):
    import pandas as pd

    write_manifests(tmp_path, [ROW])
    for table in (pd.read_csv(tmp_path / "manifest.csv"), pd.read_parquet(tmp_path / "manifest.parquet")):
        assert table["AU12"].tolist() == [3.5]
        assert table["AUL12"].tolist() == [0.0]
        assert table["measured_AU12"].isna().all()
    assert ROW.aus == {"12": 3.5}


def test_the_files_have_the_same_bytes_again(tmp_path):
    first = [path.read_bytes() for path in write_manifests(tmp_path / "a", [ROW])]
    assert first == [path.read_bytes() for path in write_manifests(tmp_path / "b", [ROW])]


def test_a_number_that_is_none_becomes_null():
    assert row_of_json(json.loads(manifest_line(dataclasses.replace(ROW, confidence=math.nan))), "x").confidence is None


def test_a_row_refuses_what_no_table_holds():
    with pytest.raises(ValueError, match="40 action units; 41 from 0 to 5 expected"):
        dataclasses.replace(ROW, au=(0.0,) * 40)
    with pytest.raises(ValueError, match="one line with single blanks expected"):
        dataclasses.replace(ROW, prompt="two\nlines")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": "x"}, "here: width: Input should be a valid integer"),
        ({"mood": 1}, "here: mood"),
        ({"au": [9.0] * 41}, "41 action units; 41 from 0 to 5 expected"),
        ({"schema": 99}, "schema 99; 1 expected"),
        ({"label_source": "guessed"}, "label_source"),
    ],
)
def test_wrong_rows_are_said(change, message):
    with pytest.raises(InputError, match=message):
        row_of_json({**ROW.as_json(), **change}, "here")


def test_damaged_manifests_are_said(tmp_path):
    with pytest.raises(InputError, match=r"no manifest; one of manifest\.jsonl"):
        read_manifest(tmp_path)
    torn = tmp_path / "manifest.jsonl"
    torn.write_text(f"{manifest_line(ROW)}\n{manifest_line(ROW)[:50]}", encoding="utf-8")
    with pytest.raises(InputError, match="line 2 is no JSON"):
        read_manifest(torn)
    for name, message in (("a.parquet", "damaged"), ("a.csv", "no column"), ("a.txt", "no manifest by its ending")):
        (tmp_path / name).write_text("label\nfear\n", encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_manifest(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_manifest(tmp_path / "none.parquet")
