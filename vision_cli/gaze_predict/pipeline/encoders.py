"""Encoders that the user gives: OpenAI's CLIP RN50 and its text transformer, and models of transformers.

Files are read as tensors only. Models of transformers are taken from a directory, or from a hub by their id; code that
a model brings along runs only if the user says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.gaze_predict.text.byte_pairs import MERGES_FILE, ClipTokenizer, read_merges
from vision_cli.gaze_predict.text.tokenizer import TextTokenizer, Tokenizer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from vision_cli.gaze_predict.networks.encoders.clip_image import ClipResNet
    from vision_cli.gaze_predict.networks.encoders.clip_text import ClipTextEncoder

_VISUAL = "visual."
# Parts of CLIP's files that are not read: the last stage, its pooling, and numbers of the whole model.
_UNUSED_IMAGE = ("layer4.", "attnpool.")
_TEXT = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection")
_PREFIXES = ("module.", "model.", "clip.")
_MOST_NAMED = 4
_HINT = "Give OpenAI's RN50.pt, or its state dict (.pt or .safetensors)."


def open_image_encoder(choice: str, *, trusts_code: bool = False) -> nn.Module:
    """Return an encoder of films: ``embedded``, ``clip-rn50:FILE`` or ``hf:ID_OR_DIRECTORY``.

    Raises
    ------
    UsageError
        If it is none of these.
    MissingError
        If the file or model is not found.
    InputError
        If it is another network, or damaged.
    """
    kind, _, where = choice.partition(":")
    if choice == "embedded":
        from vision_cli.gaze_predict.networks.encoders.embedded_image import EmbeddedImageEncoder

        return EmbeddedImageEncoder()
    if kind == "clip-rn50" and where:
        return load_clip_rn50(Path(where))
    if kind == "hf" and where:
        from vision_cli.gaze_predict.pipeline.transformers_models import load_image_model

        return load_image_model(where, trusts_code=trusts_code)
    raise UsageError(
        f"--image-encoder: {choice} found; embedded, clip-rn50:FILE or hf:ID_OR_DIRECTORY expected.",
    )


def open_text_encoder(choice: str, *, trusts_code: bool = False) -> tuple[nn.Module, TextTokenizer]:
    """Return an encoder of sentences and its tokenizer: ``embedded``, ``clip:FILE`` or ``hf:ID_OR_DIRECTORY``.

    Raises
    ------
    UsageError
        If it is none of these.
    MissingError
        If the file or model is not found.
    InputError
        If it is another network, or damaged.
    """
    kind, _, where = choice.partition(":")
    if choice == "embedded":
        from vision_cli.gaze_predict.networks.encoders.embedded_text import EmbeddedTextEncoder

        tokenizer = Tokenizer.default()
        return EmbeddedTextEncoder(tokenizer.rows, length=tokenizer.length), tokenizer
    if kind == "clip" and where:
        return load_clip_text(Path(where))
    if kind == "hf" and where:
        from vision_cli.gaze_predict.pipeline.transformers_models import load_text_model

        return load_text_model(where, trusts_code=trusts_code)
    raise UsageError(f"--text-encoder: {choice} found; embedded, clip:FILE or hf:ID_OR_DIRECTORY expected.")


def load_clip_rn50(path: Path) -> ClipResNet:
    """Return CLIP's RN50 up to its third stage, from a file of CLIP or of its visual part alone.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is another network, or holds more than tensors.
    """
    from vision_cli.gaze_predict.networks.encoders.clip_image import ClipResNet

    state = read_tensors(path)
    if any(name.startswith(_VISUAL) for name in state):
        state = {name.removeprefix(_VISUAL): one for name, one in state.items() if name.startswith(_VISUAL)}
    state = {name: one for name, one in state.items() if not name.startswith(_UNUSED_IMAGE)}
    encoder = ClipResNet()
    _load(encoder, state, path, "CLIP's RN50")
    return encoder


def load_clip_text(path: Path) -> tuple[ClipTextEncoder, ClipTokenizer]:
    """Return CLIP's text transformer and its tokenizer, whose list of merges lies beside the file.

    Raises
    ------
    MissingError
        If there is no such file, or no list of merges beside it.
    InputError
        If it is another network, or holds more than tensors.
    """
    from vision_cli.gaze_predict.networks.encoders.clip_text import ClipTextEncoder

    state = {name: one for name, one in read_tensors(path).items() if name.startswith(_TEXT)}
    shapes = {name: state[name].shape for name in ("token_embedding.weight", "text_projection") if name in state}
    if len(shapes) < 2 or any(len(shape) != 2 for shape in shapes.values()):
        raise InputError(f"{path}: no token_embedding.weight and text_projection; CLIP expected.", hint=_HINT)
    (rows, width), (_, sentence_width) = shapes["token_embedding.weight"], shapes["text_projection"]
    depth = len({name.split(".")[2] for name in state if name.startswith("transformer.resblocks.")})
    if width % 64 or not 1 <= depth <= 64:
        raise InputError(f"{path}: {depth} layers of {width} channels found; CLIP's transformer expected.", hint=_HINT)
    # A head of CLIP has 64 channels.
    encoder = ClipTextEncoder(rows, width, sentence_width, depth=depth, heads=width // 64)
    _load(encoder, state, path, "CLIP's text transformer")
    tokenizer = ClipTokenizer(read_merges(path.parent / MERGES_FILE), length=encoder.length)
    if tokenizer.rows != rows:
        raise InputError(f"{path}: {rows} rows of the vocabulary found; {tokenizer.rows} expected.", hint=_HINT)
    return encoder, tokenizer


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name, as `vision_cli.io.pickles.state_dicts.read_state_dict`.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is damaged, or holds more than tensors; code in it is never run.
    """
    from vision_cli.io.pickles.state_dicts import read_state_dict

    if not path.is_file():
        raise MissingError(f"{path}: no such file; weights expected.", hint=_HINT)
    return read_state_dict(path, hint=_HINT, prefixes=_PREFIXES)


def _load(network: nn.Module, state: Mapping[str, Tensor], path: Path, expected: str) -> None:
    """Load tensors into a network; which names or shapes are wrong is said."""
    own = network.state_dict()
    # How many batches were seen is in some files only, and nothing depends on it.
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    others = [name for name in state if name not in own]
    shapes = [
        f"{name} {tuple(state[name].shape)}, {tuple(one.shape)} expected"
        for name, one in own.items()
        if name in state and state[name].shape != one.shape
    ]
    groups = (("missing", missing), ("unexpected", others), ("other shapes", shapes))
    problems = [f"{what}: {_listed(names)}" for what, names in groups if names]
    if problems:
        raise InputError(f"{path}: not {expected}; {'; '.join(problems)}.", hint=_HINT)
    network.load_state_dict(dict(state), strict=False)


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
