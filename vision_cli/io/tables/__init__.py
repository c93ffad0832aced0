"""Tables of text, and how much memory they take."""
