"""What is emulated: devices by their documents, their noise, and the circuits they take."""
