"""Pipeline: ask and search, from the question to the answer."""

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketaqa
from ketaqa import confidence, meaning, safety, shipped
from ketaqa.config import MAX_K, Config
from ketaqa.errors import BadIndex, BadQuestion, BadSetting, UnknownDocument
from ketaqa.pipeline import DEFAULT_K, KetaQA, open_index

SCHEMA = Path(__file__).parents[2] / "shared" / "contract" / "answer.schema.json"
TOY = {
    "bladder.md": "# Bladder\n\nKetamine can harm the bladder. Pain is an early sign.\n",
    "cost.md": "# Cost\n\nA session costs 400 dollars. Insurance seldom pays.\n",
    "speed.txt": "The drip works within hours.\r\nThe spray takes days.\n",
}


@pytest.fixture(scope="module")
def qa(tmp_path_factory):
    path = tmp_path_factory.mktemp("shipped") / "index"
    ketaqa.build([shipped.corpus_path()], path)
    return open_index(path)


@pytest.fixture
def toy(tmp_path):
    for name, text in TOY.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    ketaqa.build([tmp_path], tmp_path / "toy.index")
    return tmp_path


def as_json(answer):
    return json.loads(json.dumps(asdict(answer)))


def assert_nearest(answer, qa):
    """What every abstention that names what comes closest keeps to."""
    topics = [one.topic for one in answer.nearest]
    assert len(set(topics)) == len(topics)
    for one in answer.nearest:
        assert one.topic.startswith(qa.document(one.passage.doc_id).title)
        assert one.passage in qa.passages(one.passage.doc_id)
        assert not any(piece.highlight for piece in one.passage.pieces)


def assert_answer(answer, qa):
    """What every answer keeps to."""
    assert 0.0 <= answer.confidence <= 1.0
    assert answer.index == qa.info
    if answer.status == "abstained":
        assert (answer.passage, answer.citation, answer.alternatives, answer.terms) == (None, None, (), ())
        assert answer.reason
        assert_nearest(answer, qa)
        return
    assert answer.nearest == ()
    assert answer.reason is None
    for passage, citation in [(answer.passage, answer.citation), *((h.passage, h.citation) for h in answer.alternatives)]:
        document = qa.document(passage.doc_id)
        assert passage.text == document.text[passage.start : passage.end]
        assert "".join(p.text for p in passage.pieces) == passage.text
        assert sum(p.highlight for p in passage.pieces) in (1, 2)
        assert (citation.doc_id, citation.doc_sha256) == (document.doc_id, document.sha256)
    assert [h.rank for h in answer.alternatives] == list(range(2, len(answer.alternatives) + 2))
    scores = [sum(t.weight for t in answer.terms), *(h.score for h in answer.alternatives)]
    assert all(a >= b - 1e-9 for a, b in pairwise(scores))


@pytest.mark.parametrize(
    ("question", "doc_id"),
    [
        ("How fast does ketamine work for depression?", "how-fast-and-how-long.md"),
        ("What is ketamine?", "what-is-ketamine.md"),
        ("how often do I have to go for the nasal spray", "spravato-nasal-spray.md"),
        ("is it legal in the UK", "legal-status.md"),
    ],
)
def test_a_question_finds_the_document_that_answers_it(qa, question, doc_id):
    answer = qa.ask(question)
    assert (answer.status, answer.passage.doc_id) == ("answered", doc_id)
    assert answer.question == question
    assert_answer(answer, qa)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Explain the offside rule.", "“offside”"),
        ("zxqv blorp", "“zxqv”, “blorp”"),
        ("???", "no word to search for"),
        ("😀", "no word to search for"),
        ("केटामाइन क्या है", "“केटामाइन”"),
    ],
)
def test_a_question_that_nothing_answers_is_met_with_the_reason(qa, question, said):
    answer = qa.ask(question)
    assert answer.status == "abstained"
    assert said in answer.reason
    assert_answer(answer, qa)


