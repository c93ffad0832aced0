"""Learned methods: the architectures there are, their checkpoints, and how they run on large pictures."""
