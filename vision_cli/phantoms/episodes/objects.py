"""Families whose class is an object: on clutter, shaded, many of a kind, and cut out of photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.arrays import Floats
from vision_cli.phantoms.episodes.drawing import REFERENCE_SIDE, Mask, Studio
from vision_cli.phantoms.episodes.laws import SAME_BACKGROUND, Law
from vision_cli.phantoms.episodes.textures import Texture


def draw_objects(studio: Studio, rng: np.random.Generator) -> Law:
    """Return a textured object of one to three parts on clutter, now and then behind something."""
    parts = [studio.texture(rng) for _ in range(int(rng.choice([1, 1, 2, 3])))]
    return _on_clutter(studio, rng, parts, photographic=0.5)


def draw_composites(studio: Studio, rng: np.random.Generator) -> Law:
    """Return an object with the texture of a photograph, on pieces of other photographs."""
    return _on_clutter(studio, rng, [studio.texture(rng, photographic=1.0)], photographic=1.0)


def draw_shaded(studio: Studio, rng: np.random.Generator) -> Law:
    """Return one large, shaded object of several tones, each time on another background.

    Here a method gains by learning the object's colours anew in the query.
    """
    first = rng.random(3) * 255
    second, third = np.clip(first + rng.normal(0, 60, 3), 0, 255), rng.random(3) * 255
    has_patch, roughness, grain = rng.random() < 0.5, rng.uniform(0, 0.35), studio.texture(rng)

    def background(rng: np.random.Generator) -> Floats:
        if rng.random() < 0.25:
            grey = rng.uniform(150, 250) + 30 * (studio.bank.smooth_noise(rng, studio.side) - 0.5)
            return np.repeat(np.asarray(grey, np.float32)[..., None], 3, axis=2)
        picture = studio.texture(rng).piece(rng, studio.side)
        if rng.random() < 0.5:
            region = studio.blob(rng, studio.centre(rng, 0.25, 0.75), rng.uniform(60, 140))
            picture = studio.paste(picture, studio.texture(rng).piece(rng, studio.side), region, 1.5)
        return studio.blur(picture, rng.uniform(1, 6)) if rng.random() < 0.6 else picture

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        picture = background(rng)
        if not has_target:
            return studio.photograph(rng, picture, 1.3), studio.empty()
        centre, radius = studio.centre(rng, 0.4, 0.6), rng.uniform(45, 100)
        mask = studio.blob(rng, centre, radius)
        if rng.random() < 0.4:
            mask |= studio.blob(rng, _near(rng, centre, 0.6 * radius), 0.6 * radius)
        tone = studio.bank.smooth_noise(rng, studio.side)[..., None]
        surface = np.asarray(first * tone + second * (1 - tone), np.float32)
        if has_patch:
            patch = studio.soften(studio.blob(rng, _near(rng, centre, 0.4 * radius), 0.6 * radius), rng.uniform(1, 6))
            surface += (third - surface).astype(np.float32) * patch[..., None]
        light = _near(rng, centre, 0.4 * radius)
        rows, columns = studio.grid()
        squared = ((rows - light[1]) ** 2 + (columns - light[0]) ** 2)[..., None]
        surface *= np.clip(1 - rng.uniform(0.1, 0.5) * np.sqrt(squared) / (2 * radius), 0.2, 1)
        if rng.random() < 0.5:
            width = radius * rng.uniform(0.08, 0.3)
            surface += np.float32(rng.uniform(30, 140)) * np.exp(-squared / np.float32(2 * width**2))
        surface += np.float32(roughness) * (grain.piece(rng, studio.side) - surface)
        picture = studio.paste(picture, surface, mask, rng.uniform(0.5, 1.2))
        return studio.photograph(rng, picture, 1.3), mask

    return draw


def draw_instances(studio: Studio, rng: np.random.Generator) -> Law:
    """Return many small objects of one kind; in half of the episodes those of another kind lie among them."""
    background, other_background = studio.texture(rng), studio.texture(rng)
    same = rng.random() < SAME_BACKGROUND
    coat, other_coat = studio.texture(rng, photographic=0.2), studio.texture(rng, photographic=0.2)
    radius, elongation, is_round = rng.uniform(6, 22), rng.uniform(0.5, 1.0), rng.random() < 0.6
    count, with_others, blurred = int(rng.integers(4, 30)), rng.random() < 0.5, rng.uniform(0, 3)

    def scatter(rng: np.random.Generator, number: int, size: float) -> Mask:
        found = studio.empty()
        for _ in range(number):
            centre, grown = studio.centre(rng, 0.03, 0.97), size * rng.uniform(0.75, 1.25)
            if is_round:
                axes = np.array([grown, grown * elongation], np.float32)
                found |= studio.ellipse(centre, axes, rng.uniform(0, 180))
            else:
                found |= studio.blob(rng, centre, grown, 0.0)
        return found

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        ground = background if same or not is_query else other_background
        picture = (
            studio.blur(ground.piece(rng, studio.side), blurred) if blurred > 1 else ground.piece(rng, studio.side)
        )
        if with_others:
            others = scatter(rng, max(3, count // 2), radius * 0.9)
            picture = studio.paste(picture, other_coat.piece(rng, studio.side), others, 0.8)
        mask = scatter(rng, max(1, round(count * rng.uniform(0.5, 1.5))), radius) if has_target else studio.empty()
        picture = studio.paste(picture, coat.piece(rng, studio.side), mask, rng.uniform(0.5, 1.2))
        return studio.photograph(rng, studio.shade(rng, picture)), mask

    return draw


def _on_clutter(studio: Studio, rng: np.random.Generator, parts: Sequence[Texture], *, photographic: float) -> Law:
    grounds = [studio.texture(rng, photographic=photographic) for _ in range(3)]
    others = [studio.texture(rng, photographic=photographic) for _ in range(3)]
    same = rng.random() < SAME_BACKGROUND

    def draw(rng: np.random.Generator, *, is_query: bool, has_target: bool) -> tuple[NDArray[np.uint8], Mask]:
        textures = grounds if same or not is_query else others
        picture = textures[0].piece(rng, studio.side)
        for texture in textures[1:]:
            if rng.random() < 0.6:
                region = studio.blob(rng, studio.centre(rng, 0.25, 0.75), rng.uniform(20, 80))
                picture = studio.paste(picture, texture.piece(rng, studio.side), region, 1.0)
        if rng.random() < 0.4:
            picture = studio.blur(picture, rng.uniform(1, 4))
        mask = studio.empty()
        if has_target:
            mask = studio.blob(rng, studio.centre(rng, 0.3, 0.7), rng.uniform(30, 95))
            surface = parts[0].piece(rng, studio.side)
            for part in parts[1:]:
                region = studio.blob(rng, studio.centre(rng, 0.3, 0.7), rng.uniform(20, 60))
                surface = studio.paste(surface, part.piece(rng, studio.side), region, 1.0)
            picture = studio.paste(picture, studio.shade(rng, surface), mask, rng.uniform(0.5, 1.2))
        if rng.random() < 0.3:
            front = studio.blob(rng, studio.centre(rng, 0.25, 0.75), rng.uniform(15, 40))
            picture = studio.paste(picture, textures[-1].piece(rng, studio.side), front, 0.8)
            mask &= ~front
        return studio.photograph(rng, studio.shade(rng, picture)), mask

    return draw


def _near(rng: np.random.Generator, centre: Floats, spread: float) -> Floats:
    return np.asarray(np.clip(centre + rng.normal(0, spread, 2), 0, REFERENCE_SIDE), np.float32)
