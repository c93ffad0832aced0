"""The network as a method: films of any size and sentences in, densities and scan paths out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vision_cli.gaze_predict.measures.maps import map_shape, pixels_of
from vision_cli.gaze_predict.measures.scanpaths import central
from vision_cli.gaze_predict.networks.gem import FilmFeatures
from vision_cli.gaze_predict.networks.projector import log_density
from vision_cli.gaze_predict.pipeline.scanpaths import sample_paths
from vision_cli.gaze_predict.pipeline.squares import squashed
from vision_cli.gaze_predict.pipeline.weight_files import LoadedGaze
from vision_cli.gaze_predict.text.tokenizer import pad
from vision_cli.gaze_predict.values import Film, Floats, GazePrediction, ScanPath

POINTS = 8
COMPARED = 48
"""Paths that are sampled to find the most central one among them."""


class GemPredictor:
    """GEM on a trained network.

    Parameters
    ----------
    loaded
        The network.
    points
        Fixations of a path; a network of recordings may end it earlier.
    """

    name = "gem"

    def __init__(self, loaded: LoadedGaze, *, points: int = POINTS) -> None:
        self._loaded, self._points = loaded, points
        self._film: tuple[Film, FilmFeatures] | None = None

    def predict(self, film: Film, sentence: str, *, samples: int = 1, seed: int = 0) -> GazePrediction:
        """Return where a reader looks; an empty sentence asks for a search without a question."""
        return self.predict_all(film, [sentence], samples=samples, seed=seed)[0]

    @torch.no_grad()
    def predict_all(
        self, film: Film, sentences: Sequence[str], *, samples: int = 1, seed: int = 0
    ) -> list[GazePrediction]:
        """Return where a reader looks while saying each of the sentences; the film is encoded once."""
        device = next(self._loaded.network.parameters()).device
        encoded = [self._loaded.tokenizer.encode(sentence) for sentence in sentences]
        ids, mask = pad(encoded)
        which = torch.zeros(len(sentences), dtype=torch.long, device=device)
        answer = self._loaded.network.answer(
            self._features(film).select(which), torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)
        )
        height, width = film.pixels.shape
        shape = map_shape(height, width)
        densities = log_density(answer.log_density.float(), shape).exp().cpu().numpy()
        means, spreads, stops = (
            values.float().cpu().numpy()
            for values in (answer.log_duration_mean, answer.log_duration_spread, torch.sigmoid(answer.stop))
        )
        found = []
        for number, (sentence, density) in enumerate(zip(encoded, densities, strict=True)):
            rng = np.random.default_rng((seed, number))
            # The simulated reader always looks eight times: only recordings teach when a path ends.
            stop = None if self._loaded.about.source == "phantom" else stops[number][: self._points]
            times = (means[number], spreads[number]) if self._points == means.shape[1] else None
            paths = sample_paths(
                density, max(samples, COMPARED), rng, points=self._points, log_durations=times, stop=stop
            )
            path = paths[central(paths[:COMPARED])]
            normal = np.asarray(density / density.sum(), np.float32)
            facts = {"unknown_share": sentence.unknown_share, "cut_pieces": float(sentence.cut)}
            found.append(GazePrediction(normal, path, log_density_at(normal, path), tuple(paths[:samples]), facts))
        return found

    def _features(self, film: Film) -> FilmFeatures:
        """Return what the network reads of a film; the last one is kept."""
        if self._film is None or self._film[0] is not film:
            device = next(self._loaded.network.parameters()).device
            pixels = torch.from_numpy(squashed(film, self._loaded.about.side))[None, None].to(device)
            self._film = film, self._loaded.network.encode_film(pixels)
        return self._film[1]


def log_density_at(density: Floats, path: ScanPath) -> Floats:
    """Return the logarithm of a density at fixations ``(N,)``, per unit area of the unit frame: 0 is a uniform one."""
    rows, columns = pixels_of(path.points, (density.shape[0], density.shape[1]))
    values = density[rows, columns].astype(np.float64) * density.size
    return np.asarray(np.log(np.maximum(values, 1e-12)), np.float32)
