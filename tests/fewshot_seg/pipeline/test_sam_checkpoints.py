"""Checkpoints of Segment Anything: Meta's format, what others do to it, and our decoder against their predictor."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from vision_cli.core.errors import InputError, MissingError
from vision_cli.fewshot_seg.networks.backbones import VitBackbone, normalise
from vision_cli.fewshot_seg.networks.building import FewShotNetwork
from vision_cli.fewshot_seg.networks.decoder import Clicks
from vision_cli.fewshot_seg.networks.sam_modules import sam_modules
from vision_cli.fewshot_seg.networks.tavp import Tavp
from vision_cli.fewshot_seg.pipeline.sam_checkpoints import (
    find_variant,
    load_sam_checkpoint,
    load_sam_state,
    read_checkpoint,
    sam_state,
)

SIDE, CHANNELS = 64, 32


def small_sam(seed):
    """Return SAM at a small size, its weights random, none of them zero."""
    torch.manual_seed(seed)
    modules = sam_modules()
    grid = SIDE // 8
    sam = modules.Sam(
        modules.ImageEncoderViT(
            img_size=SIDE, patch_size=8, embed_dim=24, depth=2, num_heads=2, out_chans=CHANNELS, use_rel_pos=True,
            window_size=3, global_attn_indexes=(1,),
        ),
        modules.PromptEncoder(CHANNELS, (grid, grid), (SIDE, SIDE), 16),
        modules.MaskDecoder(
            transformer_dim=CHANNELS, transformer=modules.TwoWayTransformer(2, CHANNELS, 4, 64), iou_head_hidden_dim=32
        ),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in sam.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return sam.eval()


def network_on(sam):
    backbone = VitBackbone(sam.image_encoder, (0, 1), CHANNELS)
    tavp = Tavp(backbone, sam.prompt_encoder, sam.mask_decoder, level_width=8, dense_width=8, heads=4)
    return FewShotNetwork(backbone, tavp).eval()


@pytest.fixture(scope="module")
def sam():
    return small_sam(0)


@pytest.fixture
def checkpoint(sam, tmp_path):
    path = tmp_path / "sam.pth"
    torch.save(sam.state_dict(), path)
    return path


def test_pictures_with_clicks_each_are_segmented_as_by_the_predictor_one_by_one(sam):
    segment_anything = pytest.importorskip("segment_anything")
    network = network_on(sam)
    torch.manual_seed(3)
    images = torch.rand(3, 3, SIDE, SIDE) * 255
    points, labels = torch.rand(3, 2, 2) * SIDE, torch.tensor([[1, 0], [1, 1], [0, 1]])
    predictor = segment_anything.SamPredictor(sam)
    wanted, wanted_iou = [], []
    for image, click, label in zip(images, points, labels, strict=True):
        predictor.set_torch_image(image[None], (SIDE, SIDE))
        _, iou, logits = predictor.predict_torch(click[None], label[None], multimask_output=False)
        wanted.append(logits[0, 0])
        wanted_iou.append(iou[0, 0])
    with torch.no_grad():
        found = network.tavp.click(network.encode(normalise(images)), Clicks(points, labels), (SIDE, SIDE))
    assert (found.logits - torch.stack(wanted)).abs().max() <= 1e-4
    assert torch.equal(found.logits > 0, torch.stack(wanted) > 0)
    assert (found.iou - torch.stack(wanted_iou)).abs().max() <= 1e-4


def test_what_is_read_is_what_was_saved(sam, checkpoint):
    other = network_on(small_sam(1))
    load_sam_state(other, read_checkpoint(checkpoint), checkpoint)
    saved, loaded = sam.state_dict(), sam_state(other)
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[key], saved[key]) for key in saved)


@pytest.mark.parametrize("prefix", ["module.", "sam.", "module.model."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_prefixes_and_wrappers_are_taken_off(sam, tmp_path, prefix, suffix):
    state = {prefix + key: tensor.contiguous() for key, tensor in sam.state_dict().items()}
    path = tmp_path / f"sam{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 3}, path)
    else:
        save_file(state, path)
    assert read_checkpoint(path).keys() == sam.state_dict().keys()


def test_missing_left_over_and_misshapen_keys_are_named(sam, checkpoint):
    state = read_checkpoint(checkpoint)
    del state["mask_decoder.iou_token.weight"]
    state["image_encoder.extra"] = torch.zeros(1)
    state["image_encoder.neck.0.weight"] = torch.zeros(2, 2, 1, 1)
    with pytest.raises(InputError, match=r"missing: mask_decoder\.iou_token\.weight") as raised:
        load_sam_state(network_on(sam), state, checkpoint)
    assert "unexpected: image_encoder.extra" in raised.value.message
    assert "image_encoder.neck.0.weight (2, 2, 1, 1), (32, 24, 1, 1) expected" in raised.value.message


@pytest.mark.parametrize(
    ("channels", "blocks", "variant"), [(768, 12, "vit_b"), (1024, 24, "vit_l"), (1280, 32, "vit_h")]
)
def test_the_variant_follows_from_the_shapes(tmp_path, channels, blocks, variant):
    state = {f"image_encoder.blocks.{number}.norm1.weight": torch.zeros(1) for number in range(blocks)}
    state["image_encoder.pos_embed"] = torch.zeros(1, 2, 2, channels)
    assert find_variant(state, tmp_path) == variant
    del state["image_encoder.blocks.3.norm1.weight"]
    with pytest.raises(InputError, match=f"an encoder of {blocks - 1} blocks, {channels} channels found"):
        find_variant(state, tmp_path)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("image_encoder.patch_embed.seq.0.c.weight", "TinyViT"),
        ("image_encoder.trunk.pos_embed", "Hiera"),
        ("vision_encoder.pos_embed", "transformers"),
        ("backbone.conv1.weight", "no image_encoder.pos_embed"),
    ],
)
def test_checkpoints_of_other_networks_are_named(tmp_path, key, name):
    path = tmp_path / "other.pth"
    torch.save({key: torch.zeros(2)}, path)
    with pytest.raises(InputError, match=name):
        load_sam_checkpoint(path)


class Hostile:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"image_encoder.pos_embed": torch.tensor([float("nan")])}, "not finite in image_encoder.pos_embed"),
        ({"image_encoder.pos_embed": 3}, "image_encoder.pos_embed found; tensors by name expected"),
        ([torch.zeros(1)], "list found; tensors by name expected"),
        ({}, "nothing found"),
        (Hostile(), "holds more than tensors"),
    ],
    ids=["nan", "number", "list", "empty", "code"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, capsys, content, text):
    path = tmp_path / "bad.pth"
    torch.save(content, path)
    with pytest.raises(InputError, match=text):
        read_checkpoint(path)
    assert "run" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bad.pth", "bad.safetensors"])
@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_damaged_file_is_named(checkpoint, name, size):
    path = checkpoint.with_name(name)
    path.write_bytes(checkpoint.read_bytes()[:size])
    with pytest.raises(InputError, match=name):
        read_checkpoint(path)


def test_a_file_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingError, match="no such file"):
        read_checkpoint(tmp_path / "none.pth")


@pytest.mark.slow
def test_a_vit_b_in_metas_format_is_loaded_whole_and_decodes_as_theirs(tmp_path):
    segment_anything = pytest.importorskip("segment_anything")
    torch.manual_seed(0)
    theirs = segment_anything.sam_model_registry["vit_b"]()
    path = tmp_path / "sam_vit_b.pth"
    torch.save(theirs.state_dict(), path)
    network, variant = load_sam_checkpoint(path)
    saved, loaded = theirs.state_dict(), sam_state(network)
    assert variant == "vit_b"
    assert len(saved) == len(loaded) == 314
    assert all(torch.equal(loaded[key], saved[key]) for key in saved)
    predictor = segment_anything.SamPredictor(theirs)
    points, labels = torch.rand(2, 3, 2) * 1024, torch.tensor([[1, 0, 1], [1, 1, 0]])
    embedding, images = torch.randn(2, 256, 64, 64), torch.randn(2, 3, 1024, 1024)
    predictor.original_size = predictor.input_size = (1024, 1024)
    predictor.is_image_set = True
    with torch.no_grad():
        shallow = network.tavp.shallow(images)
        tokens = network.tavp.decoder.click_tokens(Clicks(points, labels), (1024, 1024))
        found = network.tavp.decoder(embedding, tokens, network.tavp.decoder.without_mask(), shallow)
        for number in range(2):
            predictor.features = embedding[number : number + 1]
            click = points[number : number + 1], labels[number : number + 1]
            wanted = predictor.predict_torch(*click, multimask_output=False)[2]
            assert (found.logits[number] - wanted[0, 0]).abs().max() <= 1e-4
