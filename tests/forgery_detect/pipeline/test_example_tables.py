"""Faces of media as inputs and as examples."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.pipeline.example_tables import as_examples, faces_of, read_inputs
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.values import Medium
from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.io.videos.videos import VideoWriter

CUT = FaceFinder(FaceOptions(face_detector="none"))


def noise(seed, side=80):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    root = tmp_path_factory.mktemp("media")
    for number in range(3):
        write_photograph(root / f"{number}.png", noise(number))
    with VideoWriter(root / "clip.mp4", (80, 80), codec="h264", fps=10.0) as writer:
        for number in range(6):
            writer.write(noise(number))
    (root / "broken.png").write_bytes(b"\x89PNG")
    return [
        Medium(root / "0.png", "0", 0, "film", source="film:a", identities=("p",)),
        Medium(root / "broken.png", "broken", 1, "film"),
        Medium(root / "clip.mp4", "clip", 1, "arch", "ddpm", "synthesis", "diffusion", source="film:a"),
        Medium(root / "1.png", "1", None, "film"),
        Medium(root / "2.png", "2", 0, "arch", video="arch:v"),
    ]


@pytest.fixture(scope="module")
def faces(media):
    return read_inputs(media, CUT, frames=2, side=32, patch=16, output=Output(quiet=True), what="files")


def test_faces_come_in_the_order_of_their_media_with_their_frames(faces):
    assert faces.media == (0, 2, 2, 3, 4)
    assert faces.frames == (0, 1, 4, 0, 0)
    assert {(one.image.shape, one.patch.shape) for one in faces.inputs} == {((3, 32, 32), (3, 16, 16))}
    part = faces.part(np.array([3, 1]))
    assert (part.media, part.frames) == ((3, 2), (0, 1))
    assert part.inputs[0] is faces.inputs[3]


def test_what_cannot_be_read_is_named(faces):
    (left,) = faces.skipped
    assert (left.name, left.is_damage) == ("broken", True)
    assert "broken.png" in left.reason


def test_a_picture_without_a_face_is_left_out_but_not_damaged(media):
    (found,) = faces_of([media[0]], FaceFinder(FaceOptions(face_detector="haar")), 1)
    assert (found.name, found.reason, found.is_damage) == ("0", "no face was found", False)


def test_media_without_any_face_are_refused(media):
    with pytest.raises(InputError, match=r"no face in 1 media \(broken: .*broken\.png"):
        read_inputs([media[1]], CUT, frames=1, side=32, patch=16, output=Output(quiet=True), what="files")
    with pytest.raises(InputError, match="none was given"):
        read_inputs([], CUT, frames=1, side=32, patch=16, output=Output(quiet=True), what="files")


def test_examples_have_what_is_known_of_their_media(media, faces):
    examples = as_examples(media, faces)
    # The medium without a label is no example.
    assert examples.labels.tolist() == [0, 1, 1, 0]
    assert examples.domain_names == ("arch", "film")
    assert examples.domains.tolist() == [1, 0, 0, 0]
    # Of the same original; what has none is its own.
    assert examples.sources.tolist() == [0, 0, 0, 1]
    assert examples.generators == ("", "ddpm", "ddpm", "")
    assert (examples.forgeries[1], examples.families[1]) == ("synthesis", "diffusion")
    # Bytes are those of the file where nothing is resized: the face's area mean differs from them by rounding alone.
    whole = faces.inputs[0].image * 255
    np.testing.assert_allclose(examples.images[0], whole, atol=0.5)
    assert examples.coherence.dtype == np.float32


def test_a_class_without_faces_is_refused(media, faces):
    with pytest.raises(InputError, match="no fake face among 2; both classes expected"):
        as_examples(media, faces.part(np.array([0, 3, 4])))
