import datetime
import hashlib
import json
import re
from collections import Counter
from urllib.parse import urlsplit

import pytest

from ketaqa import loaders, references, shipped

CORPUS = shipped.corpus_path()
FOUND, REFUSED = loaders.find([CORPUS])
DOCUMENTS = {d.doc_id: d for source in FOUND for d in loaders.read(source).documents}
REVIEWED = max(d.reviewed for d in DOCUMENTS.values() if d.reviewed)


def rows(name):
    lines = (CORPUS / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


CLAIMS, SOURCES, QUESTIONS = rows("claims.jsonl"), rows("sources.jsonl"), rows("questions.jsonl")

# marks that would be read as formatting, or show as clutter where they are not
MARKS = {
    "a heading": r"^\s{0,3}#{1,6}(?:\s|$)",
    "emphasis": r"\*\*|__|~~|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)",
    "code": r"`|^\s*~~~",
    "a link or picture": r"\]\(|\]\[|!\[|https?://|www\.",
    "a quotation": r"^\s*>",
    "a table or rule": r"^\s*\||^\s*(?:-{3,}|={3,}|\*{3,})\s*$",
    "HTML": r"<[A-Za-z/!?]|&(?:\w+|#\d+|#x[0-9a-fA-F]+);",
    "a backslash": r"\\",
    "a tab": r"\t",
    "a control or invisible character": r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]",
}

ADVERTISING = [
    r"call (?:us|now|today)",
    r"(?:book|schedule|reserve) (?:now|today|an? (?:appointment|consultation|session) with)",
    r"contact us|sign up|subscribe|click here|buy now|order now|learn more|get started",
    r"our (?:clinic|team|doctors|patients|services|specialists|treatments?)",
    r"free (?:consultation|trial|quote)|limited[- ]time|special offer|money[- ]back",
    r"miracle|life[- ]changing|breakthrough (?:cure|treatment)|world[- ]class|cutting[- ]edge",
    r"risk[- ]free|100 ?% (?:safe|effective)",
]
# says of advertising what it is
ABOUT_ADVERTISING = "Advertising that invites people to call now is marketing and not evidence."


def iso(text):
    return datetime.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None


def repeated(names):
    return [name for name, count in Counter(names).items() if count > 1]


def test_every_file_of_the_corpus_is_read():
    assert REFUSED == []
    assert {s.name for s in FOUND} | loaders.COMPANIONS == {p.name for p in CORPUS.iterdir()}
    assert 25 <= len(DOCUMENTS) <= 35


# documents


@pytest.mark.parametrize("doc_id", DOCUMENTS)
def test_front_matter_is_complete(doc_id):
    document = DOCUMENTS[doc_id]
    raw = (CORPUS / doc_id).read_text(encoding="utf-8")
    keys = re.findall(r"^([\w-]+):", raw.split("---\n")[1], re.MULTILINE)
    assert set(keys) <= set(loaders.markdown.KEYS)
    for key in ("title", "summary", "published", "reviewed", "jurisdiction", "licence"):
        assert keys.count(key) == 1, key
        assert getattr(document, key), key
    assert f"published: {document.published}\n" in raw, "written as an ISO date"
    assert f"reviewed: {document.reviewed}\n" in raw, "written as an ISO date"
    assert iso(document.published) <= iso(document.reviewed)
    assert document.licence == "CC BY 4.0"


@pytest.mark.parametrize("doc_id", DOCUMENTS)
def test_documents_are_long_enough_to_be_worth_citing(doc_id):
    assert len(DOCUMENTS[doc_id].text.split()) >= 250
    assert len(DOCUMENTS[doc_id].headings) >= 2
    assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*\.md", doc_id)


@pytest.mark.parametrize("doc_id", DOCUMENTS)
def test_bodies_are_plain_text(doc_id):
    document = DOCUMENTS[doc_id]
    for text in (document.title, document.summary, document.text):
        marks = {name: found.group() for name, mark in MARKS.items() if (found := re.search(mark, text, re.MULTILINE))}
        assert marks == {}


@pytest.mark.parametrize("doc_id", DOCUMENTS)
def test_documents_do_not_advertise(doc_id):
    document = DOCUMENTS[doc_id]
    text = "\n".join([document.title, document.summary, document.text]).replace(ABOUT_ADVERTISING, "")
    assert [found.group() for words in ADVERTISING if (found := re.search(rf"\b(?:{words})\b", text, re.IGNORECASE))] == []
    assert "!" not in text


def test_no_two_documents_share_a_title_and_no_paragraph_stands_twice():
    assert repeated(d.title.casefold() for d in DOCUMENTS.values()) == []
    assert repeated(p for d in DOCUMENTS.values() for p in re.split(r"\n\s*\n", d.text) if len(p.split()) > 20) == []
    for document in DOCUMENTS.values():
        assert repeated(h.text.casefold() for h in document.headings) == []


