"""Machine parts with known defects, and scans of them."""
