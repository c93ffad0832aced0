"""GEM: from a film and a sentence to a density of gaze and eight points (arXiv:2408.05502).

What only the film determines is computed once for all of its sentences (`GemNetwork.encode_film`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from vision_cli.gaze_predict.networks.decoder import ContextDecoder
from vision_cli.gaze_predict.networks.encoders.embedded_image import Taps
from vision_cli.gaze_predict.networks.heads import PointAnswer
from vision_cli.gaze_predict.networks.matching import BehaviourBranch
from vision_cli.gaze_predict.networks.neck import Neck
from vision_cli.gaze_predict.networks.projector import Projector


@dataclass(frozen=True)
class Ablation:
    """Parts of the method, each of which can be left out.

    Attributes
    ----------
    context
        The context-awareness module: the sentence multiplied into the neck, the decoder, and the kernel that follows
        from the sentence. Without it the sentence is added to the features of the film, and the kernel is learned.
    graph
        The visual behaviour graph around the points, in training; without it, each point is described by itself.
    matching
        The rounds of matching, in training; without them, nodes are compared as they are. Without ``graph`` and
        ``matching`` there is no such loss.
    """

    context: bool = True
    graph: bool = True
    matching: bool = True


ALL_PARTS = Ablation()
"""Nothing is left out."""


class ImageEncoder(Protocol):
    """What encodes films ``(B, 1, H, W)``, 0 to 1, as maps of strides 4, 8 and 16."""

    channels: tuple[int, int, int]

    def __call__(self, films: Tensor) -> Taps:
        """Return the maps."""
        ...


class TextEncoder(Protocol):
    """What encodes tokens ``(B, L)`` with their mask as words ``(B, L, D)`` and sentences ``(B, E)``."""

    word_width: int
    sentence_width: int
    length: int

    def __call__(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return words and sentences."""
        ...


class PointHead(Protocol):
    """What finds the points; see `vision_cli.gaze_predict.networks.heads`."""

    def __call__(self, maps: Tensor, logits: Tensor, words: Tensor, mask: Tensor) -> PointAnswer:
        """Return the points."""
        ...


@dataclass(frozen=True)
class FilmFeatures:
    """What the network knows of F films before it reads a sentence.

    Attributes
    ----------
    maps
        Projected maps ``(F, D, h, w)`` at strides 8, 8 and 16.
    """

    maps: Taps

    def select(self, films: Tensor) -> FilmFeatures:
        """Return the features of B films by their numbers ``(B,)``, as one film for several sentences."""
        fine, middle, coarse = (maps[films] for maps in self.maps)
        return FilmFeatures((fine, middle, coarse))


@dataclass(frozen=True)
class Answer:
    """Where a reader looks at B films with B sentences.

    Attributes
    ----------
    log_density
        Logits ``(B, h, w)`` of the density, a quarter of the film's side; `projector.log_density` normalises them.
    points
        ``(B, 8, 2)``, x and y in the unit frame, in the order of time: means over readers.
    log_duration_mean, log_duration_spread
        ``(B, 8)``, of the logarithm of each fixation's duration in s.
    stop
        ``(B, 8)``, logits that the path ends with this fixation.
    correspondence
        ``(B, 8, 8)``, logarithm of the match of predicted and true points; None outside of training.
    """

    log_density: Tensor
    points: Tensor
    log_duration_mean: Tensor
    log_duration_spread: Tensor
    stop: Tensor
    correspondence: Tensor | None = None


class GemNetwork(nn.Module):
    """All parts of the method.

    Parameters
    ----------
    image_encoder, text_encoder
        See `ImageEncoder` and `TextEncoder`.
    neck, decoder, projector, head
        The parts of the paper; without a decoder the maps pass as they are.
    behaviour
        Graph and matching; None where they are left out.
    """

    def __init__(
        self,
        image_encoder: nn.Module,
        text_encoder: nn.Module,
        neck: Neck,
        decoder: ContextDecoder | None,
        projector: Projector,
        head: nn.Module,
        behaviour: BehaviourBranch | None,
    ) -> None:
        super().__init__()
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.neck, self.decoder, self.projector, self.head = neck, decoder, projector, head
        self.behaviour = behaviour
        # Where nothing of the sentence is multiplied in, it is added.
        self.add_sentence = None if projector.has_context else nn.Linear(neck.sentence_width, neck.width)

    def encode_film(self, films: Tensor) -> FilmFeatures:
        """Return the features of films ``(F, 1, H, W)``, 0 (air) to 1 (bone); sides are multiples of 16 px."""
        return FilmFeatures(self.neck.prepare(self.image_encoder(films)))

    def answer(self, features: FilmFeatures, tokens: Tensor, mask: Tensor, true_points: Tensor | None = None) -> Answer:
        """Return where a reader looks.

        Parameters
        ----------
        features
            Of B films, see `FilmFeatures.select`.
        tokens
            ``(B, L)`` int64.
        mask
            ``(B, L)`` bool, False at padding; each sentence has a token or more.
        true_points
            ``(B, 8, 2)``, in training: what the predicted points are matched with.
        """
        words, sentences = self.text_encoder(tokens, mask)
        maps = self.neck(features.maps, sentences)
        if self.add_sentence is not None:
            maps = maps + self.add_sentence(sentences)[:, :, None, None]
        if self.decoder is not None:
            maps = self.decoder(maps, words, mask)
        logits, dense = self.projector(maps, sentences)
        found: PointAnswer = self.head(maps, logits, words, mask)
        correspondence = None
        if true_points is not None and self.behaviour is not None:
            correspondence = self.behaviour(logits, dense, found.points, true_points)
        return Answer(
            logits, found.points, found.log_duration_mean, found.log_duration_spread, found.stop, correspondence
        )

    def forward(
        self, films: Tensor, which: Tensor, tokens: Tensor, mask: Tensor, true_points: Tensor | None = None
    ) -> Answer:
        """Return where a reader looks at films ``(F, 1, H, W)``.

        Parameters
        ----------
        films
            See `encode_film`.
        which
            ``(B,)`` int64, the film of each sentence.
        tokens, mask, true_points
            See `answer`.
        """
        return self.answer(self.encode_film(films).select(which), tokens, mask, true_points)
