"""From files to a finished run: what the verbs do between their options and their results."""
