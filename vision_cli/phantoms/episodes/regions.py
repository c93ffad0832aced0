"""Families whose class is a region of the whole picture: mosaics of stuff, and grey anatomy that keeps its place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.episodes.drawing import REFERENCE_SIDE, Mask, Studio, grey_scene
from vision_cli.phantoms.episodes.laws import Law


def draw_mosaic(studio: Studio, rng: np.random.Generator) -> Law:
    """Return three to five textures that divide the picture, in most episodes in about the same layout."""
    count = int(rng.integers(3, 6))
    textures = [studio.texture(rng) for _ in range(count)]
    keeps_layout = rng.random() < 0.7
    seeds = rng.random((2 * count, 2)) * REFERENCE_SIDE
    owners = np.concatenate([np.arange(count), rng.integers(0, count, count)])
    target = int(rng.integers(count))
    spread, flatness = (12, 2.5) if keeps_layout else (200, 1.0)

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        rows, columns = studio.warp(rng, 60)
        nearest = np.full((studio.side, studio.side), np.inf, np.float32)
        labels = np.zeros((studio.side, studio.side), np.int64)
        for (row, column), owner in zip(seeds + rng.normal(0, spread, seeds.shape), owners, strict=True):
            if owner == target and not has_target:
                continue
            distance = np.float32(flatness) * (rows - np.float32(row)) ** 2 + (columns - np.float32(column)) ** 2
            closer = distance < nearest
            nearest[closer], labels[closer] = distance[closer], owner
        picture = np.zeros((studio.side, studio.side, 3), np.float32)
        for number, texture in enumerate(textures):
            share = studio.soften(labels == number, 0.7)
            picture += texture.piece(rng, studio.side) * share[..., None]
        mask = (labels == target) & has_target
        return studio.photograph(rng, studio.shade(rng, picture)), mask

    return draw


def draw_anatomy(studio: Studio, rng: np.random.Generator) -> Law:
    """Return soft ellipses of own grey values that keep their places, as organs do in radiographs."""
    count = int(rng.integers(4, 8))
    centres = rng.uniform(0.2, 0.8, (count, 2)) * REFERENCE_SIDE
    axes, angles = rng.uniform(12, 60, (count, 2)), rng.uniform(0, 180, count)
    greys, base = rng.uniform(40, 220, count), rng.uniform(60, 180)
    target, contrast = int(rng.integers(count)), rng.uniform(5, 60)

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        import cv2

        tissue = np.float32(base) + np.float32(contrast) * studio.bank.smooth_noise(rng, studio.side)
        mask = studio.empty()
        for number in range(count):
            if number == target and not has_target:
                continue
            moved = np.asarray(centres[number] + rng.normal(0, 4, 2), np.float32)
            size = np.asarray(np.maximum(axes[number] * rng.uniform(0.85, 1.15, 2), 3), np.float32)
            organ = studio.ellipse(moved, size, angles[number] + rng.normal(0, 6))
            tissue += (np.float32(greys[number]) - tissue) * studio.soften(organ, rng.uniform(1, 4))
            mask = organ if number == target else mask & ~organ
        rows, columns = (np.float32(studio.unit) * along for along in studio.warp(rng, 24))
        tissue += 25 * studio.bank.rough_noise(rng, studio.side)
        seen = cv2.remap(tissue, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        bent = cv2.remap(mask.view(np.uint8), columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
        return studio.photograph(rng, grey_scene(np.asarray(seen, np.float32))), bent > 0

    return draw
