"""Learning the noise of a device: layers of gates, the circuits that tell their errors apart, and the fits."""
