"""Small files that claim, or unpack to, more than there is memory for: refused in one line, before memory is taken.

The files are read in a process of its own whose address space is limited. It prints for each how it was refused and how
far its peak of resident memory rose.
"""

from __future__ import annotations

import io
import json
import re
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
import pyarrow as pa
import pytest
from isal import igzip
from numpy.lib import format as npy
from pyarrow import parquet

from vision_cli.io.videos.videos import VideoWriter

pytestmark = pytest.mark.slow

ROOM = 600 << 20
"""Bytes that the reading process may take beside its libraries."""

ALLOWED_MB = 200
"""How far the peak may rise: a chunk, the packed file, a decoder."""

LARGE = 300_000_000
"""Bytes that the bombs hold; with copies they do not fit."""


def zeros(path, start=b"", count=LARGE, opener=None):
    """Write a start and zeros, packed."""
    with (opener or (lambda: igzip.open(path, "wb", compresslevel=2)))() as stream:
        stream.write(start)
        block = bytes(1 << 20)
        for _ in range(count >> 20):
            stream.write(block)
        stream.write(bytes(count & ((1 << 20) - 1)))
    return path


def repeated(path, line, count, start):
    with igzip.open(path, "wb", compresslevel=2) as stream:
        stream.write(start)
        for _ in range(count // 10_000):
            stream.write(line * 10_000)
    return path


def nifti_header(shape, kind=nib.Nifti1Header):
    header = kind()
    header.set_data_shape(shape)
    header.set_data_dtype(np.uint8)
    header["vox_offset"] = 352 if kind is nib.Nifti1Header else 544
    header.set_sform(np.eye(4), 1)
    return header


def nifti(path):
    return zeros(path, nifti_header((1000, 1000, 300)).binaryblock + bytes(4))


def nifti_that_holds_more(path):
    return zeros(path, nifti_header((20, 20, 20)).binaryblock + bytes(4))


def nifti_with_a_long_header(path):
    header = nifti_header((20, 20, 20), nib.Nifti2Header)
    header["vox_offset"] = 2_000_000_000
    extension = b"\x01\0\0\0" + struct.pack("<ii", 1_900_000_000, 6)
    return zeros(path, header.binaryblock + extension, 2_000_000_000)


def nifti_that_lies(path):
    path.write_bytes(igzip.compress(nifti_header((9000, 9000, 9000)).binaryblock + bytes(100)))
    return path


def mgz(path):
    header = nib.freesurfer.mghformat.MGHHeader()
    header.set_data_shape((1000, 1000, 300))
    header.set_data_dtype(np.uint8)
    return zeros(path, header.structarr.tobytes()[:284])


def npz(path, name="vol", shape=(1000, 1000, 300)):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        if name != "vol":
            with archive.open("vol.npy", "w") as stream:
                npy.write_array(stream, np.arange(8.0).reshape(2, 2, 2))
        with archive.open(f"{name}.npy", "w") as stream:
            npy.write_array_header_1_0(stream, {"shape": shape, "fortran_order": False, "descr": "|u1"})
            for _ in range(LARGE >> 20):
                stream.write(bytes(1 << 20))
            stream.write(bytes(LARGE & ((1 << 20) - 1)))
    return path


def npz_of_a_long_header(path):
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("vol.npy", "w") as stream:
        stream.write(b"\x93NUMPY\x02\x00" + struct.pack("<I", 1_000_000_000))
        for _ in range(1000):
            stream.write(b" " * 1_000_000)
    return path


def nrrd(path):
    head = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 1000 1000 300\nencoding: gzip\nspace: left-posterior-superior\n"
    head += "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n"
    zeros(path)
    path.write_bytes(head.encode() + path.read_bytes())
    return path


def meta_image(path, size="1000 1000 300", name="LOCAL"):
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(LARGE >> 20)) + packer.flush()
    head = (
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\nCompressedDataSize = {len(packed)}\n"
    )
    head += f"DimSize = {size}\nElementType = MET_UCHAR\nElementDataFile = {name}\n"
    path.write_bytes(head.encode() + (packed if name == "LOCAL" else b""))
    return path


def meta_image_that_lies(path):
    path.with_name("short.raw").write_bytes(bytes(1000))
    return meta_image(path, "9000 9000 9000", "short.raw")


def dicom(path):
    """Give an element of 3 GB in a packed part of a hundred bytes."""

    def element(group, number, kind, value):
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    start = element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.7\0") + element(9, 0x10, b"LO", b"ABCD")
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(start + struct.pack("<HH2sHI", 9, 0x1010, b"OB", 0, 3_000_000_000)) + packer.flush()
    meta = element(2, 2, b"UI", b"1.2.840.10008.5.1.4.1.1.7\0") + element(2, 3, b"UI", b"1.2.3.4.5\0")
    meta += element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1.99")
    path.write_bytes(bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta + packed)
    return path


