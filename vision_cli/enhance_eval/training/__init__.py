"""Training of the built-in networks, as `vision_cli.core.compute.training` takes it."""
