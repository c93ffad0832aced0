"""Commands: how verbs are declared, their options and words, the console, exit codes."""
