"""Word classes and base forms: closed classes by table, nouns, verbs, adjectives and adverbs by the tagger of `parts_of_speech`.

Tags: PRON POSS REFL DET DEM EX BE DO HAVE MODAL NEG WH PREP TO CONJ SUB VERB ADJ ADV NUM NOUN NAME INTJ FILL REL THAT GEN (`'s` of a
possessor) OTHER. `form` of a verb is base, s, ed, ing or en. Time expressions get one `group` number per expression.
"""

from __future__ import annotations

import re

from .lemmas import POSSESSIVES, PRONOUNS, REFLEXIVES, SUBJECTS, WH_WORDS, comparative_base, noun_lemma, verb_form
from .numbers import NUMERAL, is_number_word, is_ordinal
from .parts_of_speech import form_of, lemma_of, mostly_verb, tag_words
from .segmentation import Token, token_at
from .tables import tables
from .times import is_time_start, mark_times

_CLOSED = (
    dict.fromkeys(POSSESSIVES, "POSS") | dict.fromkeys(PRONOUNS, "PRON") | dict.fromkeys(REFLEXIVES, "REFL") | dict.fromkeys(WH_WORDS, "WH")
    | dict.fromkeys("a an the".split(), "DET") | dict.fromkeys("this that these those".split(), "DEM")
    | dict.fromkeys("be am is are was were been being".split(), "BE") | dict.fromkeys("do does did".split(), "DO")
    | dict.fromkeys("have has had having".split(), "HAVE")
    | dict.fromkeys("can could will would shall should may might must".split(), "MODAL")
    | dict.fromkeys("and or but nor plus".split(), "CONJ") | dict.fromkeys(("not", "never"), "NEG")
    | dict.fromkeys("because if unless although though whether".split(), "SUB") | {"to": "TO", "there": "EX"}
)  # fmt: skip
TIME_CONJUNCTIONS = frozenset("when whenever while after before until till once since".split())
_SUBJECT_START = frozenset("PRON POSS DET DEM NAME EX".split())
_PREDICATES = frozenset("VERB BE HAVE DO MODAL".split())
_LINKING_VERBS = frozenset("be look sound feel seem taste smell".split())
_TELLING = frozenset("tell show remind inform promise warn teach convince".split())
_MOVES = frozenset("turn go step move look lean point face bend swing walk".split())
_MARKS = re.compile(r"[.,?!;:()]")
# Classes of the tagger by the first two letters of its tags: our own tags.
_C5 = {
    "NN": "NOUN", "NP": "NAME", "AJ": "ADJ", "OR": "ADJ", "DT": "ADJ", "AV": "ADV", "VV": "VERB", "VB": "VERB", "VD": "VERB", "VH": "VERB", "VM": "VERB",
    "PN": "NOUN", "PR": "PREP", "CJ": "SUB", "ZZ": "NOUN", "UN": "NOUN", "IT": "ADV", "CR": "NOUN",
}  # fmt: skip


def tag(tokens: list[Token]) -> None:
    """Fill in tag, lemma, form and group of every token of one sentence, in place."""
    shouting = (
        sum(t.capital for t in tokens if t.kind == "word") > 0.7 * len(tokens)
        and len(tokens) > 3
        or (len(tokens) > 2 and all(t.caps or len(t.text) == 1 for t in tokens))
    )
    _read_parts_of_speech(tokens)
    for i, token in enumerate(tokens):
        token.tag = _closed_tag(tokens, i)
        token.lemma = token.norm
        if not token.tag and _is_name(tokens, i, shouting):
            token.tag = "NAME"
    for i, token in enumerate(tokens):
        if not token.tag:
            token.tag = _open_tag(tokens, i)
        if token.tag == "VERB":
            token.lemma, token.form = _verb_lemma(token)
        elif token.tag == "NOUN":
            token.lemma = noun_lemma(token.norm)
        elif token.tag in ("ADJ", "ADV"):
            token.lemma = comparative_base(token.norm) or token.norm
        elif token.tag in ("BE", "HAVE", "DO"):
            token.lemma = token.tag.lower()
    for i in range(len(tokens)):
        _retag(tokens, i)
    _find_the_verb(tokens)
    mark_times(tokens)