def dicom_folder(path):
    path.mkdir()
    dicom(path / "1.dcm")
    return path


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path, side=30_000, is_whole=True):
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side if is_whole else 1)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def png_that_lies(path):
    return png(path, 60_000, is_whole=False)


def jpeg(path):
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, 65_500, 65_500, 3) + b"\x01\x11\0\x02\x11\0\x03\x11\0"
    path.write_bytes(b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"JF" + frame + b"\xff\xda\0\x02\xff\xd9")
    return path


def tiff(path):
    entries = [(256, 4, 1, 40_000), (257, 4, 1, 40_000), (258, 3, 1, 16), (259, 3, 1, 8), (277, 3, 1, 1)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + directory + bytes(4))
    return path


def tiff_of_tiles(path):
    entries = [(256, 4, 1, 40), (257, 4, 1, 40), (258, 3, 1, 8), (322, 4, 1, 60_000), (323, 4, 1, 60_000)]
    directory = struct.pack("<Q", len(entries)) + b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
    path.write_bytes(b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + directory + bytes(8))
    return path


def bmp(path):
    path.write_bytes(b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 50_000, -50_000, 1, 8, 1) + bytes(20))
    return path


def gif(path):
    path.write_bytes(b"GIF89a" + struct.pack("<HH", 65_000, 65_000) + bytes(3))
    return path


def pnm(path):
    path.write_bytes(b"P5 # grey\n50000 # wide\n50000\n255\n" + bytes(100))
    return path


def webp(path):
    extended = bytes(4) + (9_000_000).to_bytes(3, "little") + (900).to_bytes(3, "little")
    path.write_bytes(b"RIFF" + bytes(4) + b"WEBPVP8X" + struct.pack("<I", 10) + extended)
    return path


def folder_of_classes(path):
    for name in "ab":
        (path / name).mkdir(parents=True)
        for number in range(3):
            png(path / name / f"{number}.png", 30_000 if number == 1 else 24)
    return path


def folder_of_pictures(path):
    path.mkdir()
    png(path / "1.png")
    return path


def pcd_header(points, count="1 1 1", storage="binary_compressed"):
    fields = f"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT {count}\nWIDTH {points}\nHEIGHT 1\nPOINTS {points}\n"
    return f"VERSION 0.7\n{fields}DATA {storage}\n".encode()


def pcd(path):
    points = LARGE // 12
    # LZF: a zero, and references back by one of 264 bytes.
    packed = b"\x00\x00" + b"\xe0\xff\x00" * (12 * points // 264)
    path.write_bytes(pcd_header(points) + struct.pack("<II", len(packed), 12 * points) + packed)
    return path


def pcd_that_lies(path):
    path.write_bytes(pcd_header(1 << 40, storage="binary") + bytes(100))
    return path


def pcd_of_many_fields(path):
    path.write_bytes(pcd_header(1, "1 1 1000000000") + bytes(100))
    return path


def ply(path):
    head = b"ply\nformat binary_little_endian 1.0\nelement vertex 4\n"
    head += b"property float x\nproperty float y\nproperty float z\n"
    head += b"element face 2000000\nproperty list uchar uchar i\nend_header\n"
    path.write_bytes(head + bytes(48) + b"\x04\x00\x01\x02\x03" * 2_000_000)
    return path


def rows_of_points(path):
    path.write_bytes(b"1 1 1\n" * 10_000_000)
    return path


def csv(path):
    return repeated(path, b"1,1\n", LARGE // 4, b"a,b\n")


def csv_of_one_line(path):
    return zeros(path, b"a,b\n1,2\n")


def csv_of_many_columns(path):
    path.write_bytes(igzip.compress(b",".join(b"c%d" % number for number in range(400_000)) + b"\n"))
    return path


def parquet_of_equal_numbers(path):
    column = pa.chunked_array([pa.array(np.zeros(1_000_000))] * 30)
    parquet.write_table(pa.table({"x": column, "y": column}), path)
    return path


def parquet_of_equal_texts(path):
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2000, np.int32)), pa.array(["x" * 1_000_000]))
    parquet.write_table(pa.table({"x": texts, "y": np.zeros(2000)}), path, store_schema=False)
    return path


def idx(path):
    return zeros(path, struct.pack(">I3I", 0x803, 300_000, 1000, 1))


def idx_that_lies(path):
    path.write_bytes(igzip.compress(struct.pack(">I3I", 0x803, 1 << 31, 1 << 10, 1 << 10)))
    return path


