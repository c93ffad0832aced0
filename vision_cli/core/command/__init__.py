"""The command line: declaration of verbs, their options, the console, exit codes."""
