"""``vcli completions``: completion scripts of shells."""
