"""Groups of media that must not be parted: of one source, one video or one person."""

from __future__ import annotations

from collections.abc import Sequence

from vision_cli.forgery_detect.values import Medium


def groups_of(media: Sequence[Medium]) -> list[list[Medium]]:
    """Return groups of media that share a source, a video or a person, directly or through others, in order."""
    parents = list(range(len(media)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    first: dict[tuple[str, str], int] = {}
    for place, medium in enumerate(media):
        keys = [("source", medium.source), ("video", medium.video), *(("person", one) for one in medium.identities)]
        for key in keys:
            if key[1]:
                parents[root(place)] = root(first.setdefault(key, place))
    groups: dict[int, list[Medium]] = {}
    for place, medium in enumerate(media):
        groups.setdefault(root(place), []).append(medium)
    return list(groups.values())
