"""Settings of the task: frozen dataclasses whose annotated fields are the options of the command line."""