@pytest.mark.parametrize("question", ["the", "What is what?"])
def test_a_question_of_function_words_is_told_that_it_names_nothing(qa, question):
    answer = qa.ask(question)
    assert answer.status == "abstained"
    assert "no word to search for" in answer.reason


@pytest.mark.parametrize("k", [1, MAX_K])
def test_a_message_from_a_person_in_crisis_gets_help_lines_alone(qa, k):
    answer = qa.ask("i want to die", k=k)
    assert answer.status == "abstained"
    assert [n.kind for n in answer.notices] == ["crisis"]
    assert "tel:988" in {link.url for link in answer.notices[0].links}
    assert (answer.passage, answer.citation, answer.alternatives, answer.terms) == (None, None, (), ())


def test_a_notice_may_stand_beside_an_answer_and_help_lines_stay_without_one(qa):
    beside = qa.ask("Does ketamine reduce suicidal thoughts?")
    assert (beside.status, beside.notices[0].kind) == ("answered", "disclaimer")
    without = qa.ask("zxqv blorp suicide helpline blorpville")
    assert without.status == "abstained"
    assert without.notices[0].links
    assert qa.ask("should i zxqv the blorp").notices == ()  # a remark on a passage has no place where none is shown


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(lambda t: t.strip()), st.integers(1, 9)
)
def test_any_question_gets_a_whole_answer(qa, question, k):
    answer = qa.ask(question, k=k)
    assert_answer(answer, qa)
    assert len(answer.alternatives) < k


@pytest.mark.parametrize("k", [1, 2, 5, MAX_K])
def test_k_counts_the_answer_and_its_alternatives(qa, k):
    answer = qa.ask("What is ketamine?", k=k)
    assert len(answer.alternatives) == k - 1
    hits = qa.search("What is ketamine?", k)
    assert [h.rank for h in hits] == list(range(1, k + 1))
    assert [h.passage.passage_id for h in hits] == [
        answer.passage.passage_id,
        *(h.passage.passage_id for h in answer.alternatives),
    ]


def test_four_passages_and_ten_hits_are_the_default(qa):
    assert DEFAULT_K == 4
    assert len(qa.ask("ketamine for depression").alternatives) == 3
    assert len(qa.search("ketamine for depression")) == 10


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 1.0, "4", None, True])
def test_a_k_out_of_bounds_is_refused(qa, k):
    for use in (qa.ask, qa.search):
        with pytest.raises(BadSetting) as refused:
            use("What is ketamine?", k=k)
        assert str(refused.value) == f"k is {k!r}; give a whole number from 1 to {MAX_K}"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "is empty; type"),
        (" \n\u00a0", "is empty; type"),
        ("a" * 1001, "1001 characters; ask in at most 1000"),
        (None, "NoneType; give it as text"),
        (b"what", "bytes; give it as text"),
        (["what"], "list; give it as text"),
        ("half \ud83d a character", "surrogate); type it again"),
    ],
)
def test_a_question_that_can_not_be_searched_for_is_refused(qa, question, said):
    for use in (qa.ask, qa.search):
        with pytest.raises(BadQuestion) as refused:
            use(question)
        assert said in str(refused.value)
        assert "question" in str(refused.value)


def test_the_length_limit_is_a_setting_and_counts_code_points(qa):
    short = KetaQA(qa.index, Config(max_question_length=9))
    assert short.ask("ketamine?").question == "ketamine?"
    assert short.ask("😀" * 9).status == "abstained"
    with pytest.raises(BadQuestion, match="10 characters; ask in at most 9"):
        short.ask("ketamine??")


HISTORY = [{"role": "user", "content": "Is ketamine legal in the UK?"}, {"role": "assistant", "content": "As a medicine."}]


