"""English sentences and the gloss order that a fluent signer expects, each with the rule it shows."""

from __future__ import annotations

from typing import Any

import pytest

from signgen_core.text import analyse

CASES = [
    # rule, English, glosses
    ("introduction", "Hello, my name is Anna.", "HELLO POSS-1 NAME fs-ANNA"),
    ("greeting", "Nice to meet you.", "NICE MEET IX-2"),
    ("wh last", "Where do you live?", "IX-2 LIVE WHERE"),
    ("wh last without question mark", "where do you live", "IX-2 LIVE WHERE"),
    ("greeting question", "How are you?", "HOW IX-2"),
    ("wh last, contraction", "What's your name?", "POSS-2 NAME WHAT"),
    ("work question", "What do you do for work?", "IX-2 WORK WHAT"),
    ("empty it", "What time is it?", "TIME WHAT"),
    ("wh with its noun", "What color is your car?", "POSS-2 CAR COLOR WHAT"),
    ("which with its noun", "Which book do you want?", "IX-2 WANT BOOK WHICH"),
    ("how many with its noun", "How many children do you have?", "IX-2 HAVE CHILD HOW-MANY"),
    ("subject of how many stays", "How many people live in your house?", "PERSON LIVE POSS-2 HOUSE HOW-MANY"),
    ("how old is one question word", "How old are you?", "IX-2 HOW OLD"),
    ("who as subject", "Who wants coffee?", "WANT COFFEE WHO"),
    ("who is", "Who is that woman?", "THAT WOMAN WHO"),
    ("why", "Why are you sad?", "IX-2 SAD WHY"),
    ("negated why", "Why don't you eat?", "IX-2 NOT EAT WHY"),
    ("in place question", "You live where?", "IX-2 LIVE WHERE"),
    ("from where", "Where are you from?", "IX-2 FROM WHERE"),
    ("question word of the inner clause", "Where do you think he lives?", "IX-2 THINK IX-3 LIVE WHERE"),
    ("embedded question", "I don't know where he lives.", "IX-1 DONT-KNOW IX-3 LIVE WHERE"),
    ("embedded question after tell", "Tell me where you live.", "TELL IX-1 IX-2 LIVE WHERE"),
    ("what does a word mean", 'What does "apple" mean?', "APPLE fs-MEAN WHAT"),
    ("yes/no in order", "Are you deaf?", "IX-2 DEAF"),
    ("do dropped, any dropped", "Do you have any brothers?", "IX-2 HAVE BROTHER"),
    ("modal behind the pronoun", "Can you help me, please?", "IX-2 CAN HELP IX-1 PLEASE"),
    ("would like is WANT", "Would you like coffee?", "IX-2 WANT COFFEE"),
    ("perfect question", "Have you eaten?", "IX-2 FINISH EAT"),
    ("existence", "Is there a bathroom here?", "HAVE BATHROOM HERE"),
    ("or", "Are you a student or a teacher?", "IX-2 STUDENT OR TEACHER"),
    ("tag question", "You are deaf, aren't you?", "IX-2 DEAF RIGHT"),
    ("form of address first", "Where are you, Anna?", "fs-ANNA IX-2 WHERE"),
    ("negative verb", "I don't like coffee.", "IX-1 DONT-LIKE COFFEE"),
    ("negative verb with infinitive", "I don't want to go to school.", "IX-1 DONT-WANT GO SCHOOL"),
    ("negative verb, third person", "She doesn't know my name.", "IX-3 DONT-KNOW POSS-1 NAME"),
    ("can not", "They can't come tomorrow.", "TOMORROW IX-3-PL CANT COME"),
    ("NOT before the verb", "I don't understand you.", "IX-1 NOT UNDERSTAND IX-2"),
    ("NOT before an adjective", "I'm not hungry.", "IX-1 NOT HUNGRY"),
    ("NOT behind a modal", "You should not drive.", "IX-2 SHOULD NOT DRIVE"),
    ("no + noun", "I have no brothers.", "IX-1 BROTHER NONE"),
    ("don't have", "I don't have any money.", "IX-1 MONEY NONE"),
    ("there is no", "There is no milk.", "MILK NONE"),
    ("never", "She has never seen snow.", "IX-3 NEVER SEE SNOW"),
    ("un- is NOT", "My letter is unread.", "POSS-1 LETTER NOT READ"),
    ("time first", "I went to the store yesterday.", "YESTERDAY IX-1 GO STORE"),
    ("time stays first", "Yesterday I went to the store.", "YESTERDAY IX-1 GO STORE"),
    ("weekday first", "Are you going to school on Monday?", "MONDAY IX-2 GO SCHOOL"),
    ("ago", "Two weeks ago I saw a movie.", "2-WEEK PAST IX-1 SEE MOVIE"),
    ("last week", "My father was sick last week.", "PAST WEEK POSS-1 FATHER SICK"),
    ("clock", "I'll see you at 5 o'clock.", "5-OCLOCK IX-1 WILL SEE IX-2"),
    ("two time words keep their order", "I work tomorrow morning.", "TOMORROW MORNING IX-1 WORK"),
    ("every week is repeated", "On Fridays we play.", "FRIDAY+ IX-1-PL PLAY"),
    ("time as predicate stays", "Today is Monday.", "TODAY MONDAY"),
    ("month as predicate", "My birthday is in June.", "POSS-1 BIRTHDAY fs-JUNE"),
    ("leave-taking keeps its order", "See you tomorrow!", "SEE IX-2 TOMORROW"),
    ("until holds the time back", "I stay here until Monday.", "IX-1 STAY HERE fs-UNTIL MONDAY"),
    ("future", "I will help you.", "IX-1 WILL HELP IX-2"),
    ("future said by the time word", "I will help you tomorrow.", "TOMORROW IX-1 HELP IX-2"),
    ("going to is future", "We are going to eat pizza.", "IX-1-PL WILL EAT PIZZA"),
    ("going to a place is not", "I'm going to school.", "IX-1 GO SCHOOL"),
    ("perfect", "I've already eaten.", "IX-1 FINISH EAT"),
    ("perfect continuous repeats", "I have been working.", "IX-1 WORK+"),
    ("been to", "I have been to Chicago.", "IX-1 FINISH GO fs-CHICAGO"),
    ("condition first", "I'll stay home if it rains.", "IF RAIN IX-1 WILL STAY HOME"),
    ("condition in place", "If you are hungry, eat.", "IF IX-2 HUNGRY EAT"),
    ("when-clause first", "I was happy when I was a child.", "IX-1 CHILD IX-1 HAPPY"),
    ("after-clause ends in FINISH", "After I eat, I go to school.", "IX-1 EAT FINISH IX-1 GO SCHOOL"),
    ("because", "I stayed home because I was sick.", "IX-1 STAY HOME BECAUSE IX-1 SICK"),
    ("but", "I like coffee but I don't like milk.", "IX-1 LIKE COFFEE BUT IX-1 DONT-LIKE MILK"),
    ("and joins", "I have a dog and a cat.", "IX-1 HAVE DOG CAT"),
    ("complement clause has its own time", "I think she is coming tomorrow.", "IX-1 THINK TOMORROW IX-3 COME"),
    ("relative clause", "The woman who lives here is my teacher.", "WOMAN LIVE HERE POSS-1 TEACHER"),
    ("possessor", "John's car is red.", "fs-JOHN POSS-3 CAR RED"),
    ("possessor, common noun", "My mother's house is very big.", "POSS-1 MOTHER POSS-3 HOUSE BIG"),
    ("'s of a copula", "Mom's sick.", "MOTHER SICK"),
    ("her as possessive and object", "She gave her her book.", "IX-3 GIVE IX-3 POSS-3 BOOK"),
    ("reflexive", "I see myself.", "IX-1 SEE SELF-1"),
    ("all of you", "I love you guys.", "IX-1 LOVE IX-2-PL"),
    ("become", "I want to be a doctor.", "IX-1 WANT BECOME DOCTOR"),
    ("imperative", "Please sit down.", "PLEASE SIT"),
    ("negative imperative", "Don't forget your book.", "NOT FORGET POSS-2 BOOK"),
    ("proposal", "Let's go home.", "IX-1-PL GO HOME"),
    ("thanks", "Thank you very much for your help.", "THANK-YOU FOR POSS-2 HELP"),
    ("loan sign", "OK, I understand.", "#OK IX-1 UNDERSTAND"),
    ("existence in a place", "There is a cat on the table.", "HAVE CAT ON TABLE"),
    ("empty it of the weather", "It's cold today.", "TODAY COLD"),
    ("comparison", "The dog is bigger than the cat.", "DOG MORE BIG CAT"),
    ("exclamation", "What a beautiful baby!", "BEAUTIFUL BABY"),
    ("must", "I have to go now.", "NOW IX-1 MUST GO"),
    ("used to", "I used to work here.", "IX-1 PAST WORK HERE"),
    ("numbers", "I am twenty-five years old.", "IX-1 AGE-25"),
    ("hundreds", "We have one hundred and five books.", "IX-1-PL HAVE 105 BOOK"),
    ("year", "In 1999 I was a student.", "19-99 IX-1 STUDENT"),
    ("plural by repeating", "The houses are old.", "HOUSE+ OLD"),
    ("number instead of repeating", "I see two houses.", "IX-1 SEE 2 HOUSE"),
    ("name that is also a word", "I saw Will and Mark yesterday.", "YESTERDAY IX-1 SEE fs-WILL fs-MARK"),
    ("name of two words", "I live in New York.", "IX-1 LIVE fs-NEW fs-YORK"),
    ("title is no sentence end", "Mr. Brown is my teacher.", "fs-MR fs-BROWN POSS-1 TEACHER"),
    ("unknown word", "I want a wrench.", "IX-1 WANT fs-WRENCH"),
    ("unknown verb in its base form", "He whistled.", "IX-3 fs-WHISTLE"),
    ("near meaning", "I am glad.", "IX-1 HAPPY"),
    ("irregular past", "I thought I saw my children.", "IX-1 THINK IX-1 SEE POSS-1 CHILD+"),
    ("left the verb", "She left home.", "IX-3 LEAVE HOME"),
    ("shouting", "HELLO MY NAME IS ANNA", "HELLO POSS-1 NAME fs-ANNA"),
    ("no apostrophes", "im deaf and i dont know sign language", "IX-1 DEAF IX-1 DONT-KNOW SIGN"),
    ("nothing but a copula", "It is.", "IX-3"),
]


