"""``vcli forgery-detect``: generated and forged faces (MFCLIP, arXiv:2409.09724; GM-DF, arXiv:2406.20078)."""
