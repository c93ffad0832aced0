"""What the tests of gaze-predict share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.gaze_predict.values import Film, Recording, ScanPath

_SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "gaze-predict"


@pytest.fixture(scope="session")
def real_films() -> Path:
    """Give the folder of real chest films beside the checkout."""
    if not (_SHARED / "films").is_dir():
        pytest.skip("no ../shared/data/gaze-predict/films")
    return _SHARED / "films"


@pytest.fixture(scope="session")
def real_reports() -> Path:
    """Give the archive of Open-i reports beside the checkout."""
    if not (_SHARED / "open-i").is_dir():
        pytest.skip("no ../shared/data/gaze-predict/open-i")
    return _SHARED / "open-i" / "NLMCXR_reports.tgz"


class MadeFilm:
    """A film that lies in memory."""

    def __init__(self, name: str, size: tuple[int, int] = (60, 48)) -> None:
        self.name = name
        height, width = size
        rng = np.random.default_rng(len(name))
        pixels = rng.uniform(0.6, 0.9, size).astype(np.float32)
        for left, right in ((0.15, 0.4), (0.6, 0.85)):
            pixels[int(0.2 * height) : int(0.7 * height), int(left * width) : int(right * width)] = 0.2
        self._film = Film(name, pixels)

    def read(self) -> Film:
        return self._film


@pytest.fixture(scope="session")
def made_film():
    return MadeFilm


@pytest.fixture(scope="session")
def made_path():
    """Make a scan path of so many fixations inside the film."""

    def make(count, seed=0, *, onset=0.0):
        rng = np.random.default_rng(seed)
        durations = rng.uniform(0.1, 0.6, count).round(3).astype(np.float32)
        onsets = (onset + np.concatenate([[0], np.cumsum(durations + 0.03)[:-1]])).astype(np.float32)
        return ScanPath(rng.uniform(0.05, 0.95, (count, 2)).astype(np.float32), durations, onsets)

    return make


@pytest.fixture
def recordings(made_film, made_path):
    """Make eight recordings: two films, two readers of one of them, several sentences a reading."""
    sentences = ("Heart size is normal.", "There is a small right pleural effusion.", "No pneumothorax.")
    findings = ("cardiomegaly", "pleural effusion", "pneumothorax")
    found = []
    for film, subject, split in (
        ("filma", "p1", "train"),
        ("filmb", "p2", "val"),
        ("filmc", "p3", "test"),
    ):
        source = made_film(film, (60, 48) if film == "filma" else (50, 70))
        for number, (sentence, finding) in enumerate(zip(sentences, findings, strict=True)):
            path = made_path(3 + number, seed=len(found))
            found.append(
                Recording(f"{film}-{number}", source, sentence, path, finding, "1", subject=subject, split=split)
            )
    return tuple(found)


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory) -> Path:
    """Write weights of the small network as random numbers make it, for films of 64 px."""
    import torch

    from vision_cli.gaze_predict.networks.building import build_embedded
    from vision_cli.gaze_predict.pipeline.weight_files import About, write_network
    from vision_cli.gaze_predict.text.tokenizer import Tokenizer

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "gaze.safetensors"
    write_network(path, About(64), build_embedded(Tokenizer.default().rows).state_dict())
    return path
