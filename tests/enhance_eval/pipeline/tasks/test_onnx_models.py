from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError, NumericalError, UsageError
from vision_cli.enhance_eval.data.classes import COCO
from vision_cli.enhance_eval.data.opening import open_dataset
from vision_cli.enhance_eval.pipeline.tasks.decoders import Candidates
from vision_cli.enhance_eval.pipeline.tasks.onnx_models import (
    middle,
    open_onnx_classifier,
    open_onnx_detector,
    probabilities,
    select,
)
from vision_cli.enhance_eval.pipeline.tasks.sessions import open_session
from vision_cli.enhance_eval.pipeline.tasks.specs import parse_task_spec

PICTURE = np.random.default_rng(0).random((32, 64, 3), dtype=np.float32)


def detector(path, words):
    return open_onnx_detector(parse_task_spec(f"onnx:{path}:{words}"), threads=1)


@pytest.fixture
def names(tmp_path):
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    return tmp_path / "names.txt"


def test_boxes_come_back_in_pixels_of_the_picture(put_constant, names):
    # A picture of 64 x 32 lies in the middle of 64 x 64: 16 rows of grey above it.
    rows = np.zeros((1, 6, 3), np.float32)
    rows[0, :, 0] = [20, 32, 8, 16, 0.9, 0.02]
    rows[0, :, 1] = [21, 32, 8, 16, 0.7, 0.8]
    path = put_constant(rows)
    found = detector(path, f"decoder=yolov8,labels={names},size=64")
    (boxes,) = found.detect([PICTURE])
    np.testing.assert_allclose(boxes.scores, [0.9, 0.8], rtol=1e-6)
    assert boxes.labels.tolist() == [0, 1]
    np.testing.assert_allclose(boxes.corners[0], [16, 8, 24, 24], atol=1e-4)


def test_of_overlapping_boxes_of_a_class_the_highest_stays():
    corners = np.array([[-20, 0, 10, 10], [-19, 0, 10, 10], [-20, 0, 10, 10], [50, 0, 60, 10]], float)
    scores = np.array([[0.5, 0], [0.9, 0], [0, 0.8], [0.3, 0.0005]])
    kept = select(Candidates(corners, scores), 0.5)
    assert kept.labels.tolist() == [0, 1, 0]
    np.testing.assert_allclose(kept.scores, [0.9, 0.8, 0.3], rtol=1e-6)
    assert len(select(Candidates(corners, scores), None).scores) == 4
    assert select(Candidates(corners[:0], scores[:0]), 0.5).corners.shape == (0, 4)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("labels=a", "decoder none; yolov5, yolov8"),
        ("decoder=yolov9", "decoder yolov9; yolov5"),
        ("decoder=yolov8,size=big", "size 'big'; width x height"),
        ("decoder=yolov8,size=32x32", "the file takes 64x64 alone"),
        ("decoder=yolov8,fit=squash", "fit 'squash'; stretch"),
        ("decoder=yolov8,engine=magic", "engine 'magic'"),
    ],
)
def test_wrong_words_are_refused(put_constant, words, reason):
    path = put_constant(np.zeros((1, 6, 3)))
    with pytest.raises(UsageError, match=reason):
        detector(path, words)


def test_a_network_of_other_classes_or_without_numbers_is_refused(put_constant, names):
    path = put_constant(np.full((1, 9, 3), 0.5))
    with pytest.raises(InputError, match="5 classes; 2 names of classes given"):
        detector(path, f"decoder=yolov8,labels={names}").detect([PICTURE])
    with pytest.raises(InputError, match="5 classes; 80 names of classes given"):
        detector(path, "decoder=yolov8").detect([PICTURE])
    path = put_constant(np.full((1, 6, 3), np.nan))
    with pytest.raises(NumericalError, match="an output is not finite"):
        detector(path, f"decoder=yolov8,labels={names}").detect([PICTURE])


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x08\x07\x12\x04abcd"])
@pytest.mark.parametrize("engine", ["onnxruntime", "opencv"])
def test_a_file_that_is_no_network_is_refused(tmp_path, content, engine):
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.onnx: no ONNX network that can be read") as caught:
        open_session(path, engine=engine)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="no such file"):
        open_session(tmp_path / "b.onnx")


def test_a_network_of_another_input_is_refused(put_constant):
    session = open_session(put_constant(np.zeros(3)))
    with pytest.raises(InputError, match=r"does not compute on an input of shape \(1, 3, 8, 8\)"):
        session.run(np.zeros((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize("values", [[2.0, 1.0], [0.7310586, 0.2689414]])
def test_logits_and_probabilities_give_one_answer(put_constant, names, values):
    path = put_constant(np.array([values]))
    found = open_onnx_classifier(parse_task_spec(f"onnx:{path}:labels={names}"))
    assert found.size == (64, 64)
    assert found.classes == ("cat", "dog")
    np.testing.assert_allclose(found.classify([PICTURE, PICTURE]), [[0.7310586, 0.2689414]] * 2, atol=1e-6)
    assert found.classify([]).shape == (0, 2)


def test_a_classifier_needs_names_and_as_many_as_it_has_classes(put_constant, names):
    path = put_constant(np.zeros((1, 3)))
    with pytest.raises(UsageError, match="labels=FILE"):
        open_onnx_classifier(parse_task_spec(f"onnx:{path}"))
    with pytest.raises(InputError, match="3 classes; 2 names"):
        open_onnx_classifier(parse_task_spec(f"onnx:{path}:labels={names}")).classify([PICTURE])


def test_probabilities_of_large_logits_are_finite():
    np.testing.assert_allclose(probabilities(np.array([1000.0, 0.0])), [1, 0])


def test_the_middle_has_the_ratio_of_the_input():
    picture = np.zeros((256, 512, 3), np.float32)
    picture[16:240, 144:368] = 1
    shown = middle(picture, (224, 224))
    assert shown.shape == (224, 224, 3)
    assert (shown == 1).all()


def test_fastestdet_finds_what_real_photographs_show(real_data):
    found = detector(real_data / "models" / "FastestDet.onnx", "decoder=fastestdet")
    assert (found.size, found.classes) == ((352, 352), COCO)
    wanted = {
        "sci/difficult/2015_02057": "bus",
        "sci/difficult/2015_05885": "motorcycle",
        "sci/difficult/2015_05886": "person",
    }
    seen = {}
    for sample in open_dataset(real_data / "photos").samples:
        if sample.name in wanted:
            (boxes,) = found.detect([sample.source.read()])
            seen[sample.name] = {
                COCO[label] for label, score in zip(boxes.labels, boxes.scores, strict=True) if score > 0.5
            }
            assert (np.diff(boxes.scores) <= 0).all()
    assert all(name in seen[photo] for photo, name in wanted.items()), seen


def test_both_engines_find_the_same(real_data):
    path = real_data / "models" / "FastestDet.onnx"
    picture = open_dataset(real_data / "photos" / "dicm").samples[1].source.read()
    first, second = (
        detector(path, f"decoder=fastestdet,engine={engine}").detect([picture])[0]
        for engine in ("onnxruntime", "opencv")
    )
    confident = int((first.scores > 0.05).sum())
    assert confident > 0
    np.testing.assert_allclose(first.corners[:confident], second.corners[:confident], atol=0.1)
    np.testing.assert_allclose(first.scores[:confident], second.scores[:confident], atol=1e-4)
