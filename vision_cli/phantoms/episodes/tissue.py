"""Families of microscopy, dermoscopy and inspection: lesions, membranes and vessels, defects of surfaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.episodes.drawing import REFERENCE_SIDE, Mask, Studio, grey_scene
from vision_cli.phantoms.episodes.laws import Law

_HAIR = (40.0, 30.0, 25.0)


def draw_lesion(studio: Studio, rng: np.random.Generator) -> Law:
    """Return a soft-edged dark lesion on skin, with hairs and a dark rim of the lens now and then."""
    skin = np.array([210, 160, 140]) * rng.uniform(0.7, 1.1) + rng.normal(0, 10, 3)
    lesion = skin * rng.uniform(0.35, 0.85) + rng.normal(0, 12, 3)

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        import cv2

        grain = studio.bank.rough_noise(rng, studio.side)[..., None] - np.float32(0.5)
        picture = skin.astype(np.float32) + 30 * grain
        mask = studio.empty()
        if has_target:
            mask = studio.blob(rng, studio.centre(rng, 0.35, 0.65), rng.uniform(25, 90))
            density = np.clip(0.6 + 0.67 * studio.bank.smooth_noise(rng, studio.side), 0, 1.2)
            share = (studio.soften(mask, rng.uniform(2, 8)) * density)[..., None]
            picture += ((lesion + rng.normal(0, 6, 3)).astype(np.float32) - picture) * share
        for _ in range(int(rng.integers(0, 12))):
            start, end = rng.integers(0, studio.side, (2, 2)).tolist()
            cv2.line(picture, start, end, _HAIR, max(1, round(studio.unit)))
        if rng.random() < 0.5:
            line = np.linspace(-1, 1, studio.side, dtype=np.float32)
            squared = line[:, None] ** 2 + line[None] ** 2
            picture *= np.clip(1 - np.float32(rng.uniform(0.2, 0.6)) * squared, 0, 1)[..., None]
        return studio.photograph(rng, picture), mask

    return draw


def draw_membranes(studio: Studio, rng: np.random.Generator) -> Law:
    """Return dark thin structures in grey tissue: the walls of cells, or vessels and cracks."""
    cells, width = int(rng.integers(30, 140)), rng.uniform(1.5, 3.5)
    dark, bright, are_vessels = rng.uniform(30, 90), rng.uniform(130, 210), rng.random() < 0.35

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        import cv2

        mask = studio.empty()
        if has_target and are_vessels:
            for _ in range(int(rng.integers(4, 12))):
                thickness, heading = int(rng.integers(1, 4)), rng.uniform(0, 2 * np.pi)
                studio.path(rng, mask, steps=60, step=4, heading=heading, bend=0.25, width=thickness)
        elif has_target:
            mask = _walls(studio, rng, cells, width)
        coarse = studio.bank.rough_noise(rng, studio.side) - np.float32(0.5)
        fine = studio.bank.rough_noise(rng, studio.side) - np.float32(0.5)
        tissue = np.float32(bright) + 70 * coarse + 30 * fine
        for _ in range(int(rng.integers(5, 50))):
            centre = rng.integers(0, studio.side, 2).tolist()
            radius = max(1, round(int(rng.integers(2, 9)) * studio.unit))
            cv2.circle(tissue, centre, radius, rng.uniform(dark, bright), -1 if rng.random() < 0.6 else 2)
        stain = np.float32(dark) + 50 * (studio.bank.rough_noise(rng, studio.side) - np.float32(0.5))
        tissue += (stain - tissue) * studio.soften(mask, rng.uniform(0.6, 1.2))
        return studio.photograph(rng, grey_scene(tissue)), mask

    return draw


def draw_defect(studio: Studio, rng: np.random.Generator) -> Law:
    """Return small spots, stains or scratches, darker or brighter than the surface they are on."""
    surface, is_grey = studio.texture(rng), rng.random() < 0.7
    depth, kind, heading = rng.uniform(25, 115) * rng.choice([-1, 1]), int(rng.integers(3)), rng.uniform(0, np.pi)

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        picture = surface.piece(rng, studio.side)
        if is_grey:
            flat = (picture.mean(axis=2) - 128) * np.float32(rng.uniform(0.2, 0.6)) + np.float32(rng.uniform(100, 170))
            picture = grey_scene(flat)
        mask = studio.empty()
        for _ in range(int(rng.integers(1, 3)) if has_target else 0):
            if kind == 0:
                mask |= studio.blob(rng, studio.centre(rng, 0.15, 0.85), rng.uniform(4, 14), 1.0)
            elif kind == 1:
                mask |= studio.blob(rng, studio.centre(rng, 0.2, 0.8), rng.uniform(15, 60), 3.0)
            else:
                steps, thickness = int(rng.integers(5, 25)), int(rng.integers(1, 5))
                start = heading + rng.normal(0, 0.4)
                studio.path(rng, mask, steps=steps, step=5, heading=start, bend=0.3, width=thickness)
        change = np.float32(depth) * (np.float32(0.7) + np.float32(0.3) * studio.bank.rough_noise(rng, studio.side))
        picture = picture + (studio.soften(mask, rng.uniform(0.6, 2.5)) * change)[..., None]
        return studio.photograph(rng, studio.shade(rng, picture), 0.7), mask

    return draw


def _walls(studio: Studio, rng: np.random.Generator, cells: int, width: float) -> Mask:
    """Return the walls between cells around random centres: where the two nearest are about equally far."""
    from scipy.spatial import KDTree

    rows, columns = studio.warp(rng, 50)
    centres = rng.random((cells, 2)) * (REFERENCE_SIDE + 40) - 20
    places = np.stack([rows.ravel(), columns.ravel()], 1)
    nearest = np.asarray(KDTree(centres).query(places, k=2)[0], np.float32)
    gap: Floats = (nearest[:, 1] - nearest[:, 0]).reshape(studio.side, studio.side)
    return gap < 2 * width * (np.float32(0.5) + studio.bank.smooth_noise(rng, studio.side))
