"""What dividing a run costs: an item's share, and the files of many parts.

Prints two tables: the time of items in parts over the time of the items alone, start-up apart, and how surveying and
merging grow with the number of parts::

    python tests/bench/shards.py --items 1000 --parts 8 --up-to 10000
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.merge import merge_shards
from vision_cli.core.shards.progress import shard_states
from vision_cli.core.shards.shards import Shard

WORK_MS = (1.0, 10.0, 100.0)


def busy(seconds: float) -> None:
    """Compute for a while."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def in_parts(directory: Path, items: int, parts: int, seconds: float) -> float:
    """Return the seconds that all items took, one part after the other, without opening and closing the runs."""
    total = 0.0
    everything = list(range(items))
    for index in range(1, parts + 1):
        shard = Shard(index, parts)
        with Run.open(directory, command="bench", options={}, shard=shard) as run:
            begun = time.perf_counter()
            for position in shard.take(everything):
                with run.attempt(f"item {position}", position) as row:
                    busy(seconds)
                    row["value"] = position
            total += time.perf_counter() - begun
            run.finish_items()
            run.finish()
    return total


def make_parts(directory: Path, parts: int) -> None:
    """Copy the files of one part, as a run of ``parts`` parts with one item each has them."""
    with Run.open(directory / "model", command="bench", options={"seed": 0}, shard=Shard(1, 1)) as run:
        with run.attempt("item", 0) as row:
            row.update(dice=0.5, seconds=1.25)
        run.finish_items()
        run.finish()
    model = directory / "model" / Shard(1, 1).directory
    document = json.loads((model / "run.json").read_text(encoding="utf-8"))
    entry = json.loads((model / "items.jsonl").read_text(encoding="utf-8"))
    for index in range(1, parts + 1):
        part = directory / "run" / Shard(index, parts).directory
        part.mkdir(parents=True)
        for name in ("items.csv", "metrics.json", "log.txt"):
            (part / name).write_bytes((model / name).read_bytes())
        own = {**document, "shard": {"index": index, "count": parts}}
        (part / "run.json").write_text(json.dumps(own, indent=2), encoding="utf-8")
        line = json.dumps({**entry, "id": f"item {index}", "position": index - 1}) + "\n"
        (part / "items.jsonl").write_text(line, encoding="utf-8")


def timed(work) -> float:
    """Seconds that a call takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--parts", type=int, default=8)
    parser.add_argument("--up-to", type=int, default=10_000, help="parts of the largest run that is merged")
    parser.add_argument("--directory", type=Path, help="where to work: a folder of the file system of interest")
    given = parser.parse_args()
    print(f"{given.items} items in {given.parts} parts, one after the other")
    print(f"{'work ms':>8} {'alone s':>8} {'in parts s':>10} {'ratio':>6} {'ms an item':>10}")
    for work in WORK_MS:
        count = given.items if work < 100 else max(1, given.items // 10)
        alone = timed(lambda count=count, work=work: [busy(work / 1000) for _ in range(count)])
        with tempfile.TemporaryDirectory(dir=given.directory) as folder:
            divided = in_parts(Path(folder), count, given.parts, work / 1000)
        cost = 1000 * (divided - alone) / count
        print(f"{work:8.0f} {alone:8.2f} {divided:10.2f} {divided / alone:6.2f} {cost:10.2f}")
    print()
    print(f"{'parts':>6} {'files':>7} {'MB':>6} {'show s':>7} {'merge s':>8}")
    parts = 100
    while parts <= given.up_to:
        with tempfile.TemporaryDirectory(dir=given.directory) as folder:
            make_parts(Path(folder), parts)
            run = Path(folder) / "run"
            files = [path for path in run.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 1e6
            shown, merged = timed(lambda run=run: shard_states(run)), timed(lambda run=run: merge_shards(run))
            print(f"{parts:6d} {len(files):7d} {size:6.1f} {shown:7.2f} {merged:8.2f}")
        parts *= 10


if __name__ == "__main__":
    main()
