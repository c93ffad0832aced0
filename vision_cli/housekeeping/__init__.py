"""The commands beside the tasks: what works here, samples, weights, runs, shell completions."""
