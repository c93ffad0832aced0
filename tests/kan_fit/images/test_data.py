"""Readers of labelled images, on small files in every layout, and what they say of faulty ones."""

from __future__ import annotations

import gzip
import pickle
import re
import struct

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.images.data import read_digits, read_image_set, read_images

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def write_picture(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), rgb[..., ::-1])


def folders(root, parts=("",)):
    for part in parts:
        for number, (image, label) in enumerate(zip(PIXELS, LABELS, strict=True)):
            write_picture(root / part / f"class {label}" / f"{number:02}.png", image)
    return root


def idx_bytes(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def idx(root, *, packed=False, labels=LABELS):
    root.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        for name, values in (("images-idx3", PIXELS[..., 0].copy()), ("labels-idx1", labels.astype(np.uint8))):
            path = root / f"{part}-{name}-ubyte{'.gz' if packed else ''}"
            content = idx_bytes(values)
            path.write_bytes(gzip.compress(content) if packed else content)
    return root


def test_digits_come_with_the_library():
    digits = read_digits()
    assert digits.train.pixels.shape == (1797, 8, 8, 1)
    assert digits.train.pixels.max() == 255
    assert len(digits.classes) == 10


def test_class_folders(tmp_path):
    found = read_image_set(folders(tmp_path / "d"))
    assert found.classes == ("class 0", "class 1", "class 2")
    assert found.test is None
    order = np.argsort(LABELS, kind="stable")
    np.testing.assert_array_equal(found.train.pixels, PIXELS[order])
    np.testing.assert_array_equal(found.train.labels, LABELS[order])


def test_class_folders_that_are_divided(tmp_path):
    found = read_image_set(folders(tmp_path / "d", ("train", "test")))
    np.testing.assert_array_equal(found.train.pixels, found.test.pixels)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_idx(tmp_path, packed):
    root = idx(tmp_path / "d", packed=packed)
    found = read_image_set(root)
    np.testing.assert_array_equal(found.train.pixels[..., 0], PIXELS[..., 0])
    np.testing.assert_array_equal(found.test.labels, LABELS)
    one = read_image_set(next(root.glob("train-images*")))
    assert one.test is None
    assert len(one.train) == 12


@pytest.mark.parametrize("axes", ["NHWC", "NCHW", "NHW", "float"])
def test_npz(tmp_path, axes):
    images = {
        "NHWC": PIXELS,
        "NCHW": PIXELS.transpose(0, 3, 1, 2),
        "NHW": PIXELS[..., 0],
        "float": (PIXELS / 255).astype(np.float32),
    }[axes]
    np.savez(tmp_path / "d.npz", x_train=images, y_train=LABELS[:, None], x_test=images[:4], y_test=LABELS[:4])
    found = read_image_set(tmp_path / "d.npz")
    np.testing.assert_array_equal(found.train.pixels, PIXELS[..., :1] if axes == "NHW" else PIXELS)
    np.testing.assert_array_equal(found.test.labels, LABELS[:4])


@pytest.mark.parametrize("hundred", [False, True], ids=["10", "100"])
@pytest.mark.parametrize("binary", [False, True], ids=["pickle", "binary"])
def test_cifar(tmp_path, binary, hundred):
    planes = RNG.integers(0, 256, (9, 3072), dtype=np.uint8)
    labels = [n % 3 for n in range(9)]
    names = ["cat", "dog", "car"]
    end = ".bin" if binary else ""
    for name in ("train", "test") if hundred else ("data_batch_1", "test_batch"):
        if binary:
            columns = [np.zeros(9, np.uint8), labels] if hundred else [labels]
            records = np.column_stack([*columns, planes]).astype(np.uint8)
            (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
        else:
            key = b"fine_labels" if hundred else b"labels"
            content = {b"data": planes, key: labels, b"batch_label": b"x"}
            (tmp_path / name).write_bytes(pickle.dumps(content, protocol=2))
    if binary:
        (tmp_path / ("fine_label_names.txt" if hundred else "batches.meta.txt")).write_text("\n".join(names))
    else:
        key = b"fine_label_names" if hundred else b"label_names"
        (tmp_path / ("meta" if hundred else "batches.meta")).write_bytes(pickle.dumps({key: names}))
    found = read_image_set(tmp_path)
    assert found.classes == ("cat", "dog", "car")
    np.testing.assert_array_equal(found.train.pixels[0].transpose(2, 0, 1).ravel(), planes[0])
    np.testing.assert_array_equal(found.test.labels, labels)
    one = read_image_set(
        tmp_path / (("train" if hundred else "data_batch_1") + end), "cifar-binary" if binary else "cifar"
    )
    assert len(one.train) == 9


def test_a_table_of_paths(tmp_path):
    folders(tmp_path / "images")
    files = sorted((tmp_path / "images").rglob("*.png"))
    lines = [
        f"{f.relative_to(tmp_path)},{f.parent.name},{'test' if n % 4 == 0 else 'train'}" for n, f in enumerate(files)
    ]
    (tmp_path / "t.csv").write_text("image,label,split\n" + "\n".join(lines))
    found = read_image_set(tmp_path / "t.csv")
    assert (len(found.train), len(found.test)) == (9, 3)


def test_images_of_several_sizes_need_a_size(tmp_path):
    root = folders(tmp_path / "d")
    write_picture(root / "class 1" / "large.jpg", np.full((20, 30, 3), 9, np.uint8))
    with pytest.raises(InputError, match=r"2 sizes \(5 x 6, 30 x 20 \.\.\.\)") as caught:
        read_image_set(root)
    assert "--resize" in caught.value.hint
    assert read_image_set(root, resize=(4, 8)).train.pixels.shape == (13, 4, 8, 3)


def test_grey_pictures_stay_grey(tmp_path):
    for number in range(6):
        path = tmp_path / "d" / f"c{number % 2}" / f"{number}.png"
        write_picture(path, np.repeat(PIXELS[number, ..., :1], 3, axis=-1))
    assert read_image_set(tmp_path / "d").train.pixels.shape[-1] == 1


def test_sixteen_bits_become_eight(tmp_path):
    for number in range(6):
        path = tmp_path / "d" / f"c{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), PIXELS[number, ..., 0].astype(np.uint16) * 257 + 100)
    found = read_image_set(tmp_path / "d").train
    np.testing.assert_array_equal(found.pixels[0, ..., 0], PIXELS[0, ..., 0])


def test_a_broken_picture_is_left_out_and_named(tmp_path):
    root = folders(tmp_path / "d")
    whole = cv2.imencode(".jpg", PIXELS[0])[1].tobytes()
    (root / "class 0" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    found = read_image_set(root)
    assert len(found.train) == 12
    assert "1 damaged image files were left out" in found.notes[0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda d: (d / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:5].astype(np.uint8))),
            "5 labels found",
        ),
        (lambda d: (d / "train-images-idx3-ubyte").write_bytes(b"\0\0\x0d\3"), "magic 0x00000d03"),
        (
            lambda d: (d / "train-images-idx3-ubyte").write_bytes(idx_bytes(PIXELS[..., 0].copy())[:-1]),
            "cut short, 359 bytes",
        ),
        (lambda d: (d / "train-images-idx3-ubyte").write_bytes(struct.pack(">I3I", 0x803, 2**31, 2**31, 9)), "claims"),
        (lambda d: (d / "train-labels-idx1-ubyte").unlink(), "no labels file found"),
    ],
    ids=["counts", "magic", "short", "huge", "missing"],
)
def test_faulty_idx(tmp_path, spoil, message):
    root = idx(tmp_path / "d")
    spoil(root)
    with pytest.raises(InputError, match=message):
        read_image_set(root)


