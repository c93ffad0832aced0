"""CLIP's vision and text transformers (arXiv:2103.00020), and the names of its tensors in the files of others."""
