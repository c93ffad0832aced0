"""MFCLIP: a detector of generated faces, taught by texts of four levels (arXiv:2409.09724), as plain modules."""
