"""ask(question, history) -> Answer: the one place that wires the rooms together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ketaqa import answerer, confidence, conversation, danger, explaining, safety, semantics, why
from ketaqa.confidence import Evidence
from ketaqa.config import Config, share
from ketaqa.conversation import Message
from ketaqa.errors import BadQuestion
from ketaqa.index import Index
from ketaqa.question import Asked, checked_k, must_be_text
from ketaqa.records import Answer, Citation, Correction, Document, Hit, IndexInfo, Nearest, Notice, Passage, TermWeight, Why
from ketaqa.retriever import QueryTerm
from ketaqa.safety import GRAVE, WARNED, Care

DEFAULT_K = 4
REMEMBERED = 200_000  # terms of a vocabulary, and postings, that a server keeps in memory, in some 30 MB each
NEAREST = 3  # places that are named where nothing answers
READ = 1024  # passages, of those shown last, that are kept cut into sentences: cutting takes longer than finding
Found = tuple[int, float]  # the number of a passage, and its score
Reasons = tuple[TermWeight, ...]
STALE = "{} changed since this index was built, so its text is not quoted. Build the index again: ketaqa index SOURCE -o INDEX"
NO_HELP = "This is not answered here."
NO_QUESTION = "That asks nothing. Type what you would like to know."
CARE = "This message is answered by people, not by documents. The help named here is the place to turn to."


class KetaQA:
    """An index opened for questions. Safe to share between threads: nothing changes after opening."""

    def __init__(self, index: Index, config: Config | None = None) -> None:
        self.index = index
        self.config = config or Config()
        # kept by passage, never by question: what people ask is not remembered
        self._read = lru_cache(maxsize=READ)(self._read_anew)

    @property
    def info(self) -> IndexInfo:
        """Version and number of passages."""
        return self.index.info

    def prepare(self) -> None:
        """Read into memory what many questions need: for a server, before the first of them."""
        danger.remember()
        postings = self.index.retriever.postings
        if self.index.retriever.meaning is not None:
            self.index.retriever.meaning.remember()
        if len(postings.indices) <= REMEMBERED:
            postings.remember()
        for vocabulary in (postings.vocabulary, semantics.table().vocabulary):
            if len(vocabulary) <= REMEMBERED:
                vocabulary.remember()

    def ask(
        self, question: str, history: Sequence[Message] = (), k: int = DEFAULT_K, answer_or_silence: float | None = None
    ) -> Answer:
        """The best passage with its citation and at most k - 1 alternatives, or an honest abstention.

        history: earlier messages, oldest first, {"role": "user" | "assistant", "content": text}.
        answer_or_silence: from which confidence an answer is shown, in place of the setting. BadQuestion when the question is
        empty, too long or not text.
        """
        must_be_text(question)
        asked = self._asked(question, history)
        # help comes before every other check: a long message from danger is still a message from danger
        care = asked.care()
        if care.silent:
            return self._abstained(question, care.notices, CARE if care.grave else NO_HELP)
        self._checked(question)
        k, least = checked_k(k), self.config.answer_or_silence
        if answer_or_silence is not None:
            least = share(answer_or_silence, "answer_or_silence", "ask")
        if conversation.courtesy(question):
            return self._abstained(question, care.notices, CARE if care.grave else NO_QUESTION)
        # a message from danger lends its words to nothing
        follows = bool(asked.context) and not care.grave
        answer = self._looked_up(asked, self._query(asked, follows), care.notices, k, least)
        if answer.status == "abstained" and follows:
            # leaning wording ("it") may just as well mean the subject of all documents: as typed, then
            return self._looked_up(asked, self._query(asked, False), care.notices, k, least)
        return replace(answer, context=asked.context) if follows and asked.leans else answer

    def care(self, question: str, history: Sequence[Message] = ()) -> Care:
        """The notices of a message, as it was typed and as it is searched for: a slip must not hide a danger."""
        return self._asked(question, history).care()

    def _asked(self, question: str, history: Sequence[Message]) -> Asked:
        before = conversation.recent(history)
        # plain words that the documents hold need no mending
        read = self.index.analyser.words_and_terms(question) if question.isascii() and self._short(question) else None
        known = read is not None and self.index.spelling.holds(read)
        text, corrections = (question, ()) if known else self._mended(question)
        read_before = [self._mended(one)[0] for one in before]
        return Asked(question, text, corrections, before, read_before, conversation.leans(question), read if known else None)

    def _mended(self, text: str) -> tuple[str, tuple[Correction, ...]]:
        return self.index.spelling.read(text) if self._short(text) else (text, ())

    def _short(self, text: str) -> bool:
        # a text too long to be a question is not looked at word by word
        return len(text) <= self.config.max_question_length

    def _looked_up(self, asked: Asked, query: list[QueryTerm], notices: tuple[Notice, ...], k: int, least: float) -> Answer:
        fresh = self._fresh(query, k)
        notices += (Notice("stale", fresh.stale),) if fresh.stale else ()
        evidence = self._evidence(query, fresh.reasons[0], fresh.scores) if fresh.reasons else None
        # as it is told, so that what is told can be asked for
        sure, kinds = round(confidence.probability(evidence), 2), {notice.kind for notice in notices}
        # where the best passage may not be quoted, the next is no answer
        if not fresh.reasons or fresh.best_is_stale or sure < least:
            reason = fresh.stale or answerer.reason_for_silence(asked.text, query, self.index.analyser, evidence)
            if not fresh.stale and sure >= self.config.answer_or_silence:
                reason = f"The best passage has a confidence of {sure:.2f}, below the {least:.2f} that is asked for."
            nearest = self._nearest(fresh.found) if sure >= confidence.NEAR and not kinds.intersection(WARNED) else ()
            return self._abstained(asked.typed, notices, reason, sure, asked.corrections, nearest)
        hits = self._hits(fresh.found, fresh.reasons, query, asked.text)
        if kinds.intersection(GRAVE):
            # no amounts beside help
            if safety.amounts(hits[0].passage.text):
                return self._abstained(asked.typed, notices, CARE)
            hits = [replace(hit, rank=rank) for rank, hit in enumerate(filter(_without_amounts, hits), 1)]
        notices = tuple(notice for notice in notices if safety.suits(notice, hits[0].passage.text))
        return self._answered(asked, hits, notices, sure)

    def query(self, question: str, history: Sequence[Message] = ()) -> list[QueryTerm]:
        """The weighted terms that a question is searched by, its misspelt words and those of the question before mended."""
        return self._query(self._asked(question, history))

    def _query(self, asked: Asked, follows: bool = True) -> list[QueryTerm]:
        # a text too long to be a question is no context either
        context = asked.context if follows and self._short(asked.context) else ""
        return self.index.retriever.query(asked.text, context, asked.read, asked.leans)

    def best(self, query: list[QueryTerm]) -> tuple[int, Evidence | None] | None:
        """The number of the best passage, and what speaks for it; None where there is none. Changed files are not left out."""
        told = self.index.retriever.told(query, confidence.BEST)
        if not told.hits:
            return None
        number = told.hits[0][0]
        terms = explaining.explained(self.index.retriever, query, [number], told)[0]
        return number, self._evidence(query, terms, [score for _, score in told.hits])

    def _evidence(self, query: Sequence[QueryTerm], terms: Reasons, scores: Sequence[float]) -> Evidence | None:
        return confidence.evidence(query, terms, scores, self.index.retriever.postings.idf(0))

    def search(self, query: str, k: int = 10) -> list[Hit]:
        """The k best passages, by falling score, ties by passage number. Passages of changed files are left out."""
        return self.searched(query, k)[0]

    def searched(self, query: str, k: int) -> tuple[list[Hit], str]:
        """The hits of `search`, and what to say where passages were left out; empty where none was."""
        text, _ = self._mended(self._checked(query))
        terms = self.index.retriever.query(text)
        fresh = self._fresh(terms, checked_k(k))
        return self._hits(fresh.found, fresh.reasons, terms, text), fresh.stale

    def corrections(self, query: str) -> tuple[Correction, ...]:
        """Which misspelt words of a query `search` reads as which others."""
        return self._mended(query)[1]

    def documents(self) -> list[Document]:
        """All documents, in order."""
        return [self.index.document(doc_id) for doc_id in self.index.doc_ids()]

    def document(self, doc_id: str) -> Document:
        """One document; UnknownDocument when it is not there."""
        return self.index.document(doc_id)

    def passages(self, doc_id: str) -> list[Passage]:
        """The passages of a document, in order; UnknownDocument when it is not there."""
        return self.index.passages_of(doc_id)

    def _checked(self, question: str) -> str:
        limit = self.config.max_question_length
        must_be_text(question)
        if not question.strip():
            raise BadQuestion("the question is empty; type a question")
        if len(question) > limit:
            raise BadQuestion(f"the question has {len(question)} characters; ask in at most {limit}")
        if any("\ud800" <= c <= "\udfff" for c in question):
            raise BadQuestion("the question is not valid text (a lone surrogate); type it again")
        return question

    def _fresh(self, query: list[QueryTerm], k: int) -> "_Fresh":
        wanted = least = max(k, confidence.BEST)
        self.index.tidy()
        while True:
            told = self.index.retriever.told(query, wanted)
            found = told.hits
            documents = {n: self.index.document_of(n) for n, _ in found}
            changed = self.index.stale(documents.values())
            fresh = [(n, s) for n, s in found if documents[n] not in changed]
            if len(fresh) >= least or len(found) < wanted:
                reasons = explaining.explained(self.index.retriever, query, [n for n, _ in fresh[:k]], told)
                # those further down than what is asked for would not have been shown anyway
                last = fresh[k - 1][1] if len(fresh) >= k else 0.0
                missed = changed.intersection(documents[n] for n, s in found if s > last)
                scores, best_is_stale = [s for _, s in fresh[: confidence.BEST]], fresh[:1] != found[:1]
                return _Fresh(fresh[:k], reasons, self._said_of(missed), best_is_stale, scores)
            wanted *= 4

    def _said_of(self, changed: set[int]) -> str:
        names = [self.index.doc_id_at(number) for number in sorted(changed)]
        if not names:
            return ""
        return STALE.format(names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more")

    def _hits(self, found: list[Found], reasons: list[Reasons], query: list[QueryTerm], question: str) -> list[Hit]:
        sought, ranked = answerer.sought(query, question), enumerate(zip(found, reasons, strict=True), 1)
        return [Hit(rank, score, *self._shown(number, sought), terms) for rank, ((number, score), terms) in ranked]

    def passage_for(self, number: int, query: list[QueryTerm], question: str) -> Passage:
        """The passage of that number, with the sentences marked that answer a question."""
        return self._shown(number, answerer.sought(query, question))[0]

    def _shown(self, number: int, sought: answerer.Sought) -> tuple[Passage, Citation]:
        passage, citation, read = self._read(number)
        return answerer.highlighted(passage, read, sought), citation

    def _read_anew(self, number: int) -> tuple[Passage, Citation, answerer.Reading]:
        passage = self.index.passage(number)
        read = answerer.reading(passage, self.index.headings_in(number), self.index.analyser)
        return passage, self.index.citation(number), read

    def _answered(self, asked: Asked, hits: list[Hit], notices: tuple[Notice, ...], sure: float) -> Answer:
        best, others = hits[0], tuple(hits[1:])
        shown = best.passage, best.citation, sure, None, notices, others, best.terms, self.info, asked.corrections
        return Answer(asked.typed, "answered", *shown)

    def _abstained(
        self,
        question: str,
        notices: tuple[Notice, ...],
        reason: str,
        sure: float = 0.0,
        corrections: tuple[Correction, ...] = (),
        nearest: tuple[Nearest, ...] = (),
    ) -> Answer:
        # a remark on a passage has no place where none is shown; a line to call, or a warning of its own, has
        notices = tuple(n for n in notices if n.links or n.kind != "disclaimer")
        return Answer(question, "abstained", None, None, sure, reason, notices, (), (), self.info, corrections, nearest)

    def _nearest(self, found: list[Found]) -> tuple[Nearest, ...]:
        topics: dict[str, Nearest] = {}
        for number, _ in found:
            topic, passage = self.index.topic(number), self.index.passage(number)
            # a passage on amounts must not come in by this door
            if topic not in topics and not safety.amounts(passage.text):
                topics[topic] = Nearest(topic, passage)
            if len(topics) == NEAREST:
                break
        return tuple(topics.values())

    def why(self, answer: Answer) -> Why | None:
        """What each word of the question did for the passage that is shown, and what set it before the next."""
        return why.why(answer, self.index.analyser)


def _without_amounts(hit: Hit) -> bool:
    return not safety.amounts(hit.passage.text)


@dataclass(frozen=True, slots=True)
class _Fresh:
    """The best passages whose files did not change, and their reasons; what to say of one that was left out, and whether that
    was the best of all; the scores that `confidence` compares."""

    found: list[Found]
    reasons: list[Reasons]
    stale: str
    best_is_stale: bool
    scores: list[float]


def open_index(path: str | Path | None = None, config: Config | None = None) -> KetaQA:
    """The index at `path`, ready for questions; the shipped documents without a path. BadIndex when it can't be read."""
    config = config or Config()
    chosen = path or config.index
    if chosen:
        return KetaQA(Index(Path(chosen), config.encoder), config)
    from ketaqa import shipped  # building needs more imports than asking

    return KetaQA(Index(shipped.index_path(), config.encoder), config)
