"""Training of WiNet: on users' own images, or on synthetic pairs."""