def hdf5(path, name="pulse"):
    packed = {"chunks": (1 << 20,), "compression": "gzip", "compression_opts": 1}
    with h5py.File(path, "w") as file:
        made = file.create_dataset(name, (LARGE // 8,), "f8", **packed)
        for start in range(0, LARGE // 8, 1 << 20):
            made[start : start + (1 << 20)] = 0
    return path


def hdf5_never_written(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("pulse", (1 << 40,), "f8", chunks=(1 << 10,))
    return path


def hdf5_transform(path):
    return hdf5(path, "TransformGroup/0/TransformParameters")


def mat(path):
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(LARGE >> 20)) + packer.flush()
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed)
    return path


def torch_weights(path):
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("archive/data/0", "w") as stream:
        for _ in range(1000):
            stream.write(bytes(1 << 20))
    return path


def video(path, codec):
    with VideoWriter(path, (64, 64), codec=codec, fps=25) as writer:
        for shade in range(10):
            writer.write(np.full((64, 64, 3), shade, np.uint8))
    return path


def video_whose_header_claims_much(path):
    content = video(path, "raw").read_bytes()
    place = content.index(b"strf") + 12
    assert struct.unpack_from("<ii", content, place) in {(64, 64), (64, -64)}
    path.write_bytes(content[:place] + struct.pack("<ii", 5000, 5000) + content[place + 8 :])
    return path


def video_of_larger_frames(path):
    """Give frames of another size than the header says: the decoder takes what a frame says itself."""
    content = video(path, "mjpeg").read_bytes()
    sizes = b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 64, 64)
    assert content.count(sizes) == 10
    path.write_bytes(content.replace(sizes, b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 60_000, 60_000)))
    return path


def many_opcodes(path):
    path.write_bytes(b"\x80\x03(" + b"]" * 8_000_000 + b"l.")
    return path


