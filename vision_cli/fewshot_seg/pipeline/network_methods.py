"""Methods on a network: the paper's, and two that need no training beyond its encoder and decoder.

``tavp`` is the paper's network. ``proto`` compares features with the mean features of class and background (Wang et
al., PANet, ICCV 2019). ``persam`` clicks where the query is most and least like the class and takes SAM's mask for
these clicks (Zhang et al., PerSAM, ICLR 2024, without its attention guidance, its cascade and its fine-tuning).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vision_cli.fewshot_seg.networks.building import shares
from vision_cli.fewshot_seg.networks.decoder import Clicks
from vision_cli.fewshot_seg.networks.layers import to_size
from vision_cli.fewshot_seg.networks.prototypes import masked_average
from vision_cli.fewshot_seg.networks.tavp import Encoded, SupportSet
from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork
from vision_cli.fewshot_seg.pixels.segmenter import expected_iou
from vision_cli.fewshot_seg.values import Floats, Picture, Segmentation, Support

NetworkMethod = Literal["tavp", "proto", "persam"]

_TEMPERATURE = 20.0
"""Factor on cosines before a softmax, as of PANet."""


class NetworkSegmenter:
    """A method on a network.

    Parameters
    ----------
    loaded
        The network.
    name
        The method.
    """

    def __init__(self, loaded: LoadedNetwork, name: NetworkMethod = "tavp") -> None:
        self.name: str = name
        self._loaded, self._method = loaded, name

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> NetworkTask:
        """Return the class that the supports show; at least one of them is positive."""
        loaded = self._loaded
        with torch.no_grad():
            encoded = [loaded.encode(one.picture) for one in supports]
            together = Encoded(
                torch.cat([one.embedding for one in encoded]), torch.cat([one.levels for one in encoded])
            )
            drawn = [loaded.frame.mask(one) for one in supports]
            masks, known = (torch.stack([pair[which] for pair in drawn])[None].to(loaded.device) for which in (0, 1))
            size = together.embedding.shape[-2:]
            shown = SupportSet(together.as_supports(1), *shares(masks, known, size))
        return NetworkTask(loaded, self._method, shown)


@dataclass(frozen=True)
class NetworkTask:
    """A class that a method on a network has learned.

    Attributes
    ----------
    loaded, method
        As of the segmenter.
    supports
        What the network reads of the supports.
    """

    loaded: LoadedNetwork
    method: NetworkMethod
    supports: SupportSet

    @torch.no_grad()
    def segment(self, picture: Picture) -> Segmentation:
        """Return where the class is in a query of any size."""
        loaded = self.loaded
        query = loaded.encode(picture)
        known = to_size(loaded.frame.known(picture.shape)[None, None].to(loaded.device), query.embedding.shape[-2:])[
            :, 0
        ]
        logits, presence, score = {"tavp": self._tavp, "proto": self._proto, "persam": self._persam}[self.method](
            query, known
        )
        probability = loaded.frame.restore(torch.sigmoid(logits.float()), picture.shape)
        mask = np.asarray(probability > 0.5)
        own_score = expected_iou(probability, mask) if score is None else float(np.clip(score, 0, 1))
        best = self._best_support(query)
        return Segmentation(probability, mask, presence, own_score, self.method, best_support=best)

    def _tavp(self, query: Encoded, known: Tensor) -> tuple[Tensor, float, float | None]:
        answer = self.loaded.network.tavp(self.supports, query, known=known)
        return answer.logits[0], float(torch.sigmoid(answer.presence.float())[0]), float(answer.iou[0])

    def _proto(self, query: Encoded, known: Tensor) -> tuple[Tensor, float, float | None]:
        front, back = self._cosines(query)
        logits = _TEMPERATURE * (front - back)
        return logits[0], _presence(logits, known), None

    def _persam(self, query: Encoded, known: Tensor) -> tuple[Tensor, float, float | None]:
        """Return SAM's mask for a click where the query is most like the class, and one where it is least so."""
        front, _ = self._cosines(query)
        # A place on the padding is no place to click at.
        lowest = torch.where(known > 0.5, front, torch.full_like(front, 2.0)).flatten(1).argmin(1)
        highest = torch.where(known > 0.5, front, torch.full_like(front, -2.0)).flatten(1).argmax(1)
        width, stride = front.shape[-1], self.loaded.frame.side / front.shape[-1]
        places = torch.stack([highest, lowest], 1)
        points = torch.stack([(places % width + 0.5) * stride, (places // width + 0.5) * stride], 2)
        labels = torch.tensor([[1, 0]], device=points.device)
        side = self.loaded.frame.side
        decoded = self.loaded.network.tavp.click(query, Clicks(points, labels), (side, side))
        share = float(torch.sigmoid(_TEMPERATURE * (front.flatten(1).amax() - 0.5)))
        return decoded.logits[0], share, float(decoded.iou[0])

    def _cosines(self, query: Encoded) -> tuple[Tensor, Tensor]:
        """Return the cosines ``(1, h, w)`` of a query with the mean features of class and background."""
        features = F.normalize(query.embedding, dim=1)
        embedding = self.supports.encoded.embedding
        found = [
            torch.einsum("bchw,bc->bhw", features, F.normalize(masked_average(embedding, share), dim=1))
            for share in (self.supports.foreground, self.supports.background)
        ]
        return found[0], found[1]

    def _best_support(self, query: Encoded) -> int:
        """Return the position of the support whose class the query has most of: the greatest cosine of any pixel."""
        features = F.normalize(query.embedding, dim=1)
        embedding, share = self.supports.encoded.embedding, self.supports.foreground
        found = []
        for place in range(embedding.shape[1]):
            one = share[:, place : place + 1]
            own = masked_average(embedding[:, place : place + 1], one)
            cosine = torch.einsum("bchw,bc->bhw", features, F.normalize(own, dim=1)).amax()
            found.append(float(cosine) if bool(one.sum() > 0) else -2.0)
        return int(np.argmax(found))


def _presence(logits: Tensor, known: Tensor) -> float:
    """Return the mean probability of the likeliest hundredth of the known pixels."""
    values: Floats = torch.sigmoid(logits[known > 0.5].float()).cpu().numpy()
    return float(np.sort(values)[-max(1, len(values) // 100) :].mean())