# claims and sources


def test_claims_are_verbatim_and_their_sources_resolve():
    known = {row["source_id"] for row in SOURCES}
    for row in CLAIMS:
        assert set(row) == {"claim_id", "doc_id", "quote", "source_ids"}
        assert row["quote"] in DOCUMENTS[row["doc_id"]].text, row["claim_id"]
        # found twice, a citation might stand beside the wrong one
        assert DOCUMENTS[row["doc_id"]].text.count(row["quote"]) == 1, row["claim_id"]
        assert row["quote"] == row["quote"].strip(), row["claim_id"]
        assert row["source_ids"], row["claim_id"]
        assert set(row["source_ids"]) <= known, row["claim_id"]
        assert repeated(row["source_ids"]) == [], row["claim_id"]
    assert len(references.load(CORPUS, lambda doc_id: DOCUMENTS[doc_id].text)) == len(CLAIMS)


def test_no_id_stands_twice():
    for name, table in (("source_id", SOURCES), ("question_id", QUESTIONS)):
        assert repeated(row[name] for row in table) == []
    # a claim may be made in several documents, and a sentence may make several claims
    assert repeated((row["claim_id"], row["doc_id"], row["quote"]) for row in CLAIMS) == []
    assert repeated(row["doi"].casefold() for row in SOURCES if row["doi"]) == []


def test_every_source_is_cited_and_every_document_makes_claims():
    assert {row["source_id"] for row in SOURCES} == {s for row in CLAIMS for s in row["source_ids"]}
    # a page of telephone numbers may stand on the numbers alone
    assert {row["doc_id"] for row in CLAIMS} | {"crisis-help.md"} >= set(DOCUMENTS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda row: row["source_id"])
def test_a_source_can_be_found(source):
    assert source["title"].strip()
    assert source["authors"] or source["journal_or_body"]
    assert source["year"] is None or 1950 <= source["year"] <= iso(REVIEWED).year
    assert source["seen"] is None or iso(source["seen"])
    assert source["doi"] or source["url"]
    assert source["doi"] is None or re.fullmatch(r"10\.\d{4,9}/[^\s\"<>]*[^\s\"<>.,;]", source["doi"])
    for key in ("url", "seen_at"):
        if source[key] is not None:
            address = urlsplit(source[key])
            assert address.scheme in ("http", "https"), key
            assert re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,}|(?:\d+\.){3}\d+", address.hostname or ""), key
            assert not re.search(r"[\s\"<>]", source[key]), key


def test_news_and_companies_stand_alone_for_prices_and_numbers_of_clinics_only():
    evidence = {row["source_id"]: row["evidence"] for row in SOURCES}
    weak = [row for row in CLAIMS if {evidence[s] for s in row["source_ids"]} <= {"news", "company"}]
    assert {row["doc_id"] for row in weak} == {"cost-and-access.md"}
    # and they say whose figure it is
    said = re.compile(r"(?:\$|CAD )\d.*\d|more than \d+ .*clinics")
    named = re.compile(r"price guide|patient guide|reported")
    assert [row["quote"] for row in weak if not (said.search(row["quote"]) and named.search(row["quote"]))] == []


# questions


def test_questions_are_quoted_verbatim():
    for row in QUESTIONS:
        assert row["question"].strip(), row["question_id"]
        for answer in row["answers"]:
            assert answer["quote"] in DOCUMENTS[answer["doc_id"]].text, row["question_id"]
        assert repeated((a["doc_id"], a["quote"]) for a in row["answers"]) == [], row["question_id"]


def test_questions_have_answers_exactly_when_their_kind_says_so():
    kinds = {"answerable", "unanswerable_near_domain", "unanswerable_unrelated", "unanswerable_false_premise"}
    assert {row["kind"] for row in QUESTIONS} == kinds | {"crisis_or_dangerous"}
    assert [r["question_id"] for r in QUESTIONS if bool(r["answers"]) != (r["kind"] == "answerable")] == []
    assert repeated((row["question"].casefold(), str(row.get("history"))) for row in QUESTIONS) == []


def test_the_split_follows_from_the_question_id():
    def split(question_id):
        return "test" if hashlib.sha256(question_id.encode()).digest()[0] % 2 else "dev"

    assert [row["question_id"] for row in QUESTIONS if row["split"] != split(row["question_id"])] == []
    assert {row["split"] for row in QUESTIONS if row["kind"] == "answerable"} == {"dev", "test"}


def test_no_document_is_past_its_review_date():
    # this fails one day, and is meant to: what a patient reads must have been looked at within three years
    today = datetime.date.today()
    reviewed = {name: datetime.date.fromisoformat(document.reviewed) for name, document in DOCUMENTS.items()}
    assert [name for name, day in reviewed.items() if (today - day).days > 3 * 365] == []
