"""Action units beside the text of a latent diffusion model: encoders, cross-attention of their own, and the adapter."""
