"""What a slip of the fingers costs: P@1 and the like on the shipped questions, as they are and with one content word misspelt.

    python -m benchmarks.typos

Each question gets one slip, drawn from SEED, in one of its words of four letters or more that the documents hold: a letter
lost, doubled, replaced, or two letters exchanged. Questions without such a word stay as they are.
"""

import random
import string

import ketaqa
from ketaqa import shipped
from ketaqa.analysis import TOKEN
from ketaqa.evaluation import collections, measures, significance
from ketaqa.evaluation.evaluate import ranked
from ketaqa.pipeline import KetaQA
from ketaqa.spelling import SHORTEST

SEED, NAMES = 20261124, ("P@1", "Success@3", "nDCG@10")


def slip(word: str, rng: random.Random) -> str:
    """The word with one slip; its first letter stays, as it mostly does."""
    place = rng.randrange(1, len(word))
    kind = rng.choice(["lost", "doubled", "replaced", "exchanged"])
    if kind == "lost":
        return word[:place] + word[place + 1 :]
    if kind == "doubled":
        return word[:place] + word[place] + word[place:]
    if kind == "replaced":
        return word[:place] + rng.choice(string.ascii_lowercase.replace(word[place].lower(), "")) + word[place + 1 :]
    place = min(place, len(word) - 2)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def misspelt(question: str, qa: KetaQA, rng: random.Random) -> str:
    """The question with one slip in one of its content words."""
    analyser, held = qa.index.analyser, qa.index.retriever.postings.vocabulary
    found = [m for m in TOKEN.finditer(question) if len(m.group()) >= SHORTEST and m.group().isalpha()]
    found = [m for m in found if (term := analyser.term(m.group())) is not None and held.find(term) is not None]
    if not found:
        return question
    match = rng.choice(found)
    return question[: match.start()] + slip(match.group(), rng) + question[match.end() :]


def main() -> None:
    """Print the measures without and with slips, and the mean difference with its interval."""
    qa, rng = ketaqa.open(), random.Random(SEED)
    for split in ("dev", "test"):
        collection = collections.read(shipped.corpus_path(), split)
        qrels = collections.judged_passages(collection, qa.index)
        typed = {q: misspelt(text, qa, rng) for q, text in collection.questions.items()}
        changed = sum(typed[q] != text for q, text in collection.questions.items())
        print(f"{split}: {changed} of {len(typed)} questions misspelt")
        values = []
        for questions in (collection.questions, typed):
            run = {q: ranked(qa.index, qa.query(t, collection.histories.get(q, [])), False) for q, t in questions.items()}
            values.append(measures.by_question(run, qrels, NAMES))
        for name in NAMES:
            right, wrong = (list(v[name].values()) for v in values)
            lost = significance.mean([b - a for a, b in zip(right, wrong, strict=True)])
            print(
                f"  {name:10} {sum(right) / len(right):.4f} -> {sum(wrong) / len(wrong):.4f}"
                f"  difference {lost.value:+.4f}, 95 % interval {lost.ci95[0]:+.4f} to {lost.ci95[1]:+.4f}"
            )


if __name__ == "__main__":
    main()
