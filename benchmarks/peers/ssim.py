# mypy: ignore-errors
# numpy is installed only in the environment that this script runs in.
"""How like pictures are: the SSIM of their luma (Wang and others, 2004; Gaussian, sigma 1.5).

The first folder has the references, the others have pictures of the same names and sizes. For each
of these a line with the mean and the worst.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
WINDOW = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
WINDOW /= WINDOW.sum()


def mean(values):
    """The weighted mean around each pixel that has all of its neighbours."""
    for axis in (0, 1):
        length = values.shape[axis] - len(WINDOW) + 1
        values = sum(
            weight * values.take(range(offset, offset + length), axis)
            for offset, weight in enumerate(WINDOW)
        )
    return values


def ssim(one, other):
    """1 for the same picture."""
    a, b = mean(one), mean(other)
    aa, bb = mean(one * one) - a * a, mean(other * other) - b * b
    ab = mean(one * other) - a * b
    likeness = (2 * a * b + C1) * (2 * ab + C2)
    return (likeness / ((a * a + b * b + C1) * (aa + bb + C2))).mean()


def luma(path):
    """Of a picture, as floats."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L")).astype(float)


def main(reference: Path, folders) -> None:
    """A line for each folder."""
    for folder in folders:
        values = [
            ssim(luma(path), luma(Path(folder) / path.name))
            for path in sorted(reference.iterdir())
        ]
        print(f"{sum(values) / len(values):.4f} {min(values):.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
