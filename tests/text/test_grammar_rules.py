"""Sentences with the order of signs and the non-manual markers that grammars of ASL describe, each with its rule and where that is described.

Notation of the expected signs: `{q ...}` raised brows and head forward, `{wh ...}` furrowed brows, `{neg ...}` headshake, `{t ...}` topic, `{cond ...}`
raised brows of a condition, `{rc ...}` raised brows and head back of a relative clause. What is in no span carries no grammatical marker.

BC Baker-Shenk & Cokely 1980; VL Valli & Lucas, Linguistics of ASL; NKMBL Neidle, Kegl, MacLaughlin, Bahan & Lee 2000; SLM Sandler & Lillo-Martin 2006;
L80 Liddell 1980; L03 Liddell 2003; KB Klima & Bellugi 1979; P88 Padden 1988; A94 Aarons 1994; B78 Battison 1978; F78 Fischer & Gough 1978; W99 Wilbur 1999.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from signgen_core.text import Gloss, analyse

RULES = [
    # rule, source, English, expected
    ("statement: subject verb object", "NKMBL", "I want coffee.", "IX-1 WANT COFFEE"),
    ("articles are not signed", "VL", "I see a dog.", "IX-1 SEE DOG"),
    ("no copula before an adjective", "VL", "My father is tired.", "POSS-1 FATHER TIRED"),
    ("no copula before a noun", "VL", "My sister is a doctor.", "POSS-1 SISTER DOCTOR"),
    ("no copula before a place", "VL", "She is here.", "IX-3 HERE"),
    ("helper do is not signed", "VL", "Do you want milk?", "{q IX-2 WANT MILK}"),
    ("time opens the clause", "BC", "I went to school yesterday.", "YESTERDAY IX-1 GO SCHOOL"),
    ("time opens the clause, future", "BC", "My brother will come tomorrow.", "TOMORROW POSS-1 BROTHER COME"),
    ("time opens a question too", "BC", "Did you work yesterday?", "{q YESTERDAY IX-2 WORK}"),
    ("past is not marked on the verb", "VL", "Last week I saw a movie.", "PAST WEEK IX-1 SEE MOVIE"),
    ("future by WILL where no time word says it", "VL", "I will help you.", "IX-1 WILL HELP IX-2"),
    ("going to is the future", "VL", "They are going to buy a house.", "IX-3-PL WILL BUY HOUSE"),
    ("yes/no question: statement order, raised brows to its end", "L80, BC", "Are you deaf?", "{q IX-2 DEAF}"),
    ("yes/no question with a noun subject", "NKMBL", "Is your mother sick?", "{q POSS-2 MOTHER SICK}"),
    ("yes/no question with a modal", "NKMBL", "Can you sign?", "{q IX-2 CAN SIGN}"),
    ("negative yes/no question", "BC", "Don't you like coffee?", "{q IX-2 DONT-LIKE COFFEE}"),
    ("wh question: question word last, furrowed brows", "NKMBL", "Where do you live?", "{wh IX-2 LIVE WHERE}"),
    ("wh question: what", "NKMBL", "What do you want?", "{wh IX-2 WANT WHAT}"),
    ("wh question: subject who", "NKMBL", "Who wants milk?", "{wh WANT MILK WHO}"),
    ("wh question: why", "BC", "Why are you late?", "{wh IX-2 LATE WHY}"),
    ("wh question: when", "BC", "When did she leave?", "{wh IX-3 LEAVE WHEN}"),
    ("wh question: which with its noun", "NKMBL", "Which movie do you want?", "{wh IX-2 WANT MOVIE WHICH}"),
    ("wh question: how many with its noun", "BC", "How many sisters do you have?", "{wh IX-2 HAVE SISTER HOW-MANY}"),
    ("wh question: noun of color", "NKMBL", "What color is your shirt?", "{wh POSS-2 SHIRT COLOR WHAT}"),
    ("wh question: whom", "NKMBL", "Who did you see?", "{wh IX-2 SEE WHO}"),
    ("embedded question is no question", "P88", "I know where she lives.", "IX-1 KNOW IX-3 LIVE WHERE"),
    ("negation before the verb, headshake to the clause's end", "NKMBL", "I do not understand.", "IX-1 {neg NOT UNDERSTAND}"),
    ("negation of an adjective", "NKMBL", "She is not tired.", "IX-3 {neg NOT TIRED}"),
    ("negative incorporation", "VL", "I don't want coffee.", "IX-1 {neg DONT-WANT COFFEE}"),
    ("negative incorporation: know", "VL", "He doesn't know me.", "IX-3 {neg DONT-KNOW IX-1}"),
    ("can't is one sign", "BC", "I can't sleep.", "IX-1 {neg CANT SLEEP}"),
    ("never", "BC", "He never eats fish.", "IX-3 {neg NEVER EAT FISH}"),
    ("not have: NONE after the noun", "BC", "I don't have a car.", "IX-1 {neg CAR NONE}"),
    ("no + noun: NONE after the noun", "BC", "We have no money.", "IX-1-PL {neg MONEY NONE}"),
    ("not yet", "NKMBL", "I haven't eaten yet.", "IX-1 {neg NOT-YET EAT}"),
    ("negative command", "BC", "Don't run!", "{neg NOT RUN}"),
    ("command without a subject", "BC", "Sit down!", "SIT"),
    ("please in a command", "BC", "Please help me.", "PLEASE HELP IX-1"),
    ("proposal", "BC", "Let's play.", "IX-1-PL PLAY"),
    ("possessive pronoun before the noun", "NKMBL", "Your book is new.", "POSS-2 BOOK NEW"),
    ("possessor before POSS and the thing", "NKMBL", "My mother's car is old.", "POSS-1 MOTHER POSS-3 CAR OLD"),
    ("name as possessor", "NKMBL", "John's dog is big.", "fs-JOHN POSS-3 DOG BIG"),
    ("reflexive", "NKMBL", "I see myself.", "IX-1 SEE SELF-1"),
    ("plural pronoun sweeps", "L03", "They know us.", "IX-3-PL KNOW IX-1-PL"),
    ("you all", "L03", "I like you guys.", "IX-1 LIKE IX-2-PL"),
    ("plural noun by repetition", "KB", "The trees are big.", "TREE+ BIG"),
    ("a number says plural alone", "KB", "I have two dogs.", "IX-1 HAVE 2 DOG"),
    ("aspect by repetition", "KB", "She kept working.", "IX-3 WORK+"),
    ("perfect continuous repeats the verb", "KB", "I have been studying.", "IX-1 STUDY+"),
    ("perfect by FINISH", "F78", "I have eaten.", "IX-1 FINISH EAT"),
    ("already by FINISH", "F78", "She already left.", "IX-3 FINISH LEAVE"),
    ("perfect question by FINISH", "F78", "Did you eat yet?", "{q IX-2 FINISH EAT}"),
    ("condition first, raised brows, then a pause", "L80, BC", "If it rains, I will stay home.", "{cond IF RAIN} IX-1 WILL STAY HOME"),
    ("condition first also where English puts it last", "BC", "I will stay home if it rains.", "{cond IF RAIN} IX-1 WILL STAY HOME"),
    ("question after a condition", "BC", "If it rains, will you come?", "{cond IF RAIN} {q IX-2 WILL COME}"),
    ("time clause first", "BC", "When I was a child, I was happy.", "{t IX-1 CHILD} IX-1 HAPPY"),
    ("definite object is the topic", "A94, VL", "I love that movie.", "{t THAT MOVIE} IX-1 LOVE"),
    ("definite object of a negated verb is the topic", "A94, NKMBL", "I don't like the book.", "{t BOOK} IX-1 {neg DONT-LIKE}"),
    ("new object is no topic", "A94", "I bought a book.", "IX-1 BUY BOOK"),
    ("topic that English puts first", "A94", "That movie, I don't like.", "{t THAT MOVIE} IX-1 {neg DONT-LIKE}"),
    ("as for: topic", "A94", "As for the car, I like it.", "{t CAR} IX-1 LIKE IX-3"),
    ("perfect that lasts has no FINISH", "BC", "I have lived here for two years.", "IX-1 LIVE HERE FOR 2-YEAR"),
    ("modal and perfect: no FINISH", "F78", "You should have told me.", "IX-2 SHOULD TELL IX-1"),
    ("will never", "BC", "I will never forget you.", "IX-1 WILL {neg NEVER FORGET IX-2}"),
    ("any under negation is not signed", "BC", "There isn't any milk.", "{neg MILK NONE}"),
    ("complement of tell is no relative clause", "P88", "I told my sister that she is right.", "IX-1 TELL POSS-1 SISTER IX-A IX-A RIGHT"),
    ("relative clause of the subject", "L80", "The woman who lives here is my teacher.", "{rc WOMAN LIVE HERE} POSS-1 TEACHER"),
    ("relative clause of the object", "L80", "I know the man who bought the car.", "IX-1 KNOW {rc MAN BUY CAR}"),
    ("existence by HAVE", "BC", "There is a cat here.", "HAVE CAT HERE"),
    ("no existence", "BC", "There is no milk.", "{neg MILK NONE}"),
    ("comparison", "VL", "My house is bigger than your house.", "POSS-1 HOUSE MORE BIG POSS-2 HOUSE"),
    ("obligation", "NKMBL", "You must go home.", "IX-2 MUST GO HOME"),
    ("have to is MUST", "NKMBL", "I have to study.", "IX-1 MUST STUDY"),
    ("not have to is no obligation", "NKMBL", "You don't have to go.", "IX-2 {neg NOT NEED GO}"),
    ("a question with a clause in it", "P88", "You know where she lives?", "{q IX-2 KNOW IX-3 LIVE WHERE}"),
    ("should before its verb", "NKMBL", "We should eat.", "IX-1-PL SHOULD EAT"),
    ("might is MAYBE", "NKMBL", "She might come.", "IX-3 MAYBE COME"),
    ("and leaves the parts side by side", "P88", "I like milk and coffee.", "IX-1 LIKE MILK COFFEE"),
    ("but joins clauses, each with its own marking", "P88", "I like milk but I don't like coffee.", "IX-1 LIKE MILK BUT IX-1 {neg DONT-LIKE COFFEE}"),
    ("because", "P88", "I am tired because I worked.", "IX-1 TIRED BECAUSE IX-1 WORK"),
    ("complement clause without that", "P88", "I think that she is sick.", "IX-1 THINK IX-3 SICK"),
    ("phrasal verb is one sign", "VL", "I am looking for my phone.", "IX-1 LOOK-FOR POSS-1 PHONE"),
    ("parted phrasal verb is one sign", "VL", "She picked it up.", "IX-3 PICK-UP IX-3"),
    ("parted phrasal verb with a noun", "VL", "Throw the old paper away!", "THROW-AWAY OLD PAPER"),
    ("name spelled, copula gone", "B78", "My name is Anna.", "POSS-1 NAME fs-ANNA"),
    ("loan sign", "B78", "OK, I will wait.", "#OK IX-1 WILL WAIT"),
    ("tag question", "BC", "You are deaf, aren't you?", "IX-2 DEAF {q RIGHT}"),
    ("degree makes the sign stronger", "W99", "I am very happy.", "IX-1 HAPPY"),
]
SPANS = {
    "q": lambda g: g.facial_expression == "brow_raise" and g.head_movement in ("tilt_forward", "shake"),
    "wh": lambda g: g.facial_expression == "brow_furrow",
    "neg": lambda g: g.head_movement == "shake" and g.facial_expression == "negative",
    "t": lambda g: g.facial_expression == "topic",
    "cond": lambda g: g.facial_expression == "brow_raise" and g.head_movement == "none",
    "rc": lambda g: g.facial_expression == "brow_raise" and g.head_movement == "tilt_back",
    "": lambda g: g.facial_expression not in ("brow_raise", "brow_furrow", "topic", "negative") and g.head_movement in ("none", "nod"),
}


def expected_signs(notation: str) -> list[tuple[str, str]]:
    """(gloss, span) of the notation above."""
    out: list[tuple[str, str]] = []
    for span, inside, plain in re.findall(r"\{(\w+) ([^}]*)\}|([^\s{}]+)", notation):
        out += [(gloss, span) for gloss in inside.split()] if span else [(plain, "")]
    return out


def signs(text: str, lexicon: Any) -> list[Gloss]:
    return [g for s in analyse(text, lexicon) for g in s.glosses]


@pytest.mark.parametrize(("rule", "source", "english", "expected"), RULES, ids=[f"{r[0]}: {r[2]}" for r in RULES])
def test_rule(lexicon: Any, rule: str, source: str, english: str, expected: str) -> None:
    wanted = expected_signs(expected)
    glosses = signs(english, lexicon)
    assert [g.gloss_id + "+" * g.repeats for g in glosses] == [g for g, _ in wanted], f"{rule} ({source})"
    for gloss, (name, span) in zip(glosses, wanted, strict=True):
        assert SPANS[span](gloss), f"{rule} ({source}): {name} has {gloss.facial_expression}/{gloss.head_movement}, expected {span or 'nothing'}"


def test_there_are_sixty_rules_with_their_sources() -> None:
    assert len({r[2] for r in RULES}) >= 60
    assert all(source for _, source, _, _ in RULES)


def test_topic_and_condition_are_held(lexicon: Any) -> None:
    movie = signs("I love that movie.", lexicon)[1]
    rain = signs("If it rains, I will stay home.", lexicon)[1]
    assert movie.pause_after >= 0.2 and rain.pause_after >= 0.2


def test_degree_is_emphasis(lexicon: Any) -> None:
    assert [g.emphasis for g in signs("I am very happy.", lexicon)] == ["none", "mild"]
    assert [g.emphasis for g in signs("I am happy.", lexicon)] == ["none", "none"]


def test_types(lexicon: Any) -> None:
    def kind(text: str) -> str:
        return analyse(text, lexicon)[0].type

    assert kind("Are you deaf?") == "yes_no_question"
    assert kind("Where do you live?") == "wh_question"
    assert kind("Sit down!") == "command"
    assert kind("If it rains, I will stay home.") == "conditional"
    assert kind("I love that movie.") == "topic"
    assert kind("I want coffee.") == "statement"