TOO_LARGE, DAMAGED = "InputTooLarge", "InputError"
CASES = {
    nifti: ("volume", "x.nii.gz", TOO_LARGE, r"claims \(1000, 1000, 300\) voxels"),
    nifti_that_holds_more: ("volume", "x.nii.gz", DAMAGED, "far more than its header says"),
    nifti_with_a_long_header: ("volume", "x.nii.gz", TOO_LARGE, "a header of 2000000000 bytes"),
    nifti_that_lies: ("volume", "x.nii.gz", DAMAGED, r"claims \(9000, 9000, 9000\) voxels"),
    mgz: ("volume", "x.mgz", TOO_LARGE, r"claims \(1000, 1000, 300\) voxels"),
    npz: ("volume", "x.npz", TOO_LARGE, r"claims \(1000, 1000, 300\) voxels"),
    npz_of_a_long_header: ("volume", "x.npz", DAMAGED, "damaged"),
    nrrd: ("volume", "x.nrrd", TOO_LARGE, r"claims \(1000, 1000, 300\) voxels"),
    meta_image: ("volume", "x.mha", TOO_LARGE, r"claims \(1000, 1000, 300\) voxels"),
    meta_image_that_lies: ("volume", "x.mhd", DAMAGED, r"claims \(9000, 9000, 9000\) voxels"),
    dicom: ("volume", "x.dcm", DAMAGED, "in the deflated transfer syntax"),
    dicom_folder: ("volume", "series", DAMAGED, "in the deflated transfer syntax"),
    png: ("volume", "x.png", TOO_LARGE, "claims 30000 x 30000 pixels"),
    png_that_lies: ("volume", "x.png", DAMAGED, "claims 60000 x 60000 pixels"),
    jpeg: ("volume", "x.jpg", TOO_LARGE, "claims 65500 x 65500 pixels"),
    tiff: ("volume", "x.tif", TOO_LARGE, "claims 40000 x 40000 pixels"),
    tiff_of_tiles: ("volume", "x.tiff", TOO_LARGE, "claims 60000 x 60000 pixels"),
    bmp: ("volume", "y.png", TOO_LARGE, "claims 50000 x 50000 pixels"),
    gif: ("volume", "z.png", TOO_LARGE, "claims 65000 x 65000 pixels"),
    pnm: ("volume", "p.png", DAMAGED, "claims 50000 x 50000 pixels"),
    webp: ("volume", "w.png", TOO_LARGE, "claims 9000001 x 901 pixels"),
    folder_of_classes: ("images", "classes", TOO_LARGE, "claims 30000 x 30000 pixels"),
    folder_of_pictures: ("video", "pictures", TOO_LARGE, "claims 30000 x 30000 pixels"),
    pcd: ("points", "x.pcd", TOO_LARGE, "declares 25000000 points"),
    pcd_that_lies: ("points", "y.pcd", DAMAGED, "declares 1099511627776 points"),
    pcd_of_many_fields: ("points", "z.pcd", DAMAGED, "1000000002 numbers a point"),
    ply: ("points", "x.ply", TOO_LARGE, "2000000 polygons"),
    rows_of_points: ("points", "x.xyz", TOO_LARGE, "30000001 numbers of text"),
    csv: ("table", "x.csv.gz", TOO_LARGE, "a table of .* bytes or more"),
    csv_of_one_line: ("table", "y.csv.gz", DAMAGED, "a line longer than 64 MiB"),
    csv_of_many_columns: ("table", "z.csv.gz", TOO_LARGE, "a table of .* bytes or more"),
    parquet_of_equal_numbers: ("table", "x.parquet", TOO_LARGE, "30000000 rows of 2 columns"),
    parquet_of_equal_texts: ("table", "y.parquet", TOO_LARGE, "2000 rows of 2 columns"),
    idx: ("images", "images-idx3-ubyte.gz", TOO_LARGE, r"claims \(300000, 1000, 1\) voxels"),
    idx_that_lies: ("images", "other-images-idx3-ubyte.gz", DAMAGED, r"claims \(2147483648, 1024, 1024\)"),
    hdf5: ("label", "data.hdf5", TOO_LARGE, r"/pulse claims \(37500000,\) values"),
    hdf5_never_written: ("label", "data2.hdf5", DAMAGED, r"/pulse claims \(1099511627776,\) values"),
    hdf5_transform: ("transform", "x.h5", TOO_LARGE, "TransformParameters claims"),
    mat: ("mat", "x.mat", TOO_LARGE, "unpacks to"),
    torch_weights: ("weights", "x.pth", TOO_LARGE, "1 members"),
    video_whose_header_claims_much: ("video", "x.avi", TOO_LARGE, "frames of 5000 x 5000 pixels"),
    video_of_larger_frames: ("video", "y.avi", DAMAGED, "cannot decode after frame 0"),
    many_opcodes: ("pickle", "x.pickle", TOO_LARGE, "more objects than fit"),
}
EXTRA = {"npz with a large matrix": (lambda path: npz(path, "vox2ras"), "volume", "v.npz", DAMAGED, "vox2ras of shape")}
BOMBS = {make.__name__.replace("_", " "): (make, *case) for make, case in CASES.items()} | EXTRA


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Read all bombs in a process of little room: how each was refused, by its name."""
    folder = tmp_path_factory.mktemp("bombs")
    work = []
    for name, (make, reader, file, *_) in BOMBS.items():
        (folder / name).mkdir()
        work.append((name, reader, str(make(folder / name / file))))
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(work),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Libraries may print lines of their own.
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('["')]
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(refused, name):
    *_, kind, message = BOMBS[name]
    found, text, peak_mb = refused[name]
    assert (found, peak_mb < ALLOWED_MB) == (kind, True), (text, peak_mb)
    assert re.search(message, text), text


# The reading process: this file, run as a program.


def readers():
    import torch

    from vision_cli.io.pickles.pickles import load_arrays
    from vision_cli.io.points.clouds import read_points_or_mesh
    from vision_cli.io.videos.videos import VideoReader
    from vision_cli.io.volumes.volumes import read_volume
    from vision_cli.kan_fit.images.data import read_image_set
    from vision_cli.kan_fit.tables.reading import read_table
    from vision_cli.register.transforms.itk_files import read_transform
    from vision_cli.rppg_adapt.data.labels import read_cohface, read_mat_array
    from vision_cli.rppg_adapt.networks.files import load_model

    torch.set_num_threads(1)

    def video(path):
        with VideoReader(path, fps=25) as reader:
            return list(reader)

    return {
        "volume": read_volume,
        "points": read_points_or_mesh,
        "images": read_image_set,
        "table": read_table,
        "video": video,
        "transform": read_transform,
        "label": read_cohface,
        "mat": lambda path: read_mat_array(path, "x"),
        "weights": lambda path: load_model(str(path)),
        "pickle": load_arrays,
    }


def status(word):
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(word))) << 10


def main():
    import cv2
    import pandas as pd

    known = readers()
    pd.read_csv(io.BytesIO(b"a\n1\n"))
    cv2.setNumThreads(1)
    space = status("VmSize") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    for name, reader, path in json.load(sys.stdin):
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        try:
            known[reader](Path(path))
            found = ("nothing", "")
        except Exception as error:
            found = (type(error).__name__, str(error))
        print(json.dumps([name, *found, (status("VmHWM") - before) / 1e6]), flush=True)


if __name__ == "__main__":
    main()