def test_a_follow_up_is_answered_with_the_help_of_the_question_before_it(tmp_path):
    (tmp_path / "docs").mkdir()
    for name, text in {
        "law": "Ketamine is legal as a medicine in Canada and in the United States.",
        "help": "Anyone in Canada can call this line, and Canada pays for it.",
        "price": "What a session costs in the United States differs.",
    }.items():
        (tmp_path / "docs" / f"{name}.txt").write_text(text)
    ketaqa.build([tmp_path / "docs"], tmp_path / "index")
    qa = ketaqa.open(tmp_path / "index")
    question = "What about Canada?"
    assert qa.ask(question).passage.doc_id == "help.txt"
    answer = qa.ask(question, HISTORY)
    assert (answer.status, answer.passage.doc_id) == ("answered", "law.txt")
    assert answer.question == question
    assert_answer(answer, qa)


def test_the_reason_for_silence_speaks_of_the_words_that_were_typed(qa):
    history = [{"role": "user", "content": "What is blorp?"}]
    answer = qa.ask("and is it zxqv?", history)
    assert answer.status == "abstained"
    assert "“zxqv”" in answer.reason
    assert "blorp" not in answer.reason


@pytest.mark.parametrize("question", ["What is ketamine?", "Does ketamine damage the bladder?", "who made ketamine first"])
def test_a_question_that_stands_alone_finds_the_passage_that_it_finds_without_history(qa, question):
    answers = [qa.ask(question, history) for history in (HISTORY, [])]
    assert len({answer.passage.passage_id for answer in answers}) == 1
    assert answers[1] == qa.ask(question)


@pytest.mark.parametrize("history", [[{"role": "user"}], ["hello"], [{"role": "system", "content": "x"}]])
def test_a_malformed_history_is_refused(qa, history):
    with pytest.raises(BadQuestion, match="history"):
        qa.ask("And then?", history)


@pytest.mark.parametrize("question", ["What is ketamine?", "zxqv", "i want to die", "how long does it last", "ket 😀 é"])
def test_the_same_question_on_the_same_documents_gives_the_same_bytes(qa, tmp_path, question):
    ketaqa.build([shipped.corpus_path()], tmp_path / "again", workers=2)
    again = ketaqa.open(tmp_path / "again")
    one, other = (json.dumps(asdict(asked.ask(question, HISTORY, k=9))) for asked in (qa, again))
    assert one == other


@pytest.mark.skipif(not SCHEMA.is_file(), reason="needs the shared contract")
@pytest.mark.parametrize(
    "question", ["What is ketamine?", "zxqv blorp", "i want to die", "What dose is used?", "is it legal in the UK"]
)
def test_the_answer_is_the_one_of_the_contract(qa, question):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(as_json(qa.ask(question)))


def test_a_changed_document_is_not_quoted_and_the_reader_is_told(toy):
    qa = ketaqa.open(toy / "toy.index")
    assert qa.ask("bladder harm").passage.doc_id == "bladder.md"
    (toy / "bladder.md").write_text("# Bladder\n\nAll of this is new, and it is about something else.\n", encoding="utf-8")
    answer = qa.ask("bladder harm")
    assert answer.status == "abstained"
    assert [n.kind for n in answer.notices] == ["stale"]
    assert "changed" in answer.reason
    assert "ketaqa index" in answer.reason
    assert qa.search("bladder harm") == []
    assert [n.kind for n in qa.ask("what does a session cost").notices] == []  # the others are quoted as before
    ketaqa.build([toy], toy / "toy.index")
    assert ketaqa.open(toy / "toy.index").ask("new something else").status == "answered"


def test_a_deleted_document_is_not_quoted(toy):
    (toy / "cost.md").unlink()
    answer = ketaqa.open(toy / "toy.index").ask("what does a session cost")
    assert (answer.status, answer.notices[0].kind) == ("abstained", "stale")


def test_a_document_touched_but_not_changed_is_quoted(toy):
    (toy / "cost.md").write_text(TOY["cost.md"], encoding="utf-8")
    assert ketaqa.open(toy / "toy.index").ask("what does a session cost").status == "answered"