def glosses(text: str, lexicon: Any) -> str:
    return " ".join(g.gloss_id + "+" * g.repeats for s in analyse(text, lexicon) for g in s.glosses)


@pytest.mark.parametrize(("rule", "english", "wanted"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_gloss_order(lexicon: Any, rule: str, english: str, wanted: str) -> None:
    assert glosses(english, lexicon) == wanted, rule


def test_the_sentence_of_the_readme(lexicon: Any) -> None:
    sentences = analyse("Hello, my name is Anna. Nice to meet you. Where do you live?", lexicon)
    assert [[g.gloss_id for g in s.glosses] for s in sentences] == [
        ["HELLO", "POSS-1", "NAME", "fs-ANNA"],
        ["NICE", "MEET", "IX-2"],
        ["IX-2", "LIVE", "WHERE"],
    ]
    assert [s.type for s in sentences] == ["statement", "statement", "wh_question"]
    assert {g.facial_expression for g in sentences[2].glosses} == {"brow_furrow"}
    hello, _, _, anna = sentences[0].glosses
    assert hello.facial_expression == "smile" and hello.pause_after == 0.15
    assert (anna.kind, anna.words, anna.word_index, anna.pause_after) == ("fingerspelled", ("Anna",), 4, 0.35)
    assert sentences[0].dropped == (("is", "copula: not signed"),)


def test_every_word_is_signed_or_dropped_with_a_reason(lexicon: Any) -> None:
    for _, english, _ in CASES:
        for sentence in analyse(english, lexicon):
            written = {w.strip('.,?!"') for w in sentence.text.split()}
            used = {w for g in sentence.glosses for w in g.words} | {word.split(" (")[0] for word, _ in sentence.dropped}
            assert written <= used, (english, written - used)
            assert all(g.words and g.why and g.word_index >= 0 for g in sentence.glosses)
            assert all(why for _, why in sentence.dropped)


def test_confidence_falls_from_rule_to_near_meaning_to_spelling(lexicon: Any) -> None:
    (sentence,) = analyse("My name is Anna, glad wrench.", lexicon)
    by_id = {g.gloss_id: g.confidence for g in sentence.glosses}
    assert by_id["POSS-1"] == by_id["NAME"] == by_id["fs-ANNA"] == 1.0
    assert by_id["fs-WRENCH"] == 0.5 < by_id["HAPPY"] < 1.0


def test_kinds(lexicon: Any) -> None:
    (sentence,) = analyse("I saw 12 dogs with Anna, ok.", lexicon)
    assert {g.gloss_id: g.kind for g in sentence.glosses} == {
        "IX-1": "index",
        "SEE": "lexical",
        "12": "number",
        "DOG": "lexical",
        "WITH": "lexical",
        "fs-ANNA": "fingerspelled",
        "#OK": "fingerspelled",
    }


def test_an_empty_lexicon_still_gives_every_word(empty_lexicon: Any) -> None:
    assert glosses("I want two apples.", empty_lexicon) == "IX-1 fs-WANT 2 fs-APPLE"
    assert glosses("Where do you live?", empty_lexicon) == "IX-2 fs-LIVE fs-WHERE"
    assert glosses("I don't have time.", empty_lexicon) == "IX-1 fs-NOT fs-HAVE fs-TIME"
