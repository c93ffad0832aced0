"""Heads that return eight gaze points in the order of time, with how long each lasts and whether the path ends.

The default are point queries with a soft-argmax; `FlatHead` is the paper's, whose first layer has 26 million weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.decoder import DecoderLayer
from vision_cli.gaze_predict.networks.layers import cell_centres, sine_positions, two_layers

POINTS = 8
"""Points of a path, K in the paper."""

# Logarithm of a fixation's duration in seconds: mean and standard deviation in public recordings of radiologists.
_DURATION_MEAN, _DURATION_SPREAD = -1.30, 0.51
_LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class PointAnswer:
    """The points of B paths.

    Attributes
    ----------
    points
        ``(B, 8, 2)``, x and y in the unit frame.
    log_duration_mean, log_duration_spread
        ``(B, 8)``, mean and standard deviation of the logarithm of the duration in s.
    stop
        ``(B, 8)``, logits that the path ends with this fixation.
    """

    points: Tensor
    log_duration_mean: Tensor
    log_duration_spread: Tensor
    stop: Tensor


class QueryHead(nn.Module):
    """Eight learned queries that read the map and the words; each point is the mean place of its query's attention.

    The logits of the attention are added to those of the density, so that a point starts inside of the density and the
    losses of the points move the density too.

    Parameters
    ----------
    width
        Channels of the map.
    word_width
        Channels of a word.
    heads, hidden
        Of the layer by which the queries read.
    """

    def __init__(self, width: int, word_width: int, *, heads: int = 8, hidden: int = 512) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(POINTS, width))
        nn.init.normal_(self.queries, std=0.5)
        self.words = nn.Linear(word_width, width)
        self.layer = DecoderLayer(width, heads, hidden, 0.0)
        self.norm = nn.LayerNorm(width)
        self.ask, self.key = nn.Linear(width, width), nn.Conv2d(width, width, 1)
        self.times = TimeHead(width)

    def forward(self, maps: Tensor, logits: Tensor, words: Tensor, mask: Tensor) -> PointAnswer:
        """Return the points.

        Parameters
        ----------
        maps
            Decoded, ``(B, D, h, w)``.
        logits
            Of the density, ``(B, H, W)``.
        words, mask
            ``(B, L, E)`` and ``(B, L)``, False at padding.
        """
        count, width, height, columns = maps.shape
        places = maps.flatten(2).transpose(1, 2) + sine_positions(height, columns, width, maps)
        read = torch.cat([places, self.words(words)], 1)
        padding = torch.cat([mask.new_zeros(count, places.shape[1]), ~mask], 1)
        queries = self.queries.to(maps.dtype).expand(count, -1, -1)
        # The queries themselves tell the order.
        states = self.norm(self.layer(queries, torch.zeros_like(self.queries), read, padding))
        scores = self.ask(states) @ self.key(maps).flatten(2) / width**0.5
        prior = F.adaptive_avg_pool2d(logits[:, None], (height, columns)).flatten(2)
        shares = torch.softmax((scores + prior).float(), -1)
        points = shares @ cell_centres(height, columns, shares).flatten(0, 1)
        return PointAnswer(points, *self.times(states))


class FlatHead(nn.Module):
    """The paper's head: all values of the density map, two hidden layers, sixteen coordinates.

    Parameters
    ----------
    side
        Of the map that it flattens, px; 224 in the paper.
    hidden
        Units of the layers, 512 and 256 in the paper.
    """

    def __init__(self, side: int = 224, hidden: tuple[int, int] = (512, 256)) -> None:
        super().__init__()
        self.side = side
        self.layers = nn.Sequential(
            nn.Linear(side * side, hidden[0]), nn.ReLU(), nn.Linear(hidden[0], hidden[1]), nn.ReLU()
        )
        self.last = nn.Linear(hidden[1], 2 * POINTS)
        self.order = nn.Parameter(torch.empty(POINTS, hidden[1]))
        nn.init.normal_(self.order, std=0.5)
        self.times = TimeHead(hidden[1])

    def forward(self, maps: Tensor, logits: Tensor, words: Tensor, mask: Tensor) -> PointAnswer:
        """Return the points; of the arguments of `QueryHead` only the logits are read."""
        grown = F.interpolate(logits[:, None], size=(self.side, self.side), mode="bilinear", align_corners=False)
        hidden = self.layers(grown.flatten(1))
        points = self.last(hidden).sigmoid().unflatten(1, (POINTS, 2))
        return PointAnswer(points.float(), *self.times(hidden[:, None] + self.order.to(hidden.dtype)))


class TimeHead(nn.Module):
    """Durations and stop of fixations, from what is known of each, ``(B, 8, D)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = two_layers(width, width // 2, 3)
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return mean and standard deviation of the log duration, and the logits of the stop, each ``(B, 8)``."""
        mean, spread, stop = self.layers(states).float().unbind(-1)
        # Where softplus is 1 the spread is that of public recordings: an untrained head is a sensible one.
        one = 0.5413
        spread = (_DURATION_SPREAD - _LEAST_SPREAD) * F.softplus(spread + one) + _LEAST_SPREAD
        return mean + _DURATION_MEAN, spread, stop - 2.0
