"""Training of latent diffusion models on faces with captions."""
