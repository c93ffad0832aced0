"""Portraits of a folder, and rendered ones."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.simulation.portraits import read_portraits, rendered_portraits
from vision_cli.io.pictures.photographs import read_photograph, write_photograph


@pytest.fixture(scope="module")
def rendered():
    return rendered_portraits(1, seed=2)[0]


def test_rendered_faces_have_a_box_landmarks_and_a_name(rendered):
    assert rendered.is_rendered
    assert rendered.picture.shape == (720, 720, 3)
    assert rendered.landmarks.shape == (68, 2)
    left, top, width, height = rendered.box
    assert width == height
    eyes = rendered.landmarks[36:48].mean(axis=0)
    assert eyes == pytest.approx([left + width / 2, top + 0.4 * height], abs=0.15 * width)


@pytest.mark.slow
def test_a_rendered_face_depends_on_the_seed_and_its_number(rendered):
    (second,) = rendered_portraits(1, seed=2, first=1)
    assert (rendered.name, second.name) == ("rendered-2-0", "rendered-2-1")
    assert not np.array_equal(rendered.picture, second.picture)


def test_portraits_of_a_folder_are_found_with_their_landmarks(rendered, tmp_path):
    (tmp_path / "more").mkdir()
    write_photograph(tmp_path / "b.png", rendered.picture)
    write_photograph(tmp_path / "more" / "a.png", rendered.picture[:, ::-1])
    write_photograph(tmp_path / "wall.png", np.full((300, 300, 3), 90, np.uint8))
    points = "\n".join(f"{x:.3f}\t{y:.3f}" for x, y in rendered.landmarks)
    (tmp_path / "b.tem").write_text(f"68\n{points}\n1\n0\n2\n0 1\n")
    first, second = read_portraits(tmp_path)
    assert (first.name, second.name) == ("b", "more/a")
    np.testing.assert_allclose(first.landmarks, rendered.landmarks, atol=1e-3)
    assert second.landmarks is None
    # The same face by the cascade and by its landmarks.
    side = first.box[2]
    np.testing.assert_allclose(first.box, rendered.box, atol=0.12 * side)


@pytest.mark.parametrize(
    "text", ["", "many\n1 2\n", "3\n1 2\n3 4\n", "3\n1 2\n3 4\nnan 5\n", "3\n1 2 3\n3 4 5\n5 6 7\n", "-1\n"]
)
def test_damaged_templates_are_refused(rendered, tmp_path, text):
    write_photograph(tmp_path / "b.png", rendered.picture)
    (tmp_path / "b.tem").write_text(text)
    with pytest.raises(InputError, match=r"b\.tem"):
        read_portraits(tmp_path)


def test_folders_without_faces_are_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        read_portraits(tmp_path / "none")
    with pytest.raises(InputError, match="no face in 0 pictures"):
        read_portraits(tmp_path)
    write_photograph(tmp_path / "wall.png", np.full((300, 300, 3), 90, np.uint8))
    with pytest.raises(InputError, match="no face in 1 pictures"):
        read_portraits(tmp_path)


def test_photographs_keep_their_own_size(real_portraits, tmp_path):
    name = sorted(path.name for path in real_portraits.glob("*.jpg"))[0]
    (tmp_path / name).symlink_to(real_portraits / name)
    (portrait,) = read_portraits(tmp_path)
    np.testing.assert_array_equal(portrait.picture, read_photograph(real_portraits / name))
    assert 0.2 < portrait.box[2] / portrait.picture.shape[1] < 0.7


def test_the_simulation_starts_without_torch():
    code = "import sys, vision_cli.forgery_detect.simulation.pairs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
