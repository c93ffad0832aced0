"""Protocols: which media train and which test, so that no source and no person is on both sides.

``within`` trains and tests on the whole; ``cross-generator`` and ``cross-forgery`` train on the fakes of one and test
on those of each (MFCLIP's protocols); ``cross-dataset`` trains on one data set and tests on each; ``lodo`` leaves one
data set out. Test parts are the same for every trial of a protocol, so that columns of a matrix can be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.data.groups import groups_of
from vision_cli.forgery_detect.options.evaluating import PROTOCOLS, Protocol
from vision_cli.forgery_detect.values import Manifest, Medium

TEST_SHARE = 0.3
_KEYS: Mapping[str, tuple[str, Callable[[Medium], str]]] = {
    "cross-generator": ("generator", lambda medium: medium.generator),
    "cross-forgery": ("kind of forgery", lambda medium: medium.forgery),
    "cross-dataset": ("data set", lambda medium: medium.domain),
    "lodo": ("data set", lambda medium: medium.domain),
}


@dataclass(frozen=True)
class Trial:
    """A training and its tests.

    Attributes
    ----------
    name
        What is trained on; of ``lodo`` what is left out.
    train
        Media to train on.
    tests
        Media to test on, by name, in order.
    """

    name: str
    train: Manifest = field(repr=False)
    tests: Mapping[str, Manifest] = field(repr=False)


def make_trials(
    manifest: Manifest, protocol: Protocol, *, seed: int = 0, test_share: float = TEST_SHARE
) -> tuple[Trial, ...]:
    """Return the trials of a protocol.

    Parameters
    ----------
    manifest
        Media with labels; where all have a split, ``test`` is tested and the rest trained on, else groups of media that
        share a source, a video or a person are divided.
    protocol
        Its name.
    seed
        Of the division.
    test_share
        Share of the groups to test on.

    Raises
    ------
    UsageError
        If there is no such protocol.
    InputError
        If there are too few generators, kinds or data sets, or a part lacks a class.
    """
    if protocol not in PROTOCOLS:
        raise UsageError(f"protocol {protocol!r}; {', '.join(PROTOCOLS)} expected.")
    known = [medium for medium in manifest.media if medium.label is not None]
    train, test = divide(known, seed=seed, test_share=test_share)
    if protocol == "within":
        return (_trial(manifest, "all", train, {"all": test}),)
    word, key = _KEYS[protocol]
    is_by_domain = protocol in {"cross-dataset", "lodo"}
    names = sorted({key(medium) for medium in known if is_by_domain or medium.label == 1} - {""})
    if len(names) < 2:
        raise InputError(
            f"{manifest.layout}: {len(names)} {word} ({', '.join(names) or 'none named'}); two or more expected by the "
            f"protocol {protocol}.",
            hint="Give more data sets, or another protocol.",
        )

    def part(media: Sequence[Medium], wanted: set[str]) -> list[Medium]:
        # Reals belong to no generator: all of a side serve all of its parts.
        return [one for one in media if key(one) in wanted or (not is_by_domain and one.label == 0)]

    tests = {name: part(test, {name}) for name in names}
    if protocol == "lodo":
        return tuple(_trial(manifest, name, part(train, set(names) - {name}), tests) for name in names)
    return tuple(_trial(manifest, name, part(train, {name}), tests) for name in names)


def divide(media: Sequence[Medium], *, seed: int, test_share: float = TEST_SHARE) -> tuple[list[Medium], list[Medium]]:
    """Return the media to train and to test on.

    The split of the data set is kept where every medium has one and some are for testing. Else groups are drawn, each
    kind of group (which labels, generators and data sets it has) by its share.
    """
    if media and all(medium.split is not None for medium in media) and any(m.split == "test" for m in media):
        return [m for m in media if m.split != "test"], [m for m in media if m.split == "test"]
    rng = np.random.default_rng(seed)
    strata: dict[tuple[tuple[int, str, str], ...], list[list[Medium]]] = {}
    for group in groups_of(media):
        kinds = tuple(sorted({(medium.label or 0, medium.generator, medium.domain) for medium in group}))
        strata.setdefault(kinds, []).append(group)
    chosen: set[str] = set()
    for _, groups in sorted(strata.items()):
        order = rng.permutation(len(groups))
        # A single group of a kind trains.
        count = min(max(1, round(test_share * len(groups))), len(groups) - 1)
        chosen |= {medium.name for place in order[:count] for medium in groups[place]}
    return [m for m in media if m.name not in chosen], [m for m in media if m.name in chosen]


def _trial(manifest: Manifest, name: str, train: Sequence[Medium], tests: Mapping[str, Sequence[Medium]]) -> Trial:
    for label, word in ((0, "real"), (1, "fake")):
        if not any(medium.label == label for medium in train):
            raise InputError(
                f"{manifest.layout}: no {word} medium to train {name} on; both classes expected.",
                hint="Join a data set that has them.",
            )
    return Trial(name, _of(manifest, train), {test: _of(manifest, media) for test, media in tests.items()})


def _of(manifest: Manifest, media: Sequence[Medium]) -> Manifest:
    return dataclasses.replace(manifest, media=tuple(media), skipped=(), notes=())
