"""Registration of a scan to the reference, and verification of its pose."""