def test_documents_and_passages_are_listed_in_order(toy):
    qa = ketaqa.open(toy / "toy.index")
    documents = qa.documents()
    assert [d.doc_id for d in documents] == sorted(TOY)
    assert [qa.document(d.doc_id) for d in documents] == documents
    listed = [p for d in documents for p in qa.passages(d.doc_id)]
    assert len(listed) == qa.info.passages
    assert {h.passage.passage_id for h in qa.search("bladder session drip")} <= {p.passage_id for p in listed}


def test_what_is_not_there_is_refused_by_name(qa, tmp_path):
    for use in (qa.document, qa.passages):
        with pytest.raises(UnknownDocument, match=r"no document 'no\.md'.*`ketaqa passages`"):
            use("no.md")
    with pytest.raises(BadIndex, match="nowhere"):
        ketaqa.open(tmp_path / "nowhere")


def test_an_index_named_in_the_settings_answers(toy):
    named = open_index(config=Config(index=str(toy / "toy.index")))
    assert named.info == ketaqa.open(toy / "toy.index").info


def test_what_is_kept_for_many_questions_changes_no_answer(shipped):
    prepared = ketaqa.open()
    prepared.prepare()
    kept = prepared.index.retriever.meaning.companies
    assert kept
    for question in ("How fast does ketamine work?", "bladder harm", "whats the offside rule", "is it legal", "wht is ketamin"):
        assert prepared.ask(question, k=7) == shipped.ask(question, k=7)
    assert prepared.index.retriever.meaning.companies is kept
    assert not shipped.index.retriever.meaning.companies  # a question leaves nothing behind


def test_where_nothing_answers_what_comes_closest_is_named(qa):
    answer = qa.ask("is it legal in Germany")
    assert answer.status == "abstained"
    assert {one.passage.doc_id for one in answer.nearest} == {"legal-status.md"}
    # the nearest of an everyday question have nothing to do with it
    assert qa.ask("how do I bake bread").nearest == ()


@pytest.mark.parametrize(
    ("question", "history", "kind"),
    [
        ("Is ketamine legal in Germany?", [{"role": "user", "content": "I want to kill myself"}], "crisis"),
        ("how many milligrams of vet ketamine do I put in my arm tonight", [], "dosing"),
    ],
)
def test_nothing_is_named_beside_help_or_a_warning(qa, question, history, kind):
    answer = qa.ask(question, history)
    assert answer.status == "abstained"
    assert answer.confidence >= confidence.NEAR
    assert kind in {notice.kind for notice in answer.notices}
    assert answer.nearest == ()


def test_few_places_are_named_however_many_passages_are_asked_for(qa):
    assert len(qa.ask("is it legal in Germany", k=100).nearest) == 3


def test_a_file_that_changed_is_told_of_only_where_its_passage_would_be_shown(tmp_path):
    for n in range(9):
        (tmp_path / f"{n}.txt").write_text(f"The pool has {'water ' * (9 - n)} and lane number {n}.", encoding="utf-8")
    ketaqa.build([tmp_path], tmp_path / "index", encoder="none")
    qa = open_index(tmp_path / "index")
    last = qa.search("pool water", k=9)[-1].passage.doc_id
    (tmp_path / last).write_text("Something else altogether.", encoding="utf-8")
    assert qa.searched("pool water", 8)[1] == ""
    assert last in qa.searched("pool water", 9)[1]


def test_a_message_from_danger_lends_its_words_to_nothing(qa):
    history = [{"role": "user", "content": "I want to kill myself in London"}]
    question = "Is ketamine legal in the UK?"
    assert qa.ask(question, history).terms == qa.ask(question).terms


def test_a_question_whose_wording_stands_alone_follows_the_thread_a_little(qa):
    history = [{"role": "user", "content": "What does Spravato do to blood pressure?"}]
    leaning, alone = (qa.query(q, history) for q in ("How long does it last?", "How long do effects last?"))
    lent = [next(t.weight / t.idf for t in query if t.term == "spravato") for query in (leaning, alone)]
    assert lent == [pytest.approx(meaning.LENT), pytest.approx(meaning.THREAD)]


