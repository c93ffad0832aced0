"""Pictures from where they lie, and reading all of a data set."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.left_out import Skipped
from vision_cli.synth_faces.data.reading import SKIPPED_COLUMNS, read_faces, skipped_rows
from vision_cli.synth_faces.data.sources import MemberPicture, PictureFile, PixelText, decoded_picture
from vision_cli.synth_faces.values import FaceDataset, LabelledFace


def test_a_box_is_cut_out_and_one_outside_is_said(tmp_path, draw):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), draw()[..., ::-1])
    assert np.array_equal(PictureFile(path, (2, 3, 4, 5)).read(), draw()[3:8, 2:6])
    assert PictureFile(path, (-2, -1, 4, 5)).read().shape == (4, 2, 3)
    with pytest.raises(InputError, match=r"face at \(50, 3, 4, 5\) in 10 x 12 pixels"):
        PictureFile(path, (50, 3, 4, 5)).read()


def test_sixteen_bits_become_eight(tmp_path, draw):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), draw()[..., ::-1].astype(np.uint16) * 257)
    assert np.array_equal(PictureFile(path).read(), draw())


@pytest.mark.parametrize("cell", ["1 2 3", "1 2 3 256", "1 2 3 x", ""])
def test_numbers_that_are_no_picture_are_said(tmp_path, cell):
    path = tmp_path / "a.csv"
    path.write_text(f"emotion,pixels\n0,{cell}\n", encoding="utf-8")
    with pytest.raises(InputError, match="row at byte 15: 4 numbers from 0 to 255 expected"):
        PixelText(path, 15, 1, 2).read()


def test_damaged_members_are_said(tmp_path, draw):
    content = cv2.imencode(".jpg", draw())[1].tobytes()
    path = tmp_path / "a.tar"
    path.write_bytes(b"xx" + content)
    assert MemberPicture(path, 2, len(content)).read().shape == (12, 10, 3)
    for wrong in (content[:-20], b"no picture", b""):
        with pytest.raises(InputError, match=r"a\.tar: damaged"):
            decoded_picture(path, wrong)


def faces(tmp_path, draw, damaged):
    found = []
    for number in range(20):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), draw(number)[..., ::-1])
        if number < damaged:
            path.write_bytes(path.read_bytes()[:40])
        found.append(LabelledFace(str(number), PictureFile(path), "fear"))
    return FaceDataset("csv", tuple(found), (Skipped("z", "uncertain", is_damage=False),))


def test_damaged_pictures_are_left_out_with_their_reason(tmp_path, draw):
    taken, left = read_faces(faces(tmp_path, draw, 1), lambda face, picture: (face.name, int(picture[0, 0, 0])))
    assert taken == [(str(number), int(draw(number)[0, 0, 0])) for number in range(1, 20)]
    assert len(left.faces) == 19
    rows = skipped_rows(left)
    assert len(rows[0]) == len(SKIPPED_COLUMNS)
    assert [(name, is_damage) for name, _, is_damage in rows] == [("z", False), ("0", True)]
    assert "damaged" in rows[1][1]


def test_more_than_a_twentieth_is_too_much(tmp_path, draw):
    data = faces(tmp_path, draw, 2)
    with pytest.raises(InputError, match="2 of 20 entries cannot be used, the first 0"):
        read_faces(data, lambda face, _: face)
    assert len(read_faces(data, lambda face, _: face, allow_skips=True)[0]) == 18


def test_what_is_taken_may_refuse_a_face(tmp_path, draw):
    def take(face, picture):
        raise InputError(f"{face.name}: no face found.")

    with pytest.raises(InputError, match=r"none of 20 pictures can be used\. 19: no face found"):
        read_faces(faces(tmp_path, draw, 0), take)
