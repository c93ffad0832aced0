"""Settings of the task: annotated fields are the options of the command line, and hold the only defaults."""
