"""Code that all tasks share: commands, runs, shards, compute, reports. It imports no task."""
