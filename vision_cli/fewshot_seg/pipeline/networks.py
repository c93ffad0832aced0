"""A network with what is needed to use it: its frame, its device, and a cache of what it reads of pictures."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from vision_cli.core.errors import ResourceError
from vision_cli.core.runs.files import atomic_path
from vision_cli.fewshot_seg.networks.building import FewShotNetwork
from vision_cli.fewshot_seg.networks.tavp import Encoded
from vision_cli.fewshot_seg.pipeline.frames import Frame
from vision_cli.fewshot_seg.values import Picture

_KEPT = 4
"""Pictures whose encoding is kept in memory: the classes of a query follow each other."""


@dataclass
class LoadedNetwork:
    """A network that is ready for pictures.

    Attributes
    ----------
    network
        In evaluation mode, on its device.
    variant
        Name of its builder.
    frame
        How pictures are brought to it.
    digest
        Of its weights; names the files of the cache.
    cache
        Folder of encodings; None for none.
    """

    network: FewShotNetwork
    variant: str
    frame: Frame
    digest: str
    cache: Path | None = None
    _recent: OrderedDict[str, Encoded] = field(default_factory=OrderedDict)

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return next(self.network.parameters()).device

    @torch.no_grad()
    def encode(self, picture: Picture) -> Encoded:
        """Return what the network reads of a picture, as a batch of one; each picture is encoded once."""
        key = self._key(picture)
        encoded = self._recent.pop(key, None)
        if encoded is None:
            encoded = self._stored(key)
        if encoded is None:
            encoded = self.network.encode(self.frame.picture(picture)[None].to(self.device))
            self._store(key, encoded)
        self._recent[key] = encoded
        if len(self._recent) > _KEPT:
            self._recent.popitem(last=False)
        return encoded

    def _key(self, picture: Picture) -> str:
        digest = hashlib.sha256(f"{self.digest} {self.frame} {picture.shape}".encode())
        digest.update(picture.tobytes())
        return digest.hexdigest()

    def _stored(self, key: str) -> Encoded | None:
        """Return an encoding of the cache; None if there is none, or it is damaged and will be made again."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        if self.cache is None:
            return None
        try:
            found = load_file(self.cache / f"{key}.safetensors")
            tensors = {name: tensor.float().to(self.device) for name, tensor in found.items()}
            return Encoded(tensors["embedding"], tensors["levels"], (tensors["half"], tensors["quarter"]))
        except (OSError, SafetensorError, KeyError):
            return None

    def _store(self, key: str, encoded: Encoded) -> None:
        """Keep an encoding as float16; a cache that cannot be written to is given up."""
        from safetensors.torch import save

        if self.cache is None or encoded.shallow is None:
            return
        tensors: Mapping[str, Tensor] = {
            "embedding": encoded.embedding,
            "levels": encoded.levels,
            "half": encoded.shallow[0],
            "quarter": encoded.shallow[1],
        }
        content = save({name: tensor.half().cpu().contiguous() for name, tensor in tensors.items()})
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.cache / f"{key}.safetensors") as path:
                path.write_bytes(content)
        except (OSError, ResourceError):
            self.cache = None
