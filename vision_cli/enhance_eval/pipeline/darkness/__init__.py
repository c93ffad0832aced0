"""Make pictures dark: by the formula of the literature without noise, and as a camera does it."""
