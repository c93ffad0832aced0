"""Latent diffusion under text, built of the classes of diffusers and transformers."""
