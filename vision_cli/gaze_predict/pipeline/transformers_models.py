"""Encoders of the library transformers: vision transformers and convolutional networks, BERT and its kin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.core.errors import InputError, MissingError
from vision_cli.gaze_predict.networks.encoders.embedded_image import Taps
from vision_cli.gaze_predict.text.tokenizer import Encoded

_MOST_TOKENS = 128


class TransformersImageEncoder(nn.Module):
    """The last features of a model as maps of strides 4, 8 and 16.

    A vision transformer has one grid of features: the three maps are that grid in three sizes.

    Parameters
    ----------
    model
        Whose output has ``last_hidden_state``, patches ``(B, N, D)`` or a map ``(B, D, h, w)``.
    width
        Channels D.
    side
        Films are resized to it, px.
    mean, spread
        Of the channels that the model was trained with.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, model: nn.Module, width: int, side: int, mean: list[float], spread: list[float]) -> None:
        super().__init__()
        self.model, self.side, self.channels = model, side, (width, width, width)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(spread).view(1, -1, 1, 1), persistent=False)

    def forward(self, films: Tensor) -> Taps:
        """Return ``(B, D, h, w)`` at three strides of films ``(B, 1, H, W)``, 0 to 1."""
        height, width = films.shape[-2:]
        resized = F.interpolate(films, size=(self.side, self.side), mode="bilinear", align_corners=False)
        hidden: Tensor = self.model((resized.expand(-1, 3, -1, -1) - self.mean) / self.spread).last_hidden_state
        if hidden.dim() == 3:
            grid = int(hidden.shape[1] ** 0.5)
            # Tokens of the class and of registers come first.
            hidden = hidden[:, hidden.shape[1] - grid * grid :].transpose(1, 2).unflatten(2, (grid, grid))
        fine, middle, coarse = (
            F.interpolate(hidden, size=(height // stride, width // stride), mode="bilinear", align_corners=False)
            for stride in (4, 8, 16)
        )
        return fine, middle, coarse


class TransformersTextEncoder(nn.Module):
    """The last features of a model; their mean over the words stands for the sentence.

    Parameters
    ----------
    model
        Whose output has ``last_hidden_state`` ``(B, L, D)``.
    width
        Channels D.
    length
        Tokens of a sentence at most.
    """

    def __init__(self, model: nn.Module, width: int, length: int) -> None:
        super().__init__()
        self.model, self.length = model, length
        self.word_width = self.sentence_width = width

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return words ``(B, L, D)`` and sentences ``(B, D)`` of tokens ``(B, L)``; ``mask`` is False at padding."""
        words: Tensor = self.model(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
        share = mask.to(words.dtype)[..., None]
        return words, (words * share).sum(1) / share.sum(1)


class TransformersTokenizer:
    """A tokenizer of transformers.

    Parameters
    ----------
    tokenizer
        Called with a text.
    length
        Tokens of a sentence at most.
    """

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer, self.length = tokenizer, length

    def encode(self, text: str) -> Encoded:
        """Return a sentence in rows of the vocabulary."""
        whole = [int(one) for one in self._tokenizer(text)["input_ids"]]
        kept = [int(one) for one in self._tokenizer(text, truncation=True, max_length=self.length)["input_ids"]]
        unknown = sum(one == self._tokenizer.unk_token_id for one in kept)
        return Encoded(tuple(kept), unknown / max(1, len(kept)), len(whole) - len(kept))


def load_image_model(name: str, *, trusts_code: bool = False) -> TransformersImageEncoder:
    """Return an encoder of films from a directory or a hub id.

    Raises
    ------
    MissingError
        If transformers is not installed, or the model is neither a directory nor to be had from the hub.
    InputError
        If the model has no grid of features.
    """
    transformers = _transformers()

    def load(**options: object) -> tuple[Any, Any]:
        config = transformers.AutoConfig.from_pretrained(name, **options)
        return config, transformers.AutoModel.from_pretrained(name, **options)

    config, model = _loaded(load, name, "--image-encoder", trusts_code=trusts_code)
    vision = getattr(config, "vision_config", config)
    model = getattr(model, "vision_model", model)
    sizes = getattr(vision, "hidden_sizes", None)
    width = sizes[-1] if sizes else getattr(vision, "hidden_size", None)
    side = getattr(vision, "image_size", 224)
    if not isinstance(width, int) or not isinstance(side, int):
        raise InputError(f"--image-encoder: hf:{name}: a {config.model_type} found; a model of square images expected.")
    mean, spread = _statistics(transformers, name)
    return TransformersImageEncoder(model, width, side, mean, spread)


def load_text_model(name: str, *, trusts_code: bool = False) -> tuple[TransformersTextEncoder, TransformersTokenizer]:
    """Return an encoder of sentences and its tokenizer from a directory or a hub id.

    Raises
    ------
    MissingError
        If transformers is not installed, or the model is neither a directory nor to be had from the hub.
    InputError
        If the model does not encode text.
    """
    transformers = _transformers()

    def load(**options: object) -> tuple[Any, Any, Any]:
        config = transformers.AutoConfig.from_pretrained(name, **options)
        model = transformers.AutoModel.from_pretrained(name, **options)
        return config, model, transformers.AutoTokenizer.from_pretrained(name, **options)

    config, model, tokenizer = _loaded(load, name, "--text-encoder", trusts_code=trusts_code)
    text = getattr(config, "text_config", config)
    model = getattr(model, "text_model", model)
    width = getattr(text, "hidden_size", None)
    if not isinstance(width, int) or tokenizer.pad_token_id is None:
        raise InputError(f"--text-encoder: hf:{name}: a {config.model_type} found; an encoder of text expected.")
    length = min(_MOST_TOKENS, int(getattr(text, "max_position_embeddings", _MOST_TOKENS)))
    return TransformersTextEncoder(model, width, length), TransformersTokenizer(tokenizer, length)


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise MissingError(
            "hf: models need the package transformers, which is not installed.", hint="pip install transformers"
        ) from error
    return transformers


def _loaded(load: Callable[..., Any], name: str, option: str, *, trusts_code: bool) -> Any:
    """Return what a function loads, from the directory alone if there is one; faults as one line."""
    is_local = Path(name).is_dir()
    try:
        return load(local_files_only=is_local, trust_remote_code=trusts_code)
    # What a hub or a damaged directory raises differs between versions of the library.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        if "trust_remote_code" in str(error):
            raise InputError(
                f"{option}: hf:{name}: the model brings code along, which is not run.",
                hint="If you trust it, add --trust-remote-code.",
            ) from error
        if is_local:
            raise InputError(f"{option}: hf:{name}: not a model of transformers ({reason}).") from error
        raise MissingError(
            f"{option}: hf:{name}: no such directory, and it cannot be downloaded from the hub "
            f"({type(error).__name__}).",
            hint="Check the name and the network, give a directory, or use the embedded encoder.",
        ) from error


def _statistics(transformers: Any, name: str) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of the channels; those of ImageNet where the model does not say."""
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(name, local_files_only=Path(name).is_dir())
        return [float(one) for one in processor.image_mean], [float(one) for one in processor.image_std]
    # A model without such a file is usable all the same.
    except Exception:
        return [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
