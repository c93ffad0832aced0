"""Work of the verbs: from files to a finished run."""
