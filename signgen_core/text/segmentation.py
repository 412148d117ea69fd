"""Text to sentences and sentences to tokens: abbreviations, initials, quotes, ellipses, decimals, contractions, other scripts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .fingerspelling import plain_latin

if TYPE_CHECKING:
    from .senses import Choice

MAX_CHARACTERS = 10_000

_TRANSLATE = str.maketrans({
    "’": "'", "‘": "'", "ʼ": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‐": "-", "‑": "-", "‒": "–", "―": "—",
    "\u00ad": None, "\u200b": None, "\u200c": None, "\u200d": None, "\ufeff": None, "\u2060": None, "_": " ", "⁄": "/",
    "。": ". ", "｡": ". ", "、": ", ", "「": '"', "」": '"', "『": '"', "』": '"', "؟": "? ", "،": ", ", "؛": "; ", "।": ". ",
})  # fmt: skip

# Quotes and dashes of UTF-8 that was read as Latin-1 on its way here.
_MOJIBAKE = {"â\x80\x99": "'", "â\x80\x98": "'", "â\x80\x9c": '"', "â\x80\x9d": '"', "â\x80\x93": "–", "â\x80\x94": "—", "â\x80\xa6": "..."}

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sr jr st ave blvd rd mt gen col sgt capt lt rev hon vs e.g i.e etc approx no dept est fig inc ltd co corp jan feb mar apr jun jul"
    " aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun min max tel u.s u.k a.m p.m ph.d".split()
)
_MAY_END = frozenset(
    "etc a.m p.m u.s u.k inc ltd co corp jr sr no sun sat mar ph.d min max st est".split()
)  # also end a sentence: a capital decides
_TITLES = frozenset("mr mrs ms dr prof gen col sgt capt lt rev st mt".split())  # always go on with a name
_END = re.compile(r"(?<![.!?])([.!?]++)([\"')\]]*+)(?=\s|$|[\"'(]?[A-Z])|\n\s*\n")

_LATIN = "A-Za-zªºÀ-ÖØ-öø-ʯ\u0300-\u036fḀ-ỿ"
_TOKEN = re.compile(
    rf"""(?P<web>https?://\S+|www\.\S+|(?<![\w.+@-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+|\b[\w-]++\.(?:com|org|net|edu|gov)\b(?:/\S*)?)
    |(?P<phone>\(\d{{3}}\)\s?\d{{3}}-\d{{4}}\b|\+?\d{{1,4}}(?:-\d{{2,5}})+\b)
    |(?P<number>(?<![\d/])\d{{1,4}}(?:/\d{{1,4}}){{1,2}}(?:ths?)?(?![\d/{_LATIN}])|[$£€#]?\d+(?:,\d{{3}})*(?:\.\d+)*(?::\d\d)*(?:st|nd|rd|th|'?s)?%?(?![{_LATIN}\d]))
    |(?P<dotted>(?:[A-Za-z]\.){{2,}}(?:[A-Za-z]\b)?)
    |(?P<word>[{_LATIN}0-9]+(?:['\-&][{_LATIN}0-9]+)*(?:(?<=[sS])'|(?<=in)'(?=\s))?)
    |(?P<symbol>[&+=@%°])
    |(?P<mark>[!-/:-@\[-`{{-~–—…¿¡·•§|]+)
    |(?P<other>[^\s!-~–—…¿¡·•§{_LATIN}]+)""",
    re.VERBOSE,
)
_QUOTES = str.maketrans("", "", "\"'")
_SPOKEN_SYMBOLS = {"&": "and", "+": "plus", "=": "equal", "@": "at", "%": "percent", "°": "degree"}

_IRREGULAR_CONTRACTIONS = {
    "can't": "can not", "won't": "will not", "shan't": "will not", "ain't": "be not", "cannot": "can not", "let's": "let us", "y'all": "you all",
    "'em": "them", "dont": "do not", "doesnt": "does not", "didnt": "did not", "cant": "can not", "wont": "will not", "isnt": "is not",
    "arent": "are not", "wasnt": "was not", "couldnt": "could not", "wouldnt": "would not", "shouldnt": "should not", "havent": "have not",
    "hasnt": "has not", "im": "i am", "ive": "i have", "youre": "you are", "youve": "you have", "theyre": "they are", "thats": "that is",
    "whats": "what is", "wheres": "where is", "whos": "who is", "hows": "how is", "theres": "there is", "gonna": "going to", "wanna": "want to",
    "gotta": "got to", "hafta": "have to", "sorta": "kinda", "lemme": "let me", "gimme": "give me", "dunno": "do not know",
    "cuz": "because", "'cause": "because", "o'clock": "o'clock", "ma'am": "madam", "d'you": "do you",
}  # fmt: skip
_ENDINGS = {"'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would", "'s": "'s", "n't": "not"}


@dataclass
class Token:
    """One word of a sentence, or one piece of a contraction ("don't" is `do` and `not`, both with the text "don't").

    text: as written. norm: lower case, a-z where the script allows. index: place of the written word in the sentence. kind: word, number,
    symbol, web, other (a script or sign that cannot be spelled). post: punctuation between this word and the next.
    start, end: its characters in the sentence. tag, lemma and pos (C5) are filled in by `tagging`, sense by `sentences`; group numbers the words of one
    time expression (negative: one that stays in its place).
    """

    text: str
    norm: str
    index: int
    kind: str = "word"
    post: str = ""
    pre: str = ""
    capital: bool = False
    caps: bool = False
    tag: str = ""
    lemma: str = ""
    form: str = ""
    group: int = 0
    pos: str = ""
    start: int = 0
    end: int = 0
    sense: Choice | None = None


_NONE = Token("", "", -1)


def token_at(tokens: list[Token], i: int) -> Token:
    """Token i, or an empty one outside the sentence, so that rules can look at neighbours without asking for the length."""
    return tokens[i] if 0 <= i < len(tokens) else _NONE


def clean(text: str) -> str:
    """The text with one kind of quote, apostrophe and hyphen, compatibility characters unfolded, and no invisible ones.

    Raises InputError if it is empty, longer than MAX_CHARACTERS, or holds control characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"the text has {len(text):,} characters, at most {MAX_CHARACTERS:,} are taken at once: split it")
    for broken, meant in _MOJIBAKE.items():
        text = text.replace(broken, meant)
    text = "".join(c for c in text if not "\x7f" < c < "\xa0" or c == "\x85")
    text = unicodedata.normalize("NFKC", text.translate(_TRANSLATE)).translate(_TRANSLATE)
    control = next((c for c in text if unicodedata.category(c) == "Cc" and c not in "\t\n\r\x0b\x0c\x85"), None)
    if control is not None:
        raise InputError(f"the text holds a control character (U+{ord(control):04X}); is it a text file?")
    if not text.strip():
        raise InputError("the text is empty: there is nothing to sign")
    return text


def split_sentences(text: str) -> list[str]:
    """Sentences of cleaned text, with their end marks, blank ones left out."""
    text = re.sub(r"[ \t\r\x0b\x0c\x85]*\n[ \t]*", "\n", text)
    # A short line followed by a capital is a line of its own (a list, a poem); a long one is wrapped text.
    lines = text.split("\n")
    joined = lines[0]
    for before, line in zip(lines, lines[1:], strict=False):
        own = bool(line) and len(before) < 60 and not line[0].islower() and not before.endswith((",", ";", "-"))
        joined += ("\n\n" if own or not line else " ") + line
    sentences, start = [], 0
    for match in _END.finditer(joined):
        if match.group(1) is not None and not _ends_sentence(joined, match):
            continue
        sentences.append(joined[start : match.end()])
        start = match.end()
    sentences.append(joined[start:])
    return [" ".join(s.split()) for s in sentences if s.strip()]


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    marks, after = match.group(1), text[match.end() :].lstrip()
    following = after.lstrip("\"'(")[:1]
    glued = match.end() < len(text) and not text[match.end()].isspace()
    before = re.search(r"[\w.]*$", text[max(0, match.start() - 40) : match.start()])
    word = before.group(0).lower() if before else ""
    if glued:  # "squat.Now": an end only after an ordinary word; "U.S.Army" and "J.R." are none
        return len(word) > 2 and "." not in word and (before is not None and not before.group(0)[-2:].isupper()) and marks != "..."
    if match.group(2) and following.islower():
        return False  # "Where?" he asked.
    if "!" in marks or "?" in marks:
        return True
    if len(marks) > 1:
        return not following.islower()
    if len(word) == 1 and word != "i" and word.isalpha():
        return not following or not following.isupper()  # an initial: J. Smith
    if word in _TITLES:
        return not following
    if word in _ABBREVIATIONS or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
        return (word in _MAY_END or not following) and not following.islower() and not following.isdigit()
    return True


def tokenise(sentence: str) -> list[Token]:
    """Tokens of one cleaned sentence; contractions are opened, punctuation is kept in `pre` and `post` of its neighbours."""
    tokens: list[Token] = []
    pre, index = "", 0
    whole = sentence
    sentence = re.sub(r"(?<=\d)([ap])\.?m\b\.?(?=\s|$|[,?!])", r" \1m", sentence)
    for match in _TOKEN.finditer(sentence):
        kind, text = str(match.lastgroup), match.group(0)
        if kind == "mark":
            if text == "-" and tokens and tokens[-1].kind == "number" and sentence[match.start() - 1].isdigit() and sentence[match.end() :][:1].isalpha():
                continue  # 7-year-old is three words
            if tokens:
                gap = " " if sentence[match.start() - 1 : match.start()].isspace() and text[0] in "-–" else ""
                tokens[-1].post += gap + text.translate(_QUOTES) if text.strip("\"'") else ""
            else:
                pre += text
            continue
        for token in _pieces(text, kind, index):
            token.pre, pre = pre, ""
            tokens.append(token)
        index += 1
    _locate(tokens, whole)
    return tokens


def _locate(tokens: list[Token], sentence: str) -> None:
    """Start and end of each token's written word in the sentence."""
    at = 0
    for before, token in zip([_NONE, *tokens], tokens, strict=False):
        if token.index == before.index:
            token.start, token.end = before.start, before.end
            continue
        found = sentence.find(token.text, at)
        if found >= 0:
            token.start, token.end = found, found + len(token.text)
            at = token.end


def _pieces(text: str, kind: str, index: int) -> list[Token]:
    caps = sum(c.isalpha() for c in text) > 1 and text.upper() == text
    capital = text[:1].isupper()

    def token(norm: str, of_kind: str = "word") -> Token:
        return Token(text=text, norm=norm, index=index, kind=of_kind, capital=capital, caps=caps)

    if kind == "symbol":
        return [token(_SPOKEN_SYMBOLS[text])]
    if kind == "dotted":
        plain = text.lower().replace(".", "")
        return [token(part) for part in {"eg": "for example", "ie": "that is"}.get(plain, plain).split()]
    if kind == "phone":
        return [token(re.sub(r"\)\s?", "-", text).lstrip("+("), "number")]
    if kind != "word":
        return [token(text.lower(), kind)]
    if kind == "word" and not re.search(f"[{_LATIN}]", text):
        return [token(text, "number")] if text.isdigit() else [token(p, "number") for p in re.findall(r"\d+", text)]
    lower = plain_latin(text)
    if lower in _IRREGULAR_CONTRACTIONS:
        return [token(part) for part in _IRREGULAR_CONTRACTIONS[lower].split()]
    if lower.endswith("in'") and len(lower) > 4:
        return [token(lower[:-1] + "g")]
    if lower.endswith("s'"):
        return [token(lower[:-1]), token("'s")]
    parts: list[str] = []
    while "'" in lower:
        ending = next((e for e in _ENDINGS if lower.endswith(e)), None)
        if ending is None or lower == ending:
            break
        parts.insert(0, _ENDINGS[ending])
        lower = lower[: -len(ending)]
    if lower in _IRREGULAR_CONTRACTIONS:
        parts = _IRREGULAR_CONTRACTIONS[lower].split() + parts
    else:
        parts.insert(0, lower)
    return [token(part) for part in parts if part]  # an accent without its letter leaves nothing
