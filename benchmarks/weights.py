"""What each weight of the ranking is worth: mean nDCG@10 and P@1 over a folder of BEIR collections with one weight changed at a
time, on the half of each one's questions on which weights are chosen, and on the other.

    KETAQA_COLLECTIONS=... python -m benchmarks.weights

Needs `ketaqa[semantic,bench]`; the indexes are those of benchmarks/quality.py.
"""

import os
from pathlib import Path

import numpy as np

from benchmarks.quality import NAMES, Variant, indexed, means, variant_run
from ketaqa import meaning, retriever, semantics
from ketaqa.evaluation import collections

# by name, and whether the encoder must ask for the weight to count
WEIGHTS = (
    (retriever, "PAIR_WEIGHT", False),
    (retriever, "DOCUMENT_WEIGHT", False),
    (meaning, "TABLE_WEIGHT", False),
    (meaning, "COMPANY_WEIGHT", False),
    (meaning, "ENCODER_WEIGHT", True),
)
STEPS = (0.7, 1.4)


def main() -> None:
    """Print a row for each weight and step, and for the weights as they are."""
    folder = Path(os.environ["KETAQA_COLLECTIONS"])
    read = [collections.read(p.parents[1]) for p in sorted(folder.glob("*/qrels/test.tsv"))]

    def row(variant: Variant) -> str:
        runs = ((one, variant_run(variant, indexed(one.path), one.questions)[0]) for one in read)
        *_, a, b, c, d = np.mean([means(one.name, run, one.qrels) for one, run in runs], axis=0)
        return f"{variant.name}: {a:.4f}, {b:.4f}; {c:.4f}, {d:.4f}"

    print(f"{', '.join(NAMES)} where chosen; held out")
    for encoder in ("", semantics.TEACHER):
        print(row(Variant(f"as they are{', the encoder asks' if encoder else ''}", spelling=True, encoder=encoder)), flush=True)
    for module, name, asks in WEIGHTS:
        for step in STEPS:
            value = step * getattr(module, name)
            weights = {(module, name): value}
            encoder = semantics.TEACHER if asks else ""
            print(row(Variant(f"{name} {value:.2f}", spelling=True, weights=weights, encoder=encoder)), flush=True)


if __name__ == "__main__":
    main()
