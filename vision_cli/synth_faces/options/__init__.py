"""Settings of synth-faces; their ``Annotated`` fields are the options of the command line."""
