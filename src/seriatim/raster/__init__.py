"""Building blocks of networks over pictures: raster convolutions and recurrences, in parallel and pixel by pixel."""