def _find_the_verb(tokens: list[Token]) -> None:
    """Two words that the tagger takes for others when nothing else could be the verb: "Children like playing", "How much does this cost?"."""
    for i, token in enumerate(tokens):
        before, after = token_at(tokens, i - 1), token_at(tokens, i + 1)
        if token.norm == "like" and token.tag == "PREP" and before.tag in ("NOUN", "NAME", "PRON") and after.norm and not before.post:
            others = [t for k, t in enumerate(tokens) if k != i]
            if not any(t.tag in ("BE", "HAVE", "DO", "MODAL") or (t.tag == "VERB" and t.form != "ing") for t in others):
                token.tag, token.lemma, token.form = "VERB", "like", "base"
        if (
            token.norm in ("do", "does", "did")
            and token.tag == "VERB"
            and after.tag in ("PRON", "DEM", "DET", "POSS", "NAME", "NOUN")
            and "?" in tokens[-1].post
            and any(t.tag == "WH" for t in tokens[:i])
            and not any(t.tag in ("DO", "BE", "HAVE", "MODAL", "VERB") for t in tokens[:i])
        ):
            token.tag, token.lemma, token.form = "DO", "do", ""
            last = tokens[-1]
            if last.tag == "NOUN" and verb_form(last.norm)[0] and _awaits_verb(tokens[i:-1]):
                last.tag, (last.lemma, last.form) = "VERB", _verb_lemma(last)


def _verb_lemma(token: Token) -> tuple[str, str]:
    """Base and form of a token that is a verb here; a word that the tagger takes for no verb is its own base."""
    base, form = verb_form(token.norm)
    here = form_of(token.pos)
    if here and here != form and token.norm not in tables().irregular_verb_forms:
        # its form depends on its place: "put", "read", "found", "left"
        lemma = lemma_of(token.norm, token.pos)
        if lemma != token.norm or here == "base" or not base:
            return lemma, here
        return base, here if here in ("ed", "en") else form
    return (base, form) if base else (token.norm, here or "base")


def starts(tokens: list[Token], i: int) -> bool:
    """True if token i begins a sentence or comes right after punctuation or a greeting."""
    return i == 0 or bool(tokens[i - 1].post.strip("'\"()")) or tokens[i - 1].tag in ("INTJ", "FILL")


def _closed_tag(tokens: list[Token], i: int) -> str:
    token, t = tokens[i], tables()
    word = token.norm
    if token.kind == "number" or NUMERAL.fullmatch(word):
        return "NUM"
    if token.kind == "other":
        return "OTHER"
    if token.kind == "web":
        return "NAME"
    if token.caps and word in ("us", "it") and not all(x.caps or len(x.text) == 1 for x in tokens):
        return "NAME"
    if word == "'s":
        if not _is_copula_s(tokens, i):
            return "GEN"
        token.norm = "is"
        return "BE"
    if (
        word in ("will", "may", "can")
        and token.capital
        and token_at(tokens, i + 1).norm in ("is", "was", "has", "and", "will")
        and not token.caps
    ):
        return "NAME"
    if word == "may" and token.capital and i and not token.caps:
        return "NOUN"
    if word in _CLOSED:
        return _CLOSED[word]
    if word == "well" and starts(tokens, i) and i + 1 < len(tokens):
        return "FILL"
    if word in t.fillers and not (token.caps and len(word) > 1):
        return "FILL"
    following = token_at(tokens, i + 1)
    if (
        word in t.greetings
        or word in t.interjections
        and (starts(tokens, i) and (token.post or i == len(tokens) - 1 or word in ("please", "yes", "no", "ok", "okay", "sorry")))
    ):
        if word == "no" and not token.post and following.norm and following.norm not in _CLOSED:
            return "NEG"
        if word == "welcome" and following.norm != "to" and i and not tokens[i - 1].post:
            return "ADJ"
        return "INTJ"
    if word == "please":
        return "INTJ"
    if word == "no":
        return "NEG"
    if is_number_word(word) and not (is_ordinal(word) and "-" not in word):
        return "NUM"
    if word in t.prepositions_never_signed or word in t.prepositions_signed_if_known and word != "like":
        return "PREP"
    return ""


