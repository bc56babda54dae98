"""What networks over pictures are made of: raster convolutions and recurrences, whole and pixel by pixel."""
