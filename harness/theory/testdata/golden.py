#!/usr/bin/env python3
"""Writes golden.json: waits in M/D/1 queues and fits of the universal scalability law.

Run by hand, in a virtual environment with mpmath and scipy:

    python golden.py > golden.json

Waits come from Erlang's series as it stands, at 200 digits, which is another way
than the Go code's. Fits are SciPy's least squares from a start of its own.
"""

import json

import mpmath
import numpy as np
import scipy
from scipy.optimize import curve_fit

mpmath.mp.dps = 200


def within(rho, t):
    """P(wait <= t) in an M/D/1 queue whose service takes 1."""
    rho, t = mpmath.mpf(rho), mpmath.mpf(t)
    total = mpmath.mpf(0)
    for k in range(int(mpmath.floor(t)) + 1):
        x = rho * (k - t)
        total += mpmath.exp(-x) * x**k / mpmath.factorial(k)
    return (1 - rho) * total


def quantile(rho, p):
    if within(rho, 0) >= p:
        return mpmath.mpf(0)
    lo, hi = mpmath.mpf(0), mpmath.mpf(1)
    while within(rho, hi) < p:
        hi *= 2
    for _ in range(120):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if within(rho, mid) < p else (lo, mid)
    return hi


def law(n, rate, sigma, kappa):
    return rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def fit(name, n, x, relative=False):
    n, x = np.array(n, float), np.array(x, float)
    start = [x[0] / n[0], 0.01, 1e-4]
    (rate, sigma, kappa), _ = curve_fit(law, n, x, p0=start, sigma=x if relative else None, xtol=1e-15, ftol=1e-15)
    return {"name": name, "relative": relative, "n": list(n), "x": list(x), "rate": rate, "sigma": sigma, "kappa": kappa}


def noisy(seed, n, rate, sigma, kappa):
    return [float(v) for v in law(np.array(n, float), rate, sigma, kappa) * np.exp(np.random.default_rng(seed).normal(0, 0.03, len(n)))]


# Cisco's benchmark in Schwartz, Practical Scalability Analysis with the Universal
# Scalability Law (2015); the tests of usl4j list the points.
CISCO = [
    955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8, 7867.61, 8278.71, 8646.7, 9047.84, 9426.55,
    9645.37, 9897.24, 10097.6, 10240.5, 10532.39, 10798.52, 11151.43, 11518.63, 11806, 12089.37, 12075.41, 12177.29, 12211.41,
    12158.93, 12155.27, 12118.04, 12140.4, 12074.39,
]
DOUBLING = [1, 2, 4, 8, 16, 32, 64]

print(json.dumps({
    "by": f"mpmath {mpmath.__version__}, scipy {scipy.__version__}, numpy {np.__version__}",
    "md1": [
        {"rho": rho, "p": p, "wait": float(quantile(rho, p))}
        for rho in (0.1, 0.5, 0.7, 0.8, 0.9, 0.95) for p in (0.5, 0.9, 0.99, 0.999)
    ],
    "usl": [
        fit(name, n, x, relative)
        for relative in (False, True)
        for name, n, x in (
            ("Cisco", range(1, 33), CISCO),
            ("noisy", DOUBLING, noisy(1, DOUBLING, 5000, 0.05, 0.0005)),
            ("noisy, nearly without coherency", DOUBLING, noisy(2, DOUBLING, 20000, 0.1, 0.0001)),
            ("twice each", DOUBLING * 2, noisy(3, DOUBLING * 2, 100, 0.02, 0.001)),
        )
    ],
}, indent=1))
