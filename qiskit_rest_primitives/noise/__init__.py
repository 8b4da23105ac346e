"""Learning the noise of layers and of readout, and calibrating."""
