"""How much there is on a picture: patches of ink, counted in a few passes over its bytes.

Tesseract's search for columns has no time limit and takes minutes on some ten thousand specks of noise, so
they are counted before. A whole number of millions of bits is one value to Python, and its operators work
on all pixels at once.
"""

from __future__ import annotations

from collections import Counter

from ingestkit_pdf.pdf.ocr.model import Picture

__all__ = ["ink_patches"]

_BAND, _EVERY = 64, 256  # rows: of each 256 the first 64 are counted
_SAMPLE = 101  # every so many pixels, for the threshold


def ink_patches(picture: Picture) -> int:
    """About how many separate patches of ink there are, less the holes in them (the Euler number).

    Counted by the quads of Gray, "Local properties of binary images in two dimensions" (1971), on a quarter
    of the rows.
    """
    width = picture.width
    rows = [picture.samples[y * width : (y + _BAND) * width] for y in range(0, picture.height, _EVERY)]
    level = _threshold(picture.samples)
    data = b"".join(rows).translate(bytes(int(value <= level) for value in range(256)))
    here = int.from_bytes(data, "big")
    right, below = here << 8, here << 8 * width
    both = below << 8
    odd = here ^ right ^ below ^ both
    several = (here & (right | below | both)) | (right & (below | both)) | (below & both)
    three = odd & several
    diagonal = (here & both & ~(right | below)) | (right & below & ~(here | both))
    ones, threes, diagonals = (odd ^ three).bit_count(), three.bit_count(), diagonal.bit_count()
    counted = max(len(data) // width, 1)
    return max((ones - threes - 2 * diagonals) // 4, 0) * picture.height // counted


def _threshold(samples: bytes) -> int:
    """The grey level that parts ink from paper best (Otsu 1979); Tesseract takes the same."""
    counts = Counter(samples[::_SAMPLE])
    total, weighted = sum(counts.values()), sum(level * count for level, count in counts.items())
    best, best_level, below, below_weighted = -1.0, 127, 0, 0
    for level in sorted(counts):
        below += counts[level]
        below_weighted += level * counts[level]
        above = total - below
        if not above:
            break
        apart = below_weighted / below - (weighted - below_weighted) / above
        spread = below * above * apart * apart
        if spread > best:
            best, best_level = spread, level
    return best_level
