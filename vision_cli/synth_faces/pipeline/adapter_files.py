"""Weight files of adapters of action units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor, nn

from vision_cli.core.compute.described_weights import halved, load_tensors, read_description, write_described
from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import sha256
from vision_cli.synth_faces.networks.conditioning.adapter import AdapterShape, AuAdapter, shape_of_unet
from vision_cli.synth_faces.networks.conditioning.encoders import ENCODER_KINDS
from vision_cli.synth_faces.values import AUS

_TASK, _WHAT = "synth-faces", "au-adapter"
_HINT = "Give an adapter that `vcli synth-faces train-adapter` wrote for this model."
_MOST_LAYERS, _MOST_CHANNELS = 200, 4096


@dataclass(frozen=True)
class LoadedAdapter:
    """An adapter installed in a UNet.

    Attributes
    ----------
    adapter
        In evaluation mode.
    sha256
        Digest of its file.
    """

    adapter: AuAdapter = field(repr=False)
    sha256: str


def write_adapter(path: Path, shape: AdapterShape, tensors: Mapping[str, Tensor]) -> None:
    """Write the tensors of an adapter as float16; the file is written at once, so give a temporary one."""
    write_described(path, _TASK, {"what": _WHAT, **asdict(shape)}, halved(tensors))


def read_adapter_shape(path: Path) -> AdapterShape:
    """Return what an adapter is for.

    Raises
    ------
    InputError
        If the file is no adapter of action units.
    """
    try:
        document = read_description(path, _TASK)
        if document["what"] != _WHAT:
            raise ValueError(f"weights of {str(document['what'])[:60]}")
        if document["kind"] not in ENCODER_KINDS:
            raise ValueError(f"encoder {str(document['kind'])[:60]}")
        shape = AdapterShape(
            tuple(str(name) for name in document["aus"]),
            document["kind"],
            int(document["width"]),
            tuple(str(name) for name in document["layers"]),
            tuple(int(count) for count in document["hidden"]),
        )
        sizes = (shape.width, *shape.hidden)
        if len(shape.layers) != len(shape.hidden) or not 0 < len(shape.layers) <= _MOST_LAYERS or not shape.aus:
            raise ValueError(f"{len(shape.layers)} layers of {len(shape.hidden)} sizes")
        if not all(0 < size <= _MOST_CHANNELS for size in sizes) or len(shape.aus) > _MOST_LAYERS:
            raise ValueError("sizes out of range")
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: no adapter of action units ({error}).", hint=_HINT) from error
    return shape


def load_adapter(path: Path) -> AuAdapter:
    """Return the adapter of a file, not installed.

    Raises
    ------
    InputError
        If the file is damaged, or no adapter.
    """
    from safetensors.torch import load_file

    adapter = AuAdapter(read_adapter_shape(path))
    load_tensors(adapter, load_file(path), path, hint=_HINT)
    return adapter


def read_adapter(path: Path, unet: nn.Module, *, scale: float = 1.0, aus: tuple[str, ...] = AUS) -> LoadedAdapter:
    """Install the adapter of a file in a UNet.

    Parameters
    ----------
    path
        The file.
    unet
        A ``UNet2DConditionModel`` of diffusers without an adapter.
    scale
        Of the attention to action units.
    aus
        The action units of the vectors that it will be given.

    Raises
    ------
    InputError
        If the file is damaged, or the adapter is for another UNet or other action units.
    """
    shape = read_adapter_shape(path)
    _require_fit(path, shape, shape_of_unet(unet, shape.kind, aus))
    adapter = load_adapter(path)
    first = next(unet.parameters())
    adapter.requires_grad_(False).eval().to(first.device, first.dtype)
    adapter.scale = scale
    adapter.install(unet)
    return LoadedAdapter(adapter, sha256(path))


def _require_fit(path: Path, shape: AdapterShape, wanted: AdapterShape) -> None:
    """Refuse an adapter for something else; both values are named."""
    if shape.width != wanted.width:
        raise InputError(
            f"{path}: an adapter for text of {shape.width} channels; {wanted.width} expected, as the model has.",
            hint=_HINT,
        )
    if shape.aus != wanted.aus:
        found, needed = set(shape.aus), set(wanted.aus)
        if found == needed:
            differs = "the same in another order"
        else:
            lacks, extra = ", ".join(sorted(needed - found)) or "none", ", ".join(sorted(found - needed)) or "none"
            differs = f"missing: {lacks}; unknown: {extra}"
        raise InputError(
            f"{path}: an adapter of {len(shape.aus)} action units; {len(wanted.aus)} expected ({differs}).", hint=_HINT
        )
    if (shape.layers, shape.hidden) != (wanted.layers, wanted.hidden):
        raise InputError(
            f"{path}: an adapter for {len(shape.layers)} layers of {_words(shape.hidden)} channels; "
            f"{len(wanted.layers)} of {_words(wanted.hidden)} expected, as the model has.",
            hint=_HINT,
        )


def _words(sizes: tuple[int, ...]) -> str:
    return "/".join(str(size) for size in dict.fromkeys(sizes))
