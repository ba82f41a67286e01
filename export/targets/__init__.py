"""Target: one file per engine, device and precision that a bundle can hold."""