def test_an_answer_says_which_question_it_was_read_with(qa):
    history = [{"role": "user", "content": "Does ketamine damage the blader?"}]
    assert qa.ask("and can it heal?", history).context == "Does ketamine damage the bladder?"
    assert qa.ask("Does ketamine raise blood pressure?", history).context is None
    assert qa.ask("and can it heal?").context is None


def test_what_stands_around_a_passage_is_of_its_section(tmp_path):
    long = "\n\n".join(f"Rule number {n} says that {'swimmers ' * 100}must shower." for n in range(3))
    (tmp_path / "rules.md").write_text(
        f"# House\n\n## Rules\n\n{long}\n\n## Fees\n\nA swim costs four euros.", encoding="utf-8"
    )
    ketaqa.build([tmp_path], tmp_path / "index", encoder="none")
    qa = open_index(tmp_path / "index")
    row = qa.passages("rules.md")
    assert [one.section[-1] for one in row] == ["Rules", "Rules", "Rules", "Fees"]
    around = [tuple(one and one.passage_id for one in qa.index.around(passage)) for passage in row]
    assert around == [(None, "rules.md#2"), ("rules.md#1", "rules.md#3"), ("rules.md#2", None), (None, None)]


def test_where_the_best_passage_may_not_be_quoted_the_next_is_no_answer(tmp_path):
    (tmp_path / "pool.txt").write_text("The pool opens at seven in the morning.", encoding="utf-8")
    (tmp_path / "pump.txt").write_text("Open the valve of the pump slowly.", encoding="utf-8")
    (tmp_path / "fees.txt").write_text("A swim costs four euros.", encoding="utf-8")
    ketaqa.build([tmp_path], tmp_path / "index", encoder="none")
    qa = open_index(tmp_path / "index")
    assert qa.ask("When does the pool open?").passage.doc_id == "pool.txt"
    (tmp_path / "pool.txt").write_text("The pool opens at nine in the morning.", encoding="utf-8")
    answer = qa.ask("When does the pool open?")
    assert (answer.status, [notice.kind for notice in answer.notices]) == ("abstained", ["stale"])
    assert "pool.txt changed" in answer.reason
    assert qa.ask("What does a swim cost?").passage.doc_id == "fees.txt"


def test_beside_help_no_passage_tells_an_amount(qa):
    history = [{"role": "user", "content": "I want to die"}]
    for question in ("What is ketamine?", "Is ketamine legal in the UK?", "What are the side effects of ketamine?"):
        answer = qa.ask(question, history, k=20)
        assert answer.notices[0].kind == "crisis"
        shown = [answer.passage, *(hit.passage for hit in answer.alternatives)]
        assert not any(safety.amounts(passage.text) for passage in shown if passage)
        assert_answer(answer, qa)


def test_what_comes_closest_tells_no_amount(qa):
    for question in ("which dose of lithium is best", "how strong is a ketamine infusion in japan", "how much for a horse"):
        assert not any(safety.amounts(one.passage.text) for one in qa.ask(question).nearest)


def test_words_that_only_fill_do_not_silence(qa):
    for question in ("is ket addictive lol", "yo does ketamine damage the bladder"):
        assert qa.ask(question).status == "answered"


def test_a_remark_on_medical_text_has_no_place_beside_a_recipe(tmp_path, qa):
    (tmp_path / "soup.txt").write_text("Simmer the soup for an hour. My dad likes it with salt.", encoding="utf-8")
    ketaqa.build([tmp_path], tmp_path / "index", encoder="none")
    answer = open_index(tmp_path / "index").ask("how long should I simmer my soup", answer_or_silence=0.0)
    assert (answer.status, answer.notices) == ("answered", ())
    assert [n.kind for n in qa.ask("Can I take ketamine while pregnant?").notices] == ["disclaimer"]
