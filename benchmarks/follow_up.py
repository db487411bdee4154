"""What do the words of the question before bring to a conversation's next turn?

    KETAQA_COLLECTIONS=... python -m benchmarks.follow_up

Reads mtrag-un (people's conversations over documents) and canard-dev (people's rewritings of questions) in that folder. The
weights of the words lent were chosen on mtrag-un's own turns; those that stand beside a rewriting by a language model are of
other conversations. A question that stands alone must lose little where another thread stands before it. Intervals are at 95 %.
"""

import json
import os
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ketaqa
from ketaqa import KetaQA, analysis, conversation, shipped
from ketaqa.conversation import Message
from ketaqa.evaluation import collections, measures, significance
from ketaqa.evaluation.evaluate import ranked
from ketaqa.evaluation.significance import Measured

MEASURE = "nDCG@10"


@dataclass(frozen=True)
class Turn:
    """A question in a conversation, the documents that answer it, and the question as a language model rewrote it."""

    question: str
    history: Sequence[Message]
    relevant: Mapping[str, int]
    rewritten: str = ""


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def history(row: Mapping[str, Any]) -> list[Message]:
    """What was said before, as `ask` takes it."""
    roles = {"user": "user", "agent": "assistant"}
    return [{"role": roles[said["speaker"]], "content": said["text"]} for said in row["history"]]


def values(qa: KetaQA, turns: Sequence[Turn], query: Callable[[Turn], Any]) -> list[float]:
    """The measure of each turn."""
    run = {str(n): ranked(qa.index, query(turn), by_document=True) for n, turn in enumerate(turns)}
    found = measures.by_question(run, {str(n): dict(turn.relevant) for n, turn in enumerate(turns)}, [MEASURE])[MEASURE]
    return [found[str(n)] for n in range(len(turns))]


def told(m: Measured) -> str:
    """A value with its interval."""
    return f"{m.value:.4f} ({m.ci95[0]:.4f} to {m.ci95[1]:.4f})"


def mtrag(folder: Path) -> None:
    """What history brings on mtrag-un."""
    collection, rewritten = (
        collections.read(folder),
        {r["id"]: r["rewritten"] for r in rows(folder / "mtrag_human_rewrites.jsonl")},
    )
    said = {r["id"]: r for r in rows(folder / "conversations.jsonl") if r["history"]}
    own = [Turn(said[n]["question"], history(said[n]), r) for n, r in collection.qrels.items() if n in said]
    judged = [r for r in rows(folder / "mtrag_human_subset.jsonl") if r["history"] and r["contexts"] and r["id"] in rewritten]
    others = [Turn(r["question"], history(r), dict.fromkeys(r["contexts"], 1), rewritten[r["id"]]) for r in judged]
    with tempfile.TemporaryDirectory() as place:
        ketaqa.build([folder / "corpus.jsonl"], Path(place, "index"))
        qa = ketaqa.open(Path(place, "index"))
        for name, turns in (("mtrag-un, where the weights were chosen", own), ("mtrag, with rewritings", others)):
            bare = values(qa, turns, lambda turn: qa.query(turn.question))
            ours = values(qa, turns, lambda turn: qa.query(turn.question, turn.history))
            print(f"{name}: {len(turns)} turns, {MEASURE} as typed {told(significance.mean(bare))}")
            print(f"  with the question before {told(significance.mean(ours))}")
            if turns is others:
                best = values(qa, turns, lambda turn: qa.query(turn.rewritten))
                closed = (sum(ours) - sum(bare)) / (sum(best) - sum(bare))
                print(f"  rewritten by a language model {told(significance.mean(best))}: {closed:.2f} of the gap is closed")
        strange([(turn.question, turn.relevant) for turn in own], qa, by_document=True, name="mtrag-un")


def strange(questions: Sequence[tuple[str, Mapping[str, int]]], qa: KetaQA, by_document: bool, name: str) -> None:
    """What questions whose wording stands alone lose where another question stands before them."""
    alone = [one for one in questions if not conversation.leans(one[0])]
    drawn, sums = random.Random(0), []
    before: list[list[Message]] = [[{"role": "user", "content": drawn.choice(questions)[0]}] for _ in alone]
    nothing: list[list[Message]] = [[] for _ in alone]
    for histories in (nothing, before):
        asked = enumerate(zip(alone, histories, strict=True))
        run = {str(n): ranked(qa.index, qa.query(text, said), by_document) for n, ((text, _), said) in asked}
        found = measures.by_question(run, {str(n): dict(r) for n, (_, r) in enumerate(alone)}, [MEASURE])[MEASURE]
        sums.append([found[str(n)] for n in range(len(alone))])
    difference = significance.mean([b - a for a, b in zip(*sums, strict=True)])
    print(f"{name}: {len(alone)} questions that stand alone, after a question of another thread {told(difference)}")


def canard(folder: Path) -> None:
    """How many of the words that people add to a follow-up stand in the question before it."""
    terms, shares = analysis.analyser("english").terms, []
    for row in rows(folder / "conversations.jsonl"):
        added = set(terms(row["rewritten"])).difference(terms(row["question"]))
        if added:
            before = conversation.context(conversation.recent(history(row)))
            shares.append(len(added.intersection(terms(before))) / len(added))
    print(f"canard-dev: of the words that people added to {len(shares)} questions, the question before holds")
    print(f"  {told(significance.mean(shares))}")


def main(folder: Path) -> None:
    """Print it all."""
    mtrag(folder / "mtrag-un")
    own = collections.read(shipped.corpus_path())
    qa = ketaqa.open()
    relevant = collections.judged_passages(own, qa.index)
    strange([(text, relevant[n]) for n, text in own.questions.items()], qa, by_document=False, name="the shipped documents")
    canard(folder / "canard-dev")


if __name__ == "__main__":
    main(Path(os.environ["KETAQA_COLLECTIONS"]))
