"""Point-MAE's weights are read in the published layout, and a wrong file is refused."""

from __future__ import annotations

import pytest
import torch

from vision_cli.core.errors import MissingError
from vision_cli.pcd_anomaly.model.weights import load_point_mae
from vision_cli.pcd_anomaly.networks import build_point_mae


def test_a_checkpoint_in_the_published_layout_loads_and_a_wrong_one_names_what_is_missing(tmp_path):
    network = build_point_mae()
    state = {f"module.MAE_encoder.{name}": value for name, value in network.state_dict().items()}
    torch.save({"base_model": state}, tmp_path / "good.pth")
    loaded = load_point_mae(tmp_path / "good.pth")
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), loaded.state_dict().values(), strict=True)
    )
    del state["module.MAE_encoder.blocks.blocks.3.attn.qkv.weight"]
    torch.save({"base_model": state}, tmp_path / "bad.pth")
    with pytest.raises(MissingError, match=r"1 tensors missing.*blocks\.blocks\.3\.attn\.qkv\.weight \(missing\)"):
        load_point_mae(tmp_path / "bad.pth")
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(MissingError, match="cannot be read as a checkpoint"):
        load_point_mae(tmp_path / "text.pth")
