"""What a method returns is a picture, or the picture fails for it with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.enhance_eval.methods.building import build_method, input_files, licence_notice
from vision_cli.enhance_eval.methods.checking import enhance_checked
from vision_cli.enhance_eval.methods.specs import parse_method

PICTURE = np.full((4, 6, 3), 0.25, dtype=np.float32)


@dataclass(frozen=True)
class Returning:
    result: object
    name: str = "mine"

    def enhance(self, picture, *, reference=None):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def with_value(value):
    changed = PICTURE.copy()
    changed[1, 2, 0] = value
    return changed


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (with_value(np.nan), "returned 1 values of NaN or infinity"),
        (with_value(np.inf), "returned 1 values of NaN or infinity"),
        (PICTURE[:2], r"returned shape \(2, 6, 3\); \(4, 6, 3\) expected"),
        (PICTURE[..., 0], r"returned shape \(4, 6\)"),
        ((255 * PICTURE).astype(np.uint8), "returned uint8; floating-point values"),
        (255 * PICTURE, r"returned values from 63.75 to 63.75; values in \[0, 1\] expected"),
        (with_value(-0.1), "returned values from -0.1 to 0.25"),
        (None, "returned NoneType; an array expected"),
        (ValueError("no such\nlayer"), r"failed \(ValueError: no such\)"),
        (RuntimeError(), r"failed \(RuntimeError\)"),
    ],
)
def test_what_is_no_picture_fails_with_the_reason(result, message):
    with pytest.raises(NumericalError, match=f"^night/1: mine: {message}"):
        enhance_checked(Returning(result), PICTURE, name="night/1")


def test_rounding_is_clipped_and_float64_converted():
    result = enhance_checked(Returning(with_value(1.0005).astype(np.float64)), PICTURE, name="x")
    assert result.dtype == np.float32
    assert result.max() == 1


def test_errors_of_a_method_keep_their_kind():
    with pytest.raises(InputError, match="no picture"):
        enhance_checked(Returning(InputError("no picture")), PICTURE, name="x")


def test_classical_methods_take_their_parameters():
    method = build_method(parse_method("gamma:gamma=2"))
    np.testing.assert_allclose(enhance_checked(method, PICTURE, name="x"), 0.5, atol=1e-6)
    assert method.name == "gamma:gamma=2"


def test_controls_get_the_reference_through_the_one_call():
    reference = 2 * PICTURE
    method = build_method(parse_method("reference"))
    np.testing.assert_array_equal(enhance_checked(method, PICTURE, name="x", reference=reference), reference)


@pytest.mark.parametrize("post", ["nlm", "bilateral"])
def test_suffixes_remove_noise(post):
    rng = np.random.default_rng(0)
    noisy = np.clip(0.4 + rng.normal(0, 0.02, (32, 40, 3)), 0, 1).astype(np.float32)
    cleaned = enhance_checked(build_method(parse_method(f"none+{post}")), noisy, name="x")
    assert cleaned.std() < 0.6 * noisy.std()
    assert cleaned.mean() == pytest.approx(noisy.mean(), abs=0.01)
    for shape in ((1, 9, 3), (7, 1, 3), (1, 1, 3)):
        tiny = rng.random(shape, dtype=np.float32)
        assert enhance_checked(build_method(parse_method(f"none+{post}")), tiny, name="x").shape == shape


def test_terms_of_checkpoints_are_told_and_files_listed(tmp_path):
    assert "CC BY-NC 4.0" in licence_notice(parse_method("zero-dce:weights=x.pth"))
    assert licence_notice(parse_method("sci:weights=x.pt")) is None
    assert licence_notice(parse_method("gamma")) is None
    assert [path.name for path in input_files(parse_method("sci:weights=x.pt"))] == ["x.pt"]
    assert [path.name for path in input_files(parse_method("onnx:n.onnx"))] == ["n.onnx"]
    assert input_files(parse_method("he")) == []
