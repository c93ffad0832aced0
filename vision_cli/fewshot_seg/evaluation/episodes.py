"""Episodes: a query, and the supports that show its class; drawn by the protocol of CD-FSS, or read from a list.

Classes take turns (episode ``i`` has class ``i`` modulo their number), the query is drawn from the pictures of the
class and the supports from the others (Lei et al. 2022, PATNet). Each episode has a generator of its own, seeded by its
position: the first episodes of a long list are those of a short one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.core.runs.files import write_csv
from vision_cli.fewshot_seg.data.datasets import FewShotDataset
from vision_cli.fewshot_seg.values import Support
from vision_cli.io.tables.tables import read_csv_table

COLUMNS = ("id", "set", "class", "query", "supports", "seed", "query_set", "query_class")
"""Columns of a list of episodes; a list with more is read as well."""

_BETWEEN = "|"
_MOST_SEED = 1 << 31
_LISTED = 12
_ABSENT_STREAM = 1


@dataclass(frozen=True)
class Episode:
    """A query and its supports, by name.

    Attributes
    ----------
    id
        Unique in a list.
    set_name
        The data set.
    class_name
        The class that the supports show.
    query
        Name of the query.
    supports
        Names of the supports, all of the class.
    seed
        Of whatever a method draws.
    query_set, query_class
        Where the query is found; others than those of the supports where the class is not in the query.
    """

    id: str
    set_name: str
    class_name: str
    query: str
    supports: tuple[str, ...]
    seed: int
    query_set: str
    query_class: str

    @property
    def is_present(self) -> bool:
        """Whether the class is in the query."""
        return (self.query_set, self.query_class) == (self.set_name, self.class_name)

    def row(self) -> tuple[object, ...]:
        """Return the cells of `COLUMNS`."""
        names = (self.class_name, self.query, _BETWEEN.join(self.supports))
        return (self.id, self.set_name, *names, self.seed, self.query_set, self.query_class)


@dataclass(frozen=True)
class LoadedEpisode:
    """Pictures and masks of an episode.

    Attributes
    ----------
    supports
        The supports.
    query
        The query with its truth; its mask is empty where the class is not in it.
    """

    supports: tuple[Support, ...]
    query: Support


def sample_episodes(
    dataset: FewShotDataset, set_name: str, *, shots: int = 1, count: int | None = None, seed: int = 0
) -> tuple[tuple[Episode, ...], tuple[str, ...]]:
    """Draw episodes of a data set.

    Parameters
    ----------
    dataset
        The data set.
    set_name
        Its name in the list.
    shots
        Supports of an episode.
    count
        How many episodes; None for one of each picture of each class as the query, as FSS-1000 is measured.
    seed
        Of the draws.

    Returns
    -------
    tuple
        The episodes, and a sentence on classes that have too few pictures.

    Raises
    ------
    UsageError
        If there is no support or no episode to draw.
    InputError
        If no class has a picture more than an episode has supports.
    """
    if shots < 1 or (count is not None and count < 1):
        raise UsageError(f"{shots} supports, {count} episodes; 1 or more expected of each.")
    names = [name for name, pairs in dataset.classes.items() if len(pairs) > shots]
    few = [f"{name} ({len(pairs)})" for name, pairs in dataset.classes.items() if len(pairs) <= shots]
    listed = ", ".join(few[:_LISTED]) + (", ..." if len(few) > _LISTED else "")
    if not names:
        raise InputError(
            f"{set_name}: no class of {shots + 1} pictures or more: {listed}; a query and {shots} supports expected.",
            hint="Use fewer supports, or add pictures.",
        )
    if count is None:
        places = [(name, place) for name in names for place in range(len(dataset.classes[name]))]
    else:
        places = [(names[number % len(names)], -1) for number in range(count)]
    episodes = []
    for number, (name, place) in enumerate(places):
        rng = np.random.default_rng((seed, number))
        pairs = dataset.classes[name]
        query = place if place >= 0 else int(rng.integers(len(pairs)))
        others = [pair.name for position, pair in enumerate(pairs) if position != query]
        chosen = rng.choice(len(others), shots, replace=False)
        supports = tuple(others[position] for position in chosen.tolist())
        own_seed = int(rng.integers(_MOST_SEED))
        episodes.append(
            Episode(f"{set_name}-{number:05d}", set_name, name, pairs[query].name, supports, own_seed, set_name, name)
        )
    notes = (f"{len(few)} classes have fewer than {shots + 1} pictures and were left out: {listed}.",) if few else ()
    return tuple(episodes), notes


def sample_absent(
    episodes: Sequence[Episode], datasets: Mapping[str, FewShotDataset], *, query_set: str | None = None, seed: int = 0
) -> tuple[Episode, ...]:
    """Give each episode a twin of the same supports, whose query does not have the class.

    Parameters
    ----------
    episodes
        Episodes with the class.
    datasets
        Data sets by name.
    query_set
        Where queries come from; by default other classes of the same data set, pictures with both classes aside.
    seed
        Of the draws.

    Raises
    ------
    InputError
        If there is no picture without the class.
    """
    twins = []
    for number, episode in enumerate(episodes):
        place = query_set or episode.set_name
        dataset = _dataset(datasets, place)
        own = datasets[episode.set_name].classes[episode.class_name] if place == episode.set_name else ()
        with_class = {pair.name for pair in own}
        choices = [
            (name, pair.name)
            for name, pairs in dataset.classes.items()
            if place != episode.set_name or name != episode.class_name
            for pair in pairs
            if pair.name not in with_class
        ]
        if not choices:
            raise InputError(
                f"{place}: every picture has the class {episode.class_name}; one without it expected.",
                hint="Name a data set without this class.",
            )
        rng = np.random.default_rng((seed, number, _ABSENT_STREAM))
        # By class first: a class of many pictures would be all that is asked about.
        classes = sorted({name for name, _ in choices})
        chosen = classes[int(rng.integers(len(classes)))]
        pictures = [picture for name, picture in choices if name == chosen]
        query = pictures[int(rng.integers(len(pictures)))]
        twins.append(replace(episode, id=f"{episode.id}-absent", query=query, query_set=place, query_class=chosen))
    return tuple(twins)


def load_episode(episode: Episode, datasets: Mapping[str, FewShotDataset]) -> LoadedEpisode:
    """Read the pictures and masks of an episode.

    Raises
    ------
    InputError
        If a data set, class or picture of it is not there, or a file is damaged.
    """
    own = _dataset(datasets, episode.set_name)
    supports = tuple(own.pair(episode.class_name, name).read() for name in episode.supports)
    query = _dataset(datasets, episode.query_set).pair(episode.query_class, episode.query).read()
    if not episode.is_present:
        query = replace(query, mask=np.zeros_like(query.mask))
    return LoadedEpisode(supports, query)


def write_episodes(path: Path, episodes: Sequence[Episode]) -> None:
    """Write a list of episodes as CSV, whole or not at all.

    Raises
    ------
    InputError
        If a name cannot be read back from such a list.
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    for episode in episodes:
        names = (episode.id, episode.set_name, episode.class_name, episode.query, episode.query_class)
        for name in (*names, *episode.supports):
            if _BETWEEN in name or name != name.strip() or not name:
                raise InputError(
                    f"{name!r}: a name with {_BETWEEN}, outer blanks or nothing; a list of episodes cannot hold it.",
                    hint="Rename the file or its folder.",
                )
    write_csv(path, COLUMNS, (episode.row() for episode in episodes))


