from __future__ import annotations

import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.enhance_eval.pipeline.tasks.specs import parse_task_spec, read_labels


@pytest.mark.parametrize(
    ("text", "kind", "target", "options"),
    [
        ("builtin", "builtin", "", {}),
        ("onnx:a/b.onnx:decoder=yolov8,labels=c.txt", "onnx", "a/b.onnx", {"decoder": "yolov8", "labels": "c.txt"}),
        ("onnx:a.onnx", "onnx", "a.onnx", {}),
        ("py:pkg.mod:func", "py", "pkg.mod:func", {}),
        ("py:pkg.mod:func:labels=c.txt", "py", "pkg.mod:func", {"labels": "c.txt"}),
        ("HF:some/dir", "hf", "some/dir", {}),
        ("preds:out/predictions", "preds", "out/predictions", {}),
    ],
)
def test_words_of_a_task_model(text, kind, target, options):
    found = parse_task_spec(text)
    assert (found.kind, found.target, dict(found.options)) == (kind, target, options)


@pytest.mark.parametrize("text", ["", "onx:a", "onnx:", "builtin:more", "onnx:a:decoder=", "onnx:a:=b", "yolo"])
def test_other_words_are_refused(text):
    with pytest.raises(UsageError, match="expected"):
        parse_task_spec(text)


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="option 'decodr'; decoder, labels expected") as caught:
        parse_task_spec("onnx:a:decodr=yolov8").take("decoder", "labels")
    assert "decoder" in caught.value.hint


def test_names_of_classes(tmp_path):
    (tmp_path / "names.txt").write_text("cat\n\n dog \n")
    assert read_labels(tmp_path / "names.txt") == ("cat", "dog")
    (tmp_path / "names.txt").write_text("\n")
    with pytest.raises(InputError, match="a name of a class on each line expected"):
        read_labels(tmp_path / "names.txt")
