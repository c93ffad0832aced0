"""Frontal chest films: a drawn chest with its findings, exposed and windowed, with markers and now and then a fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.chests.anatomy import Chest, draw_chest
from vision_cli.phantoms.chests.findings import add_finding, draw_contrast, draw_names, widening
from vision_cli.phantoms.chests.skeleton import draw_skeleton
from vision_cli.phantoms.chests.values import ChestFilm, Finding, LungBox, Place, View

_FAULTY = 0.05
"""Share of films that are inverted, and as many again that are turned."""

_TAIL = 0.005
"""Share of the lungs' pixels left outside the lung box on each side."""


def make_film(rng: np.random.Generator, *, side: int, findings: Sequence[str] | None = None) -> ChestFilm:
    """Return a random film.

    Parameters
    ----------
    rng
        Of everything in it.
    side
        Of the picture, px.
    findings
        Names out of `vision_cli.phantoms.chests.values.FINDINGS`, each once; None for 0 to 4 random ones.

    Raises
    ------
    KeyError
        If a finding is unknown.
    """
    names = draw_names(rng) if findings is None else tuple(findings)
    contrasts = {name: draw_contrast(rng) for name in names}
    heart, mediastinum = (
        widening(rng, name, names, contrasts.get(name, 0)) for name in ("cardiomegaly", "enlarged cardiomediastinum")
    )
    chest = draw_chest(rng, side, heart_scale=heart, mediastinum_scale=mediastinum)
    lungs = chest.lungs > 0.5
    draw_skeleton(rng, chest)
    drawn = [add_finding(rng, chest, name, contrasts[name]) for name in names]
    pixels = _expose(rng, chest)
    _mark(rng, pixels, chest.anatomy.view)
    rotation = float(rng.uniform(2, 9) * rng.choice((-1, 1))) if rng.random() < _FAULTY else 0.0
    if rotation:
        pixels, lungs = _turn(pixels, rotation), _turn(lungs.astype(np.float32), rotation) > 0.5
    is_inverted = bool(rng.random() < _FAULTY)
    if is_inverted:
        pixels = 1 - pixels
    placed = tuple(_in_film(finding, chest.canvas.box, rotation) for finding in drawn)
    box = measure_box(lungs)
    return ChestFilm(pixels, lungs, box, placed, chest.anatomy.view, is_inverted, rotation)


def measure_box(lungs: NDArray[np.bool_]) -> LungBox:
    """Return the outer limits of both lungs ``(H, W)``: the 0.5 and 99.5 % quantiles of their pixels."""
    limits = []
    for axis in (0, 1):
        counts = lungs.sum(axis=axis)
        shares = np.concatenate([[0], np.cumsum(counts) / counts.sum()])
        edges = np.arange(len(shares)) / len(counts)
        limits.append(np.interp((_TAIL, 1 - _TAIL), shares, edges))
    (x0, x1), (y0, y1) = limits
    return LungBox(float(x0), float(y0), float(x1), float(y1))


def _expose(rng: np.random.Generator, chest: Chest) -> Floats:
    """Return the film of a chest: noise of the tube's quanta, scatter, and the window of whoever shows it."""
    canvas = chest.canvas
    attenuation = np.maximum(chest.attenuation, 0)
    attenuation *= np.float32(1) + np.float32(0.035) * canvas.clouds(rng, 5)
    attenuation += np.float32(0.012) * canvas.clouds(rng, 22) * np.minimum(attenuation * 3, 1)
    scatter = canvas.blur(attenuation, 0.1)
    attenuation = np.float32(0.9) * attenuation + np.float32(0.1) * scatter
    hardness = np.float32(rng.uniform(0.95, 1.4))
    # the Gaussian limit of Poisson counts: after the logarithm, noise is one over the root of the quanta that arrive
    quanta = rng.uniform(1500, 12000) * (0.6 if chest.anatomy.view == "AP" else 1.0) * (160 / canvas.side) ** 2 * 4
    grain = np.exp(np.float32(0.5) * hardness * attenuation) * np.float32(1 / np.sqrt(quanta))
    attenuation += grain * rng.standard_normal(attenuation.shape, np.float32)
    film = np.float32(1) - np.exp(-hardness * attenuation)
    low, high = rng.uniform(0.0, 0.14), np.percentile(film[::4, ::4], 98) * rng.uniform(0.94, 1.08)
    film = np.clip((film - np.float32(low)) / np.float32(high - low), 0, 1)
    film = film ** np.float32(np.exp(rng.normal(0.1, 0.22)))
    return np.asarray(_collimate(rng, film), np.float32)


def _collimate(rng: np.random.Generator, film: Floats) -> Floats:
    """Return the film with the unexposed border of a narrowed beam, on one film in six."""
    if rng.random() < 1 / 6:
        side = len(film)
        for edge in range(4):
            width = int(rng.uniform(-0.03, 0.035) * side)
            if width > 0:
                np.rot90(film, edge)[:width] = rng.choice((0.0, 0.02, 1.0))
    return film


def _mark(rng: np.random.Generator, pixels: Floats, view: View) -> None:
    """Write the side marker and now and then words into a corner, in place."""
    import cv2

    side = len(pixels)
    if rng.random() < 0.8:
        letter = "L" if rng.random() < 0.7 else "R"
        x = rng.uniform(0.87, 0.94) if letter == "L" else rng.uniform(0.02, 0.08)
        _write(pixels, letter, (x, rng.uniform(0.06, 0.16)), side * rng.uniform(0.0016, 0.003))
    if view == "AP" and rng.random() < 0.6:
        words = ("PORTABLE", "AP", "SUPINE", "SEMI-ERECT", "AP PORT")[int(rng.integers(5))]
        x = rng.uniform(0.02, 0.75)
        _write(pixels, words, (x, rng.uniform(0.03, 0.06)), side * 0.0014)
    if rng.random() < 0.1:
        corner = (rng.uniform(0.02, 0.1), rng.uniform(0.93, 0.98))
        cv2.circle(pixels, (int(corner[0] * side), int(corner[1] * side)), max(1, side // 80), 1.0, -1)


def _write(pixels: Floats, words: str, corner: tuple[float, float], scale: float) -> None:
    import cv2

    side = len(pixels)
    at = (int(corner[0] * side), int(corner[1] * side))
    ink = np.zeros(pixels.shape, np.uint8)
    cv2.putText(ink, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 245, 1, cv2.LINE_AA)
    np.maximum(pixels, ink.astype(np.float32) / 255, out=pixels)


def _turn(picture: Floats, degrees: float) -> Floats:
    """Return a picture turned clockwise about its centre."""
    import cv2

    side = len(picture)
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), -degrees, 1.0)
    return np.asarray(cv2.warpAffine(picture, matrix, (side, side)), np.float32)


def _in_film(finding: Finding, box: LungBox, degrees: float) -> Finding:
    """Return a finding of the frame of the lungs in the unit frame of a film turned by so much."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    places = []
    for place in finding.places:
        x, y = box.to_unit(np.array(place.centre)) - 0.5
        centre = (float(0.5 + cosine * x - sine * y), float(0.5 + sine * x + cosine * y))
        extent = (place.extent[0] * box.width, place.extent[1] * box.height)
        places.append(Place(place.side, place.zone, centre, extent))
    return replace(finding, places=tuple(places))