def test_a_packed_file_that_is_cut_short(tmp_path):
    root = idx(tmp_path / "d", packed=True)
    path = root / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="truncated or damaged"):
        read_image_set(root)


class Foreign:
    def __reduce__(self):
        return print, ("executed",)


def test_a_pickle_that_names_functions_is_refused(tmp_path, capsys):
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": Foreign()}))
    with pytest.raises(InputError, match=r"names builtins\.print, which is no data"):
        read_image_set(tmp_path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": PIXELS}, "x_train and y_train, or x and y, expected"),
        ({"x": PIXELS}, "no labels of x"),
        ({"x": PIXELS, "y": LABELS[:3]}, "3 values of type int64; 12 integers"),
        ({"x": PIXELS.astype(float) * 9, "y": LABELS}, "outside"),
        ({"x": PIXELS[:, 0, 0], "y": LABELS}, r"shape \(12, 3\)"),
        ({"x": PIXELS, "y": LABELS * 0}, "one class, 0, found"),
        ({"x": PIXELS, "y": np.array([{}] * 12)}, "objects"),
        ({"x": PIXELS, "y": [*LABELS[:11], 7]}, "1 images of class 7"),
        (
            {"x_train": PIXELS, "y_train": LABELS, "x_test": PIXELS, "y_test": LABELS + 1},
            "class 3 found in the test part",
        ),
    ],
    ids=["names", "unlabelled", "counts", "range", "axes", "one", "objects", "rare", "unknown"],
)
def test_faulty_npz(tmp_path, arrays, message):
    np.savez(tmp_path / "d.npz", **{name: np.asarray(value) for name, value in arrays.items()})
    with pytest.raises(InputError) as caught:
        read_image_set(tmp_path / "d.npz")
    text = f"{caught.value.message} {caught.value.hint}"
    assert re.search(message, text), text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: None, "no such file or folder"),
        (lambda d: d.mkdir(), "no folders found"),
        (lambda d: (d / "a").mkdir(parents=True), "no image found"),
        (lambda d: d.write_text("x"), "format not recognised"),
    ],
    ids=["missing", "empty", "hollow", "other"],
)
def test_faulty_folders(tmp_path, make, message):
    make(tmp_path / "d")
    with pytest.raises(InputError, match=message):
        read_image_set(tmp_path / "d")


def test_a_class_without_a_readable_image(tmp_path):
    root = folders(tmp_path / "d")
    (root / "other").mkdir()
    (root / "other" / "x.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="no readable image of class other"):
        read_image_set(root)


def test_images_to_predict(tmp_path):
    root = folders(tmp_path / "d")
    classes = ("class 0", "class 2")
    labelled, _ = read_images(root, classes, (6, 5, 3))
    assert sorted(set(labelled.labels.tolist())) == [-1, 0, 1]
    alone, _ = read_images(next(root.rglob("*.png")), classes, (6, 5, 3))
    assert alone.labels.tolist() == [-1]
    with pytest.raises(InputError, match="images of 5 x 6 pixels, 3 channels found; 7 x 9, 3"):
        read_images(root, classes, (9, 7, 3))
    assert read_images(root, classes, (9, 7, 1), resize=True)[0].pixels.shape == (12, 9, 7, 1)
