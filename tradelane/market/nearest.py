"""The point nearest to zero among those that meet linear needs, exactly but for floats.

    min ‖x‖  s.t.  G·x ≥ h

Least distance programming by non-negative least squares (Lawson and Hanson, Solving Least Squares Problems,
ch. 23): the multipliers u ≥ 0 that bring [Gᵀ; hᵀ]·u nearest to (0, …, 0, 1) leave a remainder r, and
x = −r / r_last; where nothing remains, no point meets all needs.
"""

from __future__ import annotations

import numpy as np

from tradelane.market.program import FloatArray

NOTHING = 1e-12
REMAINS = 1e-9


def nearest_to_zero(slopes: FloatArray, least: FloatArray) -> FloatArray | None:
    """x with ``slopes``·x ≥ ``least``, a row each; None where there is none."""
    if not len(least) or float(least.max()) <= 0:
        return np.zeros(slopes.shape[1])
    matrix = np.vstack([slopes.T, least])
    wanted = np.zeros(len(matrix))
    wanted[-1] = 1.0
    rest = matrix @ non_negative(matrix, wanted) - wanted
    if abs(rest[-1]) < REMAINS:
        return None
    found: FloatArray = -rest[:-1] / rest[-1]
    return found


def non_negative(matrix: FloatArray, wanted: FloatArray) -> FloatArray:
    """u ≥ 0 for which ``matrix``·u is nearest to ``wanted``: columns enter one at a time, the steepest first,
    and leave where they would turn negative.
    """
    count = matrix.shape[1]
    found, used = np.zeros(count), np.zeros(count, bool)
    for _ in range(3 * count):
        steep = np.where(used, -np.inf, matrix.T @ (wanted - matrix @ found))
        if float(steep.max()) <= NOTHING:
            break
        used[int(np.argmax(steep))] = True
        while True:
            aim = np.zeros(count)
            aim[used] = np.linalg.lstsq(matrix[:, used], wanted, rcond=None)[0]
            if float(aim[used].min(initial=np.inf)) > 0:
                break
            short = used & (aim <= 0)
            part = float((found[short] / (found[short] - aim[short] + 1e-300)).min())
            found = found + part * (aim - found)
            used &= found > NOTHING
            found[~used] = 0.0
        found = aim
    return found