def _is_copula_s(tokens: list[Token], i: int) -> bool:
    """Whether the `'s` of token i is "is" or "has"; otherwise it marks a possessor."""
    owner, after, t = tokens[i - 1], token_at(tokens, i + 1), tables()
    if (
        owner.norm in PRONOUNS
        or owner.norm in WH_WORDS
        or owner.norm in ("that", "this", "there", "here", "name", "everything", "something", "nothing", "it")
    ):
        return True
    if owner.post or not after.norm or tokens[i].post:
        return False
    if (
        after.norm in ("a", "an", "the", "not", "been", "my", "your", "our", "here", "there", "so", "very", "really", "too")
        or after.norm in t.prepositions_never_signed
    ):
        return True
    if after.norm in t.prepositions_signed_if_known and after.norm not in ("near",):
        return True
    base, form = verb_form(after.norm)
    if form == "ing" and base or after.norm in t.adjectives:
        following = token_at(tokens, i + 2)
        return (
            not following.norm
            or bool(after.post)
            or following.norm in _CLOSED
            or following.norm in t.prepositions_signed_if_known
            or bool(base and form == "ing")
        )
    return False


def _is_name(tokens: list[Token], i: int, shouting: bool) -> bool:
    token, t = tokens[i], tables()
    before = token_at(tokens, i - 1)
    if before.tag == "BE" and token_at(tokens, i - 2).norm in ("name", "names") and not before.post and token.kind == "word":
        return True
    if before.norm in ("name", "named") and before.post in ("", ":") and i and token.capital:
        return True
    if not token.capital or token.norm in ("i",):
        return False
    if token.caps and not shouting and (token_at(tokens, i + 1).caps or before.caps and before.tag == "NAME"):
        return token.norm not in t.proper_words_with_signs and token.norm != "i"
    if token.caps and not shouting:
        return (
            token.norm not in t.proper_words_with_signs
            and token.norm not in ("ok", "tv")
            and len(token.norm) < 6
            and not verb_form(token.norm)[0]
        )
    if before.norm in ("mr", "mrs", "ms", "miss", "dr") and not shouting:
        return True
    if {token.norm, token.norm.removesuffix("s")} & t.proper_words_with_signs or token.norm in t.kin_and_titles:
        return False
    if shouting or i == 0 or starts(tokens, i) and before.tag not in ("INTJ",) and "," not in before.post:
        # The first word is capital anyway: a name only where its neighbours say so.
        after = token_at(tokens, i + 1)
        if token.pos == "NP0" and not shouting and not {token.norm, noun_lemma(token.norm)} & t.greetings:
            return True
        if shouting or token.post or not after.capital or after.norm in t.proper_words_with_signs or after.norm == "i":
            return False
        known = t.adjectives - {"new"} | t.greetings | t.kin_and_titles | t.interjections
        return token.norm not in known and not verb_form(token.norm)[0]
    if before.tag == "NAME" and not before.post:
        return True
    if token.norm in t.words_that_are_also_names:
        return True
    after = token_at(tokens, i + 1)
    if token.norm in t.adjectives and after.capital and not token.post and after.norm not in t.proper_words_with_signs | t.kin_and_titles | {"i"}:
        return not verb_form(after.norm)[0]  # New York
    return not (verb_form(token.norm)[1] == "base" or token.norm in t.adjectives)


def _words_for_tagger(tokens: list[Token]) -> tuple[list[str], list[int]]:
    """What the tagger reads: pieces of contractions in full, names and shouting in a plain case, marks as words; and the token of each word, or -1."""
    shouting = len(tokens) > 2 and all(t.caps or len(t.text) == 1 for t in tokens)
    words: list[str] = []
    owners: list[int] = []
    for i, token in enumerate(tokens):
        piece = "'" in token.text or "-" not in token.text and token.norm != token.text.lower()
        word = token.norm if piece or shouting or token.kind != "word" else token.text
        words.append("I" if word == "i" else word or "-")
        owners.append(i)
        for mark in _MARKS.findall(token.post):
            words.append(mark)
            owners.append(-1)
    return words, owners


def _read_parts_of_speech(tokens: list[Token]) -> None:
    """The C5 tag of every token, by the tagger."""
    words, owners = _words_for_tagger(tokens)
    for c5, owner in zip(tag_words(words), owners, strict=True):
        if owner >= 0:
            tokens[owner].pos = c5


