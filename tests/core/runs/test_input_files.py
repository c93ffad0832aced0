"""An input is all its files, and a header reaches none but those beside it."""

from __future__ import annotations

import h5py
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs import provenance
from vision_cli.core.runs.input_files import data_files
from vision_cli.core.runs.runs import Run

META = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 3\nElementType = MET_UCHAR\nElementDataFile = {}\n"
NRRD = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 3\nencoding: raw\ndata file: {}\n"
HEADERS = {"a.mhd": META, "a.mha": META, "a.nhdr": NRRD, "a.dcm": NRRD}


@pytest.fixture
def folder(tmp_path):
    """A folder with data of a header, and data outside of it."""
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    for name in ("a.raw", "s01.raw", "s02.raw", "s03.raw", "sub/b.raw", "two words.raw"):
        (inside / name).write_bytes(b"voxels of " + name.encode())
    (tmp_path / "secret").write_bytes(b"of somebody else")
    (inside / "link.raw").symlink_to(tmp_path / "secret")
    (inside / "near.raw").symlink_to("a.raw")
    return inside


def written(folder, name, value):
    (folder / name).write_bytes(HEADERS[name].format(value).encode())
    return folder / name


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a.raw", ["a.raw"]),
        ("two words.raw", ["two words.raw"]),
        ("sub/b.raw", ["sub/b.raw"]),
        ("./a.raw", ["a.raw"]),
        ("near.raw", ["near.raw"]),
        ("s%02d.raw 1 3 2", ["s01.raw", "s03.raw"]),
        ("LIST\ns02.raw\ns01.raw\n", ["s02.raw", "s01.raw"]),
        ("a.raw\r", ["a.raw"]),
    ],
)
def test_a_header_leads_to_its_data(folder, name, value, found):
    assert data_files(written(folder, name, value)) == [folder / one for one in found]


def test_a_pattern_of_meta_image_counts_its_slices(folder):
    assert data_files(written(folder, "a.mhd", "s%02d.raw")) == [folder / f"s0{n}.raw" for n in (1, 2, 3)]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(
    "value",
    ["/etc/hostname", "../secret", "sub/../../secret", "link.raw", "LIST\na.raw\n../secret", "../s%d 1 3 1", "-", ""],
)
def test_data_elsewhere_are_refused(folder, name, value):
    with pytest.raises(InputError, match="a file beside the header or below it expected"):
        data_files(written(folder, name, value))


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
@pytest.mark.parametrize("value", ["%s%n.raw 1 2 1", "s%d%d.raw 1 2 1", "s%02d.raw 1 2 0", "s%02d.raw 1 2 x"])
def test_a_pattern_that_is_an_order_is_refused(folder, name, value):
    with pytest.raises(InputError, match="of names"):
        data_files(written(folder, name, value))


def test_what_a_library_might_read_in_another_way_is_refused(folder):
    header = written(folder, "a.mhd", "a.raw")
    header.write_bytes(b"Comment = x\rElementDataFile = a.raw\n")
    with pytest.raises(InputError, match="cannot be parsed"):
        data_files(header)
    header = written(folder, "a.nhdr", "a.raw\ndatafile: s01.raw")
    with pytest.raises(InputError, match="two fields"):
        data_files(header)


def test_data_that_are_missing_are_named(folder):
    with pytest.raises(InputError, match=r"gone\.raw: no such file \(data of a\.mhd\)"):
        data_files(written(folder, "a.mhd", "gone.raw"))


def test_a_file_that_holds_its_data_stands_for_itself(folder):
    assert data_files(written(folder, "a.mha", "LOCAL")) == []
    (folder / "b.nrrd").write_bytes(b"NRRD0004\ntype: uchar\n\ndata file: ../secret\n")
    assert data_files(folder / "b.nrrd") == []
    (folder / "c.nii").write_bytes(META.format("../secret").encode())
    assert data_files(folder / "c.nii") == []
    assert data_files(folder) == []
    assert data_files(folder / "none.mhd") == []


def test_a_file_of_hdf5_leads_nowhere(folder):
    whole = folder / "whole.h5"
    with h5py.File(whole, "w") as file:
        file["a/b"] = [1, 2]
        file["again"] = h5py.SoftLink("/a")
        file["a/round"] = file["/"]
    assert data_files(whole) == []
    with h5py.File(folder / "link.h5", "w") as file:
        file["a/b"] = h5py.ExternalLink("whole.h5", "/a/b")
    with h5py.File(folder / "raw.h5", "w") as file:
        file.create_dataset("x", (4,), "u1", external=[(str(folder.parent / "secret"), 0, 4)])
    for name, place in (("link.h5", "/a/b"), ("raw.h5", "/x")):
        with pytest.raises(InputError, match=f"{name}: {place} is stored in another file"):
            data_files(folder / name)
    (folder / "cut.h5").write_bytes(whole.read_bytes()[:600])
    assert data_files(folder / "cut.h5") == []


def test_the_record_of_a_run_names_the_data(folder):
    header = written(folder, "a.mhd", "s%02d.raw 1 2")
    described = provenance.describe_inputs({"fixed": header})["fixed"]
    assert described["bytes"] == header.stat().st_size
    assert [(one["path"], one["bytes"]) for one in described["data"]] == [
        (str(folder / name), 17) for name in ("s01.raw", "s02.raw")
    ]
    assert described["data"][0]["sha256"] != described["data"][1]["sha256"]


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_a_run_with_other_voxels_is_another_run(folder, tmp_path, name):
    header = written(folder, name, "a.raw")

    def opened():
        return Run.open(tmp_path / "out", command="x", options={}, inputs={"fixed": header}, resume=True)

    with opened() as run:
        run.finish()
    with opened() as run:
        assert run.already_done
    (folder / "a.raw").write_bytes(b"voxels of A.RAW")
    with pytest.raises(UsageError, match="inputs changed since the run was started: fixed"):
        opened()


def test_a_run_with_data_elsewhere_makes_nothing(folder, tmp_path):
    header = written(folder, "a.mhd", "../secret")
    with pytest.raises(InputError, match="beside the header"):
        Run.open(tmp_path / "out", command="x", options={}, inputs={"fixed": [header]})
    assert not (tmp_path / "out").exists()
