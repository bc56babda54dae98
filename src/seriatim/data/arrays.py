"""Types of raw data in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Int16 = NDArray[np.int16]
"""Audio."""

UInt8 = NDArray[np.uint8]
"""Pictures."""