def _open_tag(tokens: list[Token], i: int) -> str:
    """The class of an open-class word: what the tagger says, unless the words beside it leave no choice."""
    token, before, after = tokens[i], token_at(tokens, i - 1), token_at(tokens, i + 1)
    word = token.norm
    begins = starts(tokens, i)
    if begins:
        before = token_at(tokens, -1)  # what stands across punctuation says nothing about this word
    wanted = _C5.get(token.pos[:2], "NOUN")
    if word == "like":
        if begins and token.post.startswith(","):
            return "FILL"
        if before.lemma in _LINKING_VERBS and before.tag in ("VERB", "BE"):
            return "PREP"
        return "PREP" if token.pos in ("PRP", "CJS", "AV0") else "VERB"
    if word == "left" and before.tag == "VERB" and before.lemma in _MOVES:
        return "ADV"
    base, form = verb_form(word)
    if base and form == "base":
        last = i == len(tokens) - 1 and "?" in token.post
        if last and wanted in ("NOUN", "ADJ") and (word == "mean" or before.tag in ("NOUN", "NAME", "PRON")) and _awaits_verb(tokens[:i]):
            return "VERB"  # "What does this mean?"
        if before.tag in ("MODAL", "TO") and token.pos != "NN1" or before.tag == "PRON" and before.norm in SUBJECTS - {"it"} and wanted != "ADV":
            return "VERB"
        if before.tag == "NEG" and before.norm == "not" and token_at(tokens, i - 2).tag in ("DO", "MODAL"):
            return "VERB"
        if begins and wanted in ("NOUN", "ADV", "ADJ") and after.tag in ("DET", "POSS", "DEM") and not token.post:
            return "VERB"  # "Strum the guitar": an order, whatever its verb
        if i == 0 and token.pos == "NN1" and mostly_verb(word) and after.norm and after.tag in ("", "ADV", "ADJ", "PREP", "NUM"):
            return "VERB"  # "Turn left"
    if wanted == "VERB":
        verb_tag = form_of(token.pos)
        if before.tag in ("DET", "POSS", "GEN", "ADJ") and verb_tag in ("base", "s") and not (before.tag == "ADJ" and _awaits_verb(tokens[:i])):
            return "NOUN"
        if word in tables().adjectives and verb_tag in ("en", "ed", "ing") and before.tag in ("BE", "ADV", "DET", "POSS") and after.tag != "PREP":
            return "ADJ"
    if wanted in ("PREP", "SUB") and word not in _CLOSED:
        return "PREP" if word in tables().prepositions_signed_if_known else "ADV" if wanted == "SUB" else "PREP"
    if wanted == "ADV" and comparative_base(word):
        return "ADJ"
    return "NOUN" if wanted == "NAME" else wanted


def _awaits_verb(tokens: list[Token]) -> bool:
    """Whether a question's do, does or did has not met its verb yet."""
    return any(t.tag == "DO" for t in tokens) and not any(t.tag in ("VERB", "HAVE") for t in tokens)


