"""Division of a run over processes: shards, their progress, their merge."""
