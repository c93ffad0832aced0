"""The work of each verb, from files to a finished run."""
