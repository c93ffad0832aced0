"""Classical low-light enhancement: a picture ``(H, W, 3)`` in [0, 1] goes in, one of the same shape comes out.

All of them are deterministic, take pictures of any size, and work on float32 values; where a method is defined on
8-bit grey levels, its curve is found on 256 levels. Their parameters and defaults are those of the functions.
"""
