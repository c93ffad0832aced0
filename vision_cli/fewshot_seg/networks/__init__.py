"""The network of TAVP (arXiv:2409.05393), a file a part, on the modules of Segment Anything.

Only the paper's abstract and introduction were at hand: what they leave open is a decision of ours, said where it is
made. Pictures are float32 RGB of 0 to 255 before `normalise`, ``(N, 3, H, W)``; B episodes hold K supports each.
"""
