"""Pictures of what models make: sheets of images, spectrograms, attention, learning curves."""
