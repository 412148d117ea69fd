"""One clause to units: each token becomes a sign, part of a sign, or a dropped word with its reason. Order is still English."""

from __future__ import annotations

from .function_words import FunctionWords
from .lemmas import comparative_base, noun_lemma, verb_form
from .lookup import LONGEST_PHRASE, Found
from .number_phrases import read_number
from .segmentation import Token
from .tables import tables
from .units import ROLES, Unit

_OBJECT = frozenset("PRON REFL DET POSS DEM ADJ NOUN NAME NUM".split())
_NO_PHRASE_START = frozenset(("DET", "GEN", "THAT", "REL", "TO"))


class UnitBuilder(FunctionWords):
    """Builds the units of one clause; `units` and `clause.dropped` are the result."""

    def build(self) -> list[Unit]:
        i = 0
        while i < len(self.tokens):
            i += self._particle(i) or self._parted_verb(i) or self._number(i, several=True) or self._phrase(i) or self._number(i) or self._one(i)
        if self.emphasis != "none" and self.units:
            self.units[-1].emphasis = self.emphasis
        return self.units

    def _number(self, i: int, *, several: bool = False) -> int:
        """Tokens of the number expression that starts here; 0 if none does. several: only expressions of several words."""
        phrase = read_number(self.tokens, i, self.finder)
        if phrase is None or several and phrase.read == 1:
            return 0
        return self.add(i, i + phrase.read, phrase.glosses, phrase.why, phrase.confidence, phrase.role)

    def _phrase(self, i: int) -> int:
        """Tokens read by the longest phrase of the lexicon that starts here, then of near meaning; 0 if none does."""
        if self.tokens[i].tag in _NO_PHRASE_START and self.tokens[i].norm not in ("a", "the") or self.tokens[i].kind in ("number", "other"):
            return 0
        longest = 1
        while longest < LONGEST_PHRASE and i + longest < len(self.tokens) and not self.tokens[i + longest - 1].post:
            longest += 1
        for n in range(longest, 1, -1):
            span = self.tokens[i : i + n]
            after = self.at(i + n)
            if after.index == span[-1].index or len({t.group for t in span}) > 1 or any(t.kind in ("number", "other") for t in span):
                continue
            names = sum(t.tag == "NAME" for t in span)
            if names and names < n:
                continue
            written = " ".join(self.words(i, i + n)).lower()
            keys = dict.fromkeys((written, " ".join(t.norm for t in span), " ".join(t.lemma for t in span)))
            phrasal = self.finder.phrasal(" ".join([span[0].lemma, *(t.norm for t in span[1:])])) if span[0].tag in ("VERB", "HAVE") else None
            found = phrasal or next((f for f in (self.finder.word(k) for k in keys) if f), None) or next(
                (f for f in (self.finder.near(k) for k in keys) if f and not names), None
            )
            if found is None or self._breaks_grammar(span, after):
                continue
            if [t.norm for t in span] == ["used", "to"] and (past := self.finder.first("PAST", "BEFORE")):
                return self.add(i, i + n, (past,), "'used to': PAST", role="modal")
            role = "time" if span[0].group else self._phrase_role(span, found)
            if role == "verb":
                self.flush_finish()
            return self.found(i, i + n, found if found is phrasal else _because(found, "phrase"), role)
        return 0

    def _particle(self, i: int) -> int:
        """A particle whose verb stands before its object: its words go to the verb's sign."""
        unit = self.particles.pop(i, None)
        if unit is None:
            return 0
        unit.words += self.words(i, i + 1)
        return 1

    def _parted_verb(self, i: int) -> int:
        """A phrasal verb with its object between ("pick it up", "throw the paper away"): one sign where the verb stands."""
        verb = self.tokens[i]
        if verb.tag != "VERB" or verb.post:
            return 0
        for j in range(i + 1, min(i + 6, len(self.tokens))):
            token = self.tokens[j]
            if j > i + 1 and (token.pos == "AVP" or token.tag == "PREP" and (j + 1 == len(self.tokens) or bool(token.post))):
                found = self.finder.phrasal(f"{verb.lemma} {token.norm}")
                if found is None or self.finder.lexicon.find(f"{verb.lemma} {token.norm}") is None and self.at(j + 1).tag in ("DET", "POSS", "NOUN", "PRON"):
                    return 0
                self.flush_finish()
                self.found(i, i + 1, found, "verb")
                self.particles[j] = self.units[-1]
                return 1
            if token.tag not in _OBJECT or token.post:
                return 0
        return 0

    def _phrase_role(self, span: list[Token], found: Found) -> str:
        tags = [t.tag for t in span]
        if tags[0] == "WH":
            return "wh"
        if found.ids[0].split("-")[0] in ("DONT", "CANT", "WONT", "NOT"):
            return "neg"
        if span[0].norm in ("thank", "excuse", "good", "see") and self.clause.type == "remark" or tags[0] == "INTJ":
            return "intj"
        if found.ids[0] in ("MUST", "CAN", "SHOULD", "NEED", "HAVE-TO") and span[-1].norm in ("to", "able"):
            return "modal"
        if "VERB" in tags or "HAVE" in tags:
            return "verb"
        if tags[0] == "NOUN" and tags[-1] == "PREP":
            return "noun"  # kind of
        return ROLES.get(tags[-1], "noun")

    def _breaks_grammar(self, span: list[Token], after: Token) -> bool:
        """A phrase that only looks like one: "what time" of "what is up" stays, "have to" needs a verb, "used to" a subject."""
        words = [t.norm for t in span]
        if span[0].lemma == "go" and words[1:] == ["to"]:
            return True  # GO, wherever to
        if words in (["kind", "of"], ["sort", "of"]):
            before = self.at(self.tokens.index(span[0]) - 1).tag
            return after.tag not in ("NOUN", "NAME", "DET") or before in ("BE", "ADV", "PRON", "VERB")  # a softener: "kind of cold"
        if words[:2] == ["get", "it"] and after.norm:
            return True  # GET IX-3, unless it ends there
        if words[:2] == ["go", "ahead"] and after.norm == "and":
            return True
        if words == ["not", "any"]:
            return True  # NONE, after the noun
        if span[0].tag == "HAVE" and len(words) > 1 and words[1] in ("been", "had", "not"):
            return True  # the perfect, or a negation: their own rules
        if words[-1] == "to" and words[0] in ("have", "has", "had", "got", "used", "able", "ought"):
            return not verb_form(after.norm)[0] and after.tag not in ("BE", "HAVE", "DO")
        if (
            span[0].tag == "VERB"
            and len(span) == 2
            and span[1].tag == "PREP"
            and after.tag in ("DET", "POSS")
            and words[1] in ("down", "up", "on")
            and words[0] in ("sit",)
        ):
            return True
        return span[0].tag == "PREP" and words[-1] == "that"

    def _one(self, i: int) -> int:
        token = self.tokens[i]
        handler = getattr(self, "_tag_" + token.tag.lower(), None)
        if token.group and token.tag in ("PREP", "DET"):
            return self.drop(i, f"'{token.norm}' of a time expression")
        return handler(i) if handler else self.content(i)

    def content(self, i: int) -> int:
        token, t = self.tokens[i], tables()
        if token.group:
            used = self._time_word(i)
            if used:
                return used
        if token.norm == "so" and i == len(self.tokens) - 1:
            return self.drop(i, "'so': stands for what was said")
        if token.norm in ("kind", "sort") and self.at(i + 1).norm == "of" and self.at(i - 1).tag in ("PRON", "BE", "VERB", "ADV", "FILL", "MODAL"):
            return self.drop(i, "softener: carried by the face", i + 2)
        if token.norm == "ever" and not self.finder.word("ever"):
            return self.drop(i, "'ever': not signed")
        if (
            token.norm in t.intensifiers
            and self.at(i + 1).tag in ("ADJ", "ADV", "VERB", "NOUN")
            and not token.post
            and (token.tag == "ADV" or self.at(i + 1).tag == "ADJ")
        ):
            return self.intensify(i)
        if (
            token.tag == "ADV"
            and token.norm in ("very", "really", "so", "too")
            and self.units
            and (token.norm != "too" or self.at(i + 1).tag == "ADJ")
        ):
            return self.intensify(i)
        if token.norm == "much" and self.at(i - 1).norm in t.intensifiers:
            return self.drop(i, "degree: shown by a stronger sign")
        if token.norm == "go" and [self.at(i + 1).norm, self.at(i + 2).norm] == ["ahead", "and"]:
            return self.drop(i, "'go ahead and': not signed", i + 3)
        if token.norm in ("keep", "keeps", "kept") and self.at(i + 1).form == "ing":
            self.continuing = 1
            return self.drop(i, "'keep' + verb: the verb is repeated")
        negated = any(t.tag == "NEG" for t in self.tokens)
        if token.norm == "any" and (negated or not self.finder.word("any")) or token.norm == "some" and not self.finder.word("some"):
            return self.drop(i, "amount left open: not signed")
        if token.norm == "let" and (self.at(i + 1).norm == "us" or self.at(i + 1).norm == "me" and not self.finder.word("let")):
            return self.drop(i, "'let': the pronoun carries it")
        if token.norm == "o'clock":
            return self.drop(i, "'o'clock': the time says it")
        if token.norm == "yet" and self._yet(i):
            return 1
        if token.norm == "already":
            known = self.finder.word("already")
            if self.finder.has("FINISH") and (known is None or known.ids == ("FINISH",)):
                self.set_finish(i)
                return 1
        if token.sense is not None and token.sense.glosses == ("drop",):
            return self.drop(i, f"{token.sense.why}: not signed")
        found = self.sense(token) or self.finder.token(token)
        if found is not None and token.sense is not None and found.ids[0] in token.sense.excluded:
            found = None  # a sign of another meaning of the word would say something else
        if found is None and self.finder.neighbours is not None and not (token.capital and token.index):
            found = self.finder.neighbours.near(token.lemma, token.tag)
            if found is not None and token.sense is not None and found.ids[0] in token.sense.excluded:
                found = None
        repeats = 0
        if (
            token.tag == "ADJ"
            and comparative_base(token.norm)
            and (found is None or found.why != "lexicon")
            and token.norm not in ("later", "latest")
        ):
            degree = self.finder.first("MORE" if token.norm.endswith("er") else "MOST")
            if degree:
                self.add(i, i + 1, (degree,), "comparison", role="adv")
        if found is None and token.tag == "ADV" and (token.norm in t.softeners or token.norm in t.intensifiers):
            return self.drop(i, "softener: carried by the face")
        if token.tag in ("VERB", "HAVE") and token.form:
            self.flush_finish()
            if self.continuing and token.form == "ing":
                repeats, self.continuing = 1, 0
        if found is None and "-" in token.norm:
            parts = [self.finder.candidates((p, _base_form(p))) for p in token.norm.split("-")]
            if all(parts):
                ids = tuple(g for f in parts if f for g in f.ids)
                return self.add(i, i + 1, ids, "parts of a hyphenated word", 0.8)
        if found is None:
            if not token.norm.strip("-'"):
                return self.drop(i, "no word")
            maybe = token.capital and not token.form
            if not maybe and token.tag in ("VERB", "NOUN", "ADJ") and token.lemma.isalpha():
                ids = self.finder.spell(token.lemma)
                return (
                    self.add(i, i + 1, ids, "no sign in the lexicon: fingerspelled", 0.5)
                    if ids
                    else self.drop(i, "too long to fingerspell")
                )
            return self.spelled(i, "no sign in the lexicon: fingerspelled" + (", perhaps a name" if maybe else ""), 0.5)
        if (
            token.tag == "NOUN"
            and token.norm != token.lemma
            and token.lemma in t.nouns_doubled_for_plural
            and found.why != "lexicon"
            and not self.counted()
        ):
            return self.add(i, i + 1, found.ids, "plural: the sign is repeated", found.confidence, repeats=1)
        return self.add(i, i + 1, found.ids, found.why, found.confidence, repeats=repeats)

    def _yet(self, i: int) -> bool:
        """`yet`: with a negation NOT-YET; in a question FINISH before the verb."""
        nots = [u for u in self.units if u.gloss_id in ("NOT", "NOT-YET")]
        gloss = self.finder.first("NOT-YET")
        if nots and gloss:
            nots[-1].become(gloss, "not yet", negative=True)
        verb = next((k for k, u in enumerate(self.units) if u.role == "verb"), None)
        if nots and (gloss or not self.finder.word("yet")):
            nots[-1].words += self.words(i, i + 1)
            return True
        if self.clause.type == "yes_no" and verb is not None and (finish := self.finder.first("FINISH")):
            if self.units[verb - 1].gloss_id != finish or verb == 0:
                self.units.insert(verb, Unit(finish, "lexical", "finish", (), self.tokens[i].index, "yet: completed before now?"))
                verb += 1
            self.units[verb - 1].words += self.words(i, i + 1)
            return True
        return False


def _because(found: Found, why: str) -> Found:
    """The same signs, with the reason led by `why`."""
    return Found(found.ids, why if found.why == "lexicon" else f"{why}, {found.why}", found.confidence)


def _base_form(word: str) -> str:
    """Base form of a part of a hyphenated word, verb or noun."""
    return verb_form(word)[0] or noun_lemma(word)
