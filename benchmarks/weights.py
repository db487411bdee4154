"""How much pairs and meaning weigh: mean nDCG@10 and P@1 over a folder of BEIR collections, on the half of each one's questions
on which weights are chosen, and on the other.

    KETAQA_COLLECTIONS=... python -m benchmarks.weights

Needs `ketaqa[semantic,bench]`; the indexes are those of benchmarks/quality.py.
"""

import os
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.quality import NAMES, Variant, held_out, indexed, variant_run
from ketaqa import meaning, retriever
from ketaqa.evaluation import collections, measures

PAIRS, TABLE, COMPANY = (0.15, 0.2, 0.25), (12.0, 16.0, 20.0), (2.0,)


def main() -> None:
    """Print a row for each combination."""
    folder = Path(os.environ["KETAQA_COLLECTIONS"])
    read = [collections.read(p.parents[1]) for p in sorted(folder.glob("*/qrels/test.tsv"))]
    print(f"pair, table, company: {', '.join(NAMES)} where chosen; held out")
    for pair, table, company in [*product(PAIRS, TABLE, COMPANY), (0.2, 16.0, 1.0), (0.2, 16.0, 4.0)]:
        weights = {
            (retriever, "PAIR_WEIGHT"): pair,
            (meaning, "TABLE_WEIGHT"): table,
            (meaning, "COMPANY_WEIGHT"): company,
        }
        rows = []
        for one in read:
            run, _ = variant_run(Variant("", spelling=True, weights=weights), indexed(one.path), one.questions)
            values = measures.by_question(run, one.qrels, NAMES)
            halves = [
                [v for q, v in values[n].items() if held_out(one.name, q) == half] for half in (False, True) for n in NAMES
            ]
            rows.append([float(np.mean(half)) for half in halves])
        a, b, c, d = np.mean(rows, axis=0)
        print(f"{pair:.2f}, {table:.0f}, {company:.0f}: {a:.4f}, {b:.4f}; {c:.4f}, {d:.4f}", flush=True)


if __name__ == "__main__":
    main()
