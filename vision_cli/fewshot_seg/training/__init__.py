"""Training of the network on episodes, as `vision_cli.core.compute.training` takes it."""
