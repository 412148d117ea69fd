"""A small lexicon of words for the tests of the text half, so that they do not move when signs are added to the real one."""

from __future__ import annotations

import pytest

_SIGNS = """
HELLO GOODBYE THANK-YOU PLEASE SORRY WELCOME NICE MEET GOOD MORNING AFTERNOON NIGHT YES NO NOT NONE NEVER CANT DONT-KNOW DONT-WANT DONT-LIKE
NAME LIVE HOME HOUSE SCHOOL STORE BATHROOM WORK STUDY LEARN TEACH TEACHER STUDENT READ WRITE BOOK PAPER LETTER COMPUTER PHONE CAR TABLE CHAIR BED
WHAT WHERE WHO WHEN WHY HOW WHICH HOW-MANY HOW-MUCH TIME DAY WEEK MONTH YEAR MONDAY TUESDAY FRIDAY SATURDAY TODAY TOMORROW YESTERDAY NOW LATER NEXT PAST
EVERY ALWAYS SOMETIMES AFTER BEFORE WILL FINISH CAN MUST SHOULD MAYBE NEED WANT LIKE LOVE HAVE KNOW UNDERSTAND THINK SEE LOOK TELL ASK SAY GIVE GO COME HELP
EAT DRINK PLAY BUY SIT RUN SIGN FORGET SLEEP STAY RAIN SNOW
MOTHER FATHER SISTER BROTHER SON DAUGHTER BABY CHILD FRIEND MAN WOMAN BOY GIRL PERSON DOCTOR FAMILY
DEAF HEARING HAPPY SAD TIRED SICK HUNGRY BIG SMALL OLD NEW RED BLUE HOT COLD RIGHT WRONG SAME MORE MANY ALL FINE BEAUTIFUL TREE
DOG CAT FISH MILK COFFEE WATER PIZZA
APPLE CANDY MONEY COLOR SHIRT BIRTHDAY BUT BECAUSE IF OR WITH FOR FROM ABOUT ON UNDER HERE THERE THIS THAT BECOME MOVIE DRIVE FOOD LANGUAGE
GIVE-UP LOOK-FOR PICK-UP THROW-AWAY CANCEL TURN-ON NOT-YET TALL FAST QUIET BUS WAIT PAPER LEAVE CLASS LATE STILL BREAK KEY LETTER PERHAPS
IX-1 IX-2 IX-3 IX-1-PL IX-2-PL IX-3-PL POSS-1 POSS-2 POSS-3 POSS-1-PL POSS-3-PL SELF-1 SELF-2 SELF-3
"""
_WORDS = {
    "thank you": "THANK-YOU",
    "don't know": "DONT-KNOW",
    "don't want": "DONT-WANT",
    "don't like": "DONT-LIKE",
    "can't": "CANT",
    "mom": "MOTHER",
    "how many": "HOW-MANY",
    "how much": "HOW-MUCH",
    "age": "OLD",
    "large": "BIG",
    "have to": "MUST",
    "broken": "BREAK",
}


class WordTable:
    """`find` and `has` over a fixed set of signs."""

    def __init__(self, signs: str = _SIGNS, words: dict[str, str] | None = None) -> None:
        self.glosses = tuple(signs.split())
        lexical = [g for g in self.glosses if not g.startswith(("IX-", "POSS-", "SELF-"))]
        self._words = {g.lower().replace("-", " "): g for g in lexical} | (_WORDS if words is None else words)

    def find(self, lemma_or_phrase: str) -> str | None:
        return self._words.get(lemma_or_phrase)

    def has(self, gloss_id: str) -> bool:
        return gloss_id in self.glosses


@pytest.fixture(scope="session")
def lexicon() -> WordTable:
    return WordTable()


@pytest.fixture(scope="session")
def empty_lexicon() -> WordTable:
    """A lexicon without one sign: everything has to be pointed at or spelled."""
    return WordTable("", {})
