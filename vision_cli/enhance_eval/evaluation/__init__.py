"""Whether quality and task scores of enhanced pictures differ, and whether they agree: intervals, tests, headlines."""
