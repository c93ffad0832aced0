"""Models of the library transformers, made small and random in a directory; skipped where it is not installed."""

from __future__ import annotations

import sys

import pytest
import torch

from vision_cli.core.errors import ExitCode, InputError, MissingError
from vision_cli.gaze_predict.networks.building import assemble
from vision_cli.gaze_predict.pipeline.encoders import open_image_encoder, open_text_encoder


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers")


@pytest.fixture
def offline(monkeypatch):
    """Let no test wait for a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def models(transformers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vit = transformers.ViTConfig(**small, image_size=32, patch_size=8)
    transformers.ViTModel(vit).save_pretrained(folder / "vit")
    resnet = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    transformers.ResNetModel(resnet).save_pretrained(folder / "resnet")
    bert = transformers.BertConfig(**small, vocab_size=12, max_position_embeddings=10)
    transformers.BertModel(bert).save_pretrained(folder / "bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "left", "right", "effusion", "no", "lung", "##s", "."]
    (folder / "bert" / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "bert" / "vocab.txt")).save_pretrained(folder / "bert")
    return folder


@pytest.mark.parametrize(("name", "width"), [("vit", 16), ("resnet", 12)])
def test_a_model_of_images_gives_three_maps(models, name, width):
    encoder = open_image_encoder(f"hf:{models / name}").eval()
    taps = encoder(torch.rand(2, 1, 64, 64))
    assert [tuple(one.shape) for one in taps] == [(2, width, 16, 16), (2, width, 8, 8), (2, width, 4, 4)]


def test_the_network_runs_on_encoders_of_transformers(models):
    images = open_image_encoder(f"hf:{models / 'vit'}")
    text, tokenizer = open_text_encoder(f"hf:{models / 'bert'}")
    network = assemble(
        images, text, width=16, depth=1, heads=2, hidden=16, kernel_width=8, graph=((8,), 8), matching_width=8
    ).eval()
    encoded = tokenizer.encode("left effusion")
    assert encoded.unknown_share == 0
    tokens = torch.tensor([encoded.ids])
    answer = network(torch.rand(1, 1, 64, 64), torch.tensor([0]), tokens, torch.ones_like(tokens) > 0)
    assert answer.points.shape == (1, 8, 2)


def test_unknown_and_too_many_words_are_counted(models):
    _, tokenizer = open_text_encoder(f"hf:{models / 'bert'}")
    assert tokenizer.encode("left zzz").unknown_share == 0.25
    encoded = tokenizer.encode("left " * 20)
    assert (len(encoded.ids), encoded.cut) == (10, 12)


def test_padding_changes_no_word_of_a_model(models):
    encoder, tokenizer = open_text_encoder(f"hf:{models / 'bert'}")
    encoder.eval()
    ids = tokenizer.encode("no effusion").ids
    tokens = torch.tensor([[*ids, 0, 0]])
    mask = torch.tensor([[True] * len(ids) + [False] * 2])
    whole = encoder(tokens[:, : len(ids)], mask[:, : len(ids)])[1]
    torch.testing.assert_close(encoder(tokens, mask)[1], whole, atol=1e-5, rtol=1e-4)


def test_a_directory_that_is_no_model(transformers, tmp_path):
    with pytest.raises(InputError, match="not a model of transformers") as caught:
        open_image_encoder(f"hf:{tmp_path}")
    assert "\n" not in caught.value.message


def test_code_of_a_model_is_not_run(transformers, tmp_path):
    (tmp_path / "config.json").write_text(
        '{"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}', encoding="utf-8"
    )
    (tmp_path / "own.py").write_text("raise SystemExit('run')", encoding="utf-8")
    with pytest.raises(InputError, match="brings code along") as caught:
        open_text_encoder(f"hf:{tmp_path}")
    assert "--trust-remote-code" in caught.value.hint


def test_a_hub_that_cannot_be_reached_is_one_line(transformers, offline):
    with pytest.raises(MissingError, match="cannot be downloaded from the hub") as caught:
        open_image_encoder("hf:nobody/no-such-model")
    assert caught.value.exit_code == ExitCode.MISSING
    assert "\n" not in caught.value.message


def test_without_the_library_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    for opened in (open_image_encoder, open_text_encoder):
        with pytest.raises(MissingError, match="the package transformers, which is not installed"):
            opened("hf:some/model")