def read_episodes(path: Path) -> tuple[Episode, ...]:
    """Read a list of episodes, such as `write_episodes` or a run writes.

    Raises
    ------
    InputError
        If it is damaged, or an episode has its query among its supports.
    """
    episodes = []
    for row in read_csv_table(path, COLUMNS[:5]):
        cells = {name: spreadsheet_text(cell) for name, cell in row.items()}
        supports = tuple(part for part in cells["supports"].split(_BETWEEN) if part)
        try:
            seed = int(cells.get("seed") or 0)
        except ValueError:
            seed = -1
        if not supports or seed < 0:
            raise InputError(
                f"{path}: episode {cells['id']}: supports {cells['supports']!r}, seed {cells.get('seed')!r}; "
                f"names with {_BETWEEN} between them and a whole number expected."
            )
        episode = Episode(
            cells["id"],
            cells["set"],
            cells["class"],
            cells["query"],
            supports,
            seed,
            cells.get("query_set") or cells["set"],
            cells.get("query_class") or cells["class"],
        )
        if episode.is_present and episode.query in supports:
            raise InputError(
                f"{path}: episode {episode.id}: the query {episode.query} is one of its supports; another expected.",
                hint="A query that the method has seen measures nothing.",
            )
        episodes.append(episode)
    return tuple(episodes)


def _dataset(datasets: Mapping[str, FewShotDataset], name: str) -> FewShotDataset:
    if name not in datasets:
        raise InputError(f"data set {name!r} of the episodes is not given; {', '.join(datasets) or 'none'} found.")
    return datasets[name]
