#!/usr/bin/env python3
"""Writes golden.json: what SciPy and statsmodels make of small data sets.

Run by hand, in a virtual environment with scipy and statsmodels:

    python golden.py > golden.json

The interval is not computed from critical ranks, as the Go code does it, but by
inverting SciPy's exact test: the centres that it does not reject at 5 % are
found by trying one between every two neighbouring Walsh averages.
"""

import itertools
import json
import sys

import numpy as np
import scipy
import statsmodels
from scipy.stats import fisher_exact, kendalltau, theilslopes, wilcoxon
from statsmodels.stats.multitest import multipletests

SEED = 20240607
ROPE = 0.05


def p_value(d, centre, alternative="two-sided"):
    return float(wilcoxon(d - centre, alternative=alternative, method="exact").pvalue)


def interval(d):
    walsh = np.sort([(a + b) / 2 for a, b in itertools.combinations_with_replacement(d, 2)])
    inner = (walsh[:-1] + walsh[1:]) / 2
    between = np.concatenate([[walsh[0] - 1], inner, [walsh[-1] + 1]])
    p = np.array([p_value(d, c) for c in between])
    kept = np.flatnonzero(p > 0.05)
    first, last = kept[0], kept[-1]
    if first == 0:  # too few blocks to reject anything: the widest interval there is
        first, last = 1, len(between) - 2
    return {
        "estimate": float(np.median(walsh)),
        "lo": float(walsh[first - 1]),
        "hi": float(walsh[last]),
        "level": 1 - float(p[first - 1]),
    }


def case(name, d):
    half = np.log1p(ROPE)
    out = {"name": name, "d": [float(x) for x in d]}
    out.update(interval(d))
    out["less"] = p_value(d, 0, "less")
    out["greater"] = p_value(d, 0, "greater")
    out["two_sided"] = p_value(d, 0)
    out["not_below"] = p_value(d, -half, "greater")
    out["not_above"] = p_value(d, half, "less")
    return out


def trend(name, d):
    at = np.arange(len(d))
    return {
        "name": name,
        "d": [float(x) for x in d],
        "p": float(kendalltau(at, d, method="exact" if len(set(d)) == len(d) else "asymptotic").pvalue),
        "slope": float(theilslopes(d, at).slope),
    }


def main():
    rng = np.random.default_rng(SEED)
    draws = {
        "normal": lambda n: rng.normal(0.05, 0.1, n),
        "narrow": lambda n: rng.normal(0.0, 0.02, n),
        "cauchy": lambda n: 0.02 * rng.standard_cauchy(n),
        "skewed": lambda n: rng.exponential(0.1, n) - 0.03,
    }
    signed_rank = [
        case(f"{name} {n}", np.round(draw(n), 6))
        for n in (2, 5, 6, 7, 9, 12, 20)
        for name, draw in draws.items()
    ]
    holm = []
    for n in (1, 2, 3, 5, 8):
        p = np.round(rng.beta(0.4, 2, n), 6)
        holm.append({"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()})
    holm.append({"p": [0.01, 0.01, 0.5, 0.5], "adjusted": multipletests([0.01, 0.01, 0.5, 0.5], method="holm")[1].tolist()})
    trends = [
        trend(f"slope {slope} {n}", np.round(rng.normal(0, 1, n) + slope * np.arange(n), 6))
        for n in (3, 10, 17, 40)
        for slope in (0, 0.02, -0.1)
    ]
    fisher = [
        {"table": [a, n, b, m], "p": float(fisher_exact([[a, n - a], [b, m - b]]).pvalue)}
        for n, m in ((1, 1), (6, 6), (12, 12), (12, 5), (40, 60))
        for a, b in {(0, 0), (n, 0), (0, m), (n, m), (n // 2, m // 3), (n // 4, 2 * m // 3)}
    ]
    json.dump(
        {
            "made_by": "golden.py",
            "versions": {"scipy": scipy.__version__, "numpy": np.__version__, "statsmodels": statsmodels.__version__},
            "seed": SEED,
            "rope": ROPE,
            "signed_rank": signed_rank,
            "holm": holm,
            "trends": trends,
            "fisher": sorted(fisher, key=lambda c: c["table"]),
        },
        sys.stdout,
        indent=1,
    )
    print()


main()
