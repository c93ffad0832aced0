"""Registration of a scan to the reference, and whether its pose can be trusted."""