def _retag(tokens: list[Token], i: int) -> None:
    """Second look at words whose class depends on what follows."""
    token, before, after, t = tokens[i], token_at(tokens, i - 1), token_at(tokens, i + 1), tables()
    word = token.norm
    if (
        word == "her"
        and after.norm
        and not token.post
        and (
            after.tag in ("NOUN", "ADJ", "GEN", "NUM")
            or after.tag == "VERB"
            and after.form in ("base", "s", "ing")
            and before.lemma not in ("see", "hear", "let", "help", "make", "watch")
        )
        and not is_time_start(after.norm)
        and after.pos not in ("DT0", "AT0")
    ):
        token.tag = "POSS"
        if after.tag == "VERB":
            after.tag, after.lemma, after.form = "NOUN", noun_lemma(after.norm), ""
    elif word == "that" and before.norm == "so":
        token.tag = "THAT"
    elif (
        word in ("who", "which")
        and before.post.startswith(",")
        and before.tag in ("NOUN", "NAME")
        and (not is_question_inversion(tokens, i + 1) or "?" not in tokens[-1].post)
        and after.norm
    ):
        token.tag = "REL"
    elif word == "that" and before.tag in ("NOUN", "NAME") and not before.post and any(t.lemma in _TELLING for t in tokens[max(0, i - 4) : i]):
        token.tag = "THAT"
    elif word in ("that", "which", "who") and i and not tokens[i - 1].post:
        if before.tag in ("NOUN", "NAME") and (
            after.tag in ("PRON", "VERB", "BE", "HAVE", "MODAL", "DO")
            or after.tag in ("DET", "POSS")
            and word != "that"
            or after.tag in ("ADJ", "NOUN")
            and word == "that"
            and before.norm != before.lemma
        ):
            token.tag = "REL"
        elif (
            word == "that"
            and before.tag in ("VERB", "ADJ", "NOUN", "PRON")
            and after.tag in ("PRON", "POSS", "DET", "NAME", "EX", "DEM")
            and (before.lemma in t.verbs_taking_clauses or before.tag != "VERB")
        ):
            token.tag = "THAT"
    elif token.tag == "EX" and not (
        after.tag in ("BE", "MODAL")
        or before.tag == "BE"
        and (starts(tokens, i - 1) or token_at(tokens, i - 2).tag in ("WH", "NEG", "NOUN") and after.norm)
    ):
        if not (after.tag == "HAVE" and token_at(tokens, i + 2).tag == "BE"):
            token.tag = "ADV"
    elif token.tag == "DO" and not _is_helper_do(tokens, i):
        token.tag, token.lemma, token.form = "VERB", "do", "base"
    elif (
        token.tag == "BE"
        and word == "is"
        and "'" in token.text
        and after.form == "en"
        and after.norm in ("been", "got", "gone", "become", "had")
    ):
        token.norm = "has"
        token.tag, token.lemma = "HAVE", "have"
    elif word == "can" and before.tag in ("DET", "POSS", "ADJ", "NUM"):
        token.tag = "NOUN"
    elif word in ("one", "ones") and (before.tag in ("DEM", "DET", "ADJ") or before.norm == "which") and (token.post or after.tag not in ("NOUN", "ADJ")):
        token.tag = "ONE"
    elif word == "since" and token.tag == "PREP" and after.tag in _SUBJECT_START:
        token.tag = "SUB"
    elif word in TIME_CONJUNCTIONS and token.tag in ("PREP", "NOUN", "ADV") and _clause_follows(tokens, i + 1):
        token.tag = "SUB"
    elif word == "so" and after.tag in _SUBJECT_START and (starts(tokens, i) or before.post or before.tag in ("NOUN", "ADJ", "VERB")):
        token.tag = "CONJ"


def _clause_follows(tokens: list[Token], i: int) -> bool:
    """Whether a subject and a verb stand from i to the next punctuation."""
    if token_at(tokens, i).tag not in _SUBJECT_START | {"NOUN"}:
        return False
    for k in range(i, len(tokens)):
        if k > i and tokens[k].tag in _PREDICATES:
            return True
        if tokens[k].post or tokens[k].tag in ("SUB", "CONJ"):
            return False
    return False


def _is_helper_do(tokens: list[Token], i: int) -> bool:
    """do, does, did before its verb (questions, negation, emphasis); a main verb otherwise ("what do you do", "do it")."""
    if token_at(tokens, i + 1).tag == "NEG":
        return True
    question = token_at(tokens, i - 1).tag in ("WH", "NOUN", "NUM") and i > 0 and any(x.tag == "WH" for x in tokens[max(0, i - 4) : i])
    for k in range(i + 1, min(len(tokens), i + 9)):
        if tokens[k].tag == "VERB" or tokens[k].tag == "HAVE" or tokens[k].norm in ("do", "have"):
            return True
        if tokens[k - 1].post or tokens[k].tag in ("CONJ", "SUB", "TO"):
            break
    return question and token_at(tokens, i + 1).norm in SUBJECTS or starts(tokens, i) and token_at(tokens, i + 1).norm in SUBJECTS - {"it"}


def is_question_inversion(tokens: list[Token], i: int) -> bool:
    """Whether from i on a helper verb stands before its subject: "do you", "is the man", "can Anna", "aren't they"."""
    if token_at(tokens, i).tag not in ("BE", "DO", "HAVE", "MODAL"):
        return False
    k = i + 1
    if token_at(tokens, k).tag == "NEG" and token_at(tokens, k).norm == "not":
        k += 1
    subject = token_at(tokens, k)
    if tokens[i].tag == "HAVE" and subject.norm not in SUBJECTS:
        return False
    if tokens[i].norm in ("be", "being", "been", "having") or tokens[i].post:
        return False
    return (
        subject.norm in SUBJECTS
        or subject.tag in ("DET", "POSS", "DEM", "NAME", "EX", "NUM")
        or subject.tag in ("NOUN", "ADJ")
        and k == i + 1
        and tokens[i].norm != "do"
    )
