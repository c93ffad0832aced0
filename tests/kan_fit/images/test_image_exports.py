"""An exported classifier gives the probabilities of the model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.kan_fit.images.data import Images
from vision_cli.kan_fit.images.exports import export_classifier
from vision_cli.kan_fit.images.files import ImageModel
from vision_cli.kan_fit.networks.classifiers import Classifier, plan_classifier


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["conv", "dense", "cnn"])
def test_an_exported_classifier_predicts_as_the_model(tmp_path, arch):
    pytest.importorskip("onnxscript")
    plan = plan_classifier(arch, (3, 8, 8), 4, (5,), ("bspline",))
    network = Classifier(plan, torch.Generator().manual_seed(0)).eval()
    network.normalise(torch.rand(20, 3, 8, 8, generator=torch.Generator().manual_seed(1)))
    model = ImageModel(network, ("a", "b", "c", "d"))
    assert export_classifier(model, tmp_path / "m.onnx") <= 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(2).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    found = session.run(None, {"images": pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255})[0]
    expected = model.probabilities(Images(pixels, np.full(3, -1), ("1", "2", "3")))
    assert np.ptp(expected[:, 0]) > 0
    assert np.allclose(found, expected, atol=1e-5)
