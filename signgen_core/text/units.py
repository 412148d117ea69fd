"""One clause to units: each token becomes a sign, part of a sign, or a dropped word with its reason. Order is still English."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .clauses import Clause
from .lookup import LONGEST_PHRASE, Finder, Found, kind_of
from .numbers import read_words
from .segmentation import Token
from .tables import tables
from .tagging import DAY_PARTS, POSSESSIVES, PRONOUNS, REFLEXIVES, SUBJECTS, verb_form
from .types import GlossKind


@dataclass
class Unit:
    """A sign on its way to a Gloss. role says what the ordering rules need to know: pron poss time wh neg none modal verb adj noun name
    num intj prep conj opener finish exist other. group joins units that move together."""

    gloss_id: str
    kind: GlossKind
    role: str
    words: tuple[str, ...]
    index: int
    why: str
    confidence: float = 1.0
    repeats: int = 0
    emphasis: str = "none"
    group: int = 0
    tag: str = ""
    lemma: str = ""
    negative: bool = False
    face: str = "neutral"
    head: str = "none"
    pause: float = 0.0


_ROLES = {"VERB": "verb", "ADJ": "adj", "NOUN": "noun", "NAME": "name", "NUM": "num", "PREP": "prep", "INTJ": "intj", "WH": "wh", "ADV": "adv", "DEM": "dem", "MODAL": "modal", "HAVE": "verb", "NEG": "neg"}
_NO_PHRASE_START = frozenset(("DET", "GEN", "THAT", "REL", "TO"))
_LOCAL_VERBS = frozenset("live work stay study sleep".split())
_BECOME = frozenset("want hope plan decide wish like love need try".split())


class UnitBuilder:
    """Builds the units of one clause; `units` and `clause.dropped` are the result."""

    def __init__(self, clause: Clause, finder: Finder) -> None:
        self.clause, self.tokens, self.finder = clause, clause.tokens, finder
        self.units: list[Unit] = []
        self.emphasis = "none"
        self.finish_words: tuple[str, ...] = ()
        self.finish_index = -1
        self.become: tuple[str, ...] = ()
        self.continuing = 0

    def build(self) -> list[Unit]:
        i = 0
        while i < len(self.tokens):
            i += self._phrase(i) or self._one(i)
        if self.emphasis != "none" and self.units:
            self.units[-1].emphasis = self.emphasis
        return self.units

    # ------------------------------------------------------------------------------------------------------------- helpers
    def _at(self, i: int) -> Token:
        return self.tokens[i] if 0 <= i < len(self.tokens) else Token("", "", -1)

    def _words(self, start: int, end: int) -> tuple[str, ...]:
        """Words as written of tokens start to end, each once: the pieces of a contraction share one."""
        return tuple(dict((t.index, t.text) for t in self.tokens[start:end]).values())

    def drop(self, i: int, why: str, end: int | None = None) -> int:
        """Note the words from i to end as unsigned; returns how many tokens that is."""
        end = i + 1 if end is None else end
        for k in range(i, end):
            token = self.tokens[k]
            text = token.text
            if any(t.index == token.index and t is not token for t in self.tokens):
                text = f"{token.text} ({token.norm})" if token.norm not in ("'s",) else token.text
            self.clause.dropped.append((text, why))
        return end - i

    def add(self, i: int, end: int, ids: tuple[str, ...], why: str, confidence: float = 1.0, role: str = "", **more: object) -> int:
        token = self.tokens[i]
        last = self.units[-1] if self.units else None
        if last is not None and confidence < 1.0 and ids == (last.gloss_id,) and last.kind == "lexical":
            last.words += self._words(i, end)
            return end - i
        for gloss in ids:
            unit = Unit(
                gloss_id=gloss, kind=kind_of(gloss, self.finder.lexicon), role=role or _ROLES.get(token.tag, "other"), words=self._words(i, end),
                index=token.index, why=why, confidence=confidence, group=token.group, tag=token.tag, lemma=token.lemma,
            )  # fmt: skip
            if token.group:
                unit.role = "time"
            if unit.role in ("verb", "adj", "noun", "adv", "modal", "intj") and self.emphasis != "none":
                unit.emphasis, self.emphasis = self.emphasis, "none"
            self.units.append(replace(unit, **more))  # type: ignore[arg-type]
        return end - i

    def found(self, i: int, end: int, found: Found, role: str = "") -> int:
        return self.add(i, end, found.ids, found.why, found.confidence, role)

    def spelled(self, i: int, why: str, confidence: float, role: str = "") -> int:
        """Fingerspell token i, or drop it with a reason if it cannot be spelled."""
        ids = self.finder.spell(self.tokens[i].norm if self.tokens[i].text != self.tokens[i].norm and "'" in self.tokens[i].text else self.tokens[i].text)
        if not ids:
            return self.drop(i, "too long to fingerspell")
        return self.add(i, i + 1, ids, why, confidence, role)

    def gloss_or_spell(self, i: int, why: str, *ids: str, role: str = "", end: int | None = None) -> int:
        """The first of the ids that has a sign, else the last one spelled."""
        known = self.finder.first(*ids)
        gloss = known or f"fs-{ids[0].replace('-', '')}"
        return self.add(i, end or i + 1, (gloss,), why if known else f"{why}; no sign: fingerspelled", 1.0 if known else 0.6, role)

    # -------------------------------------------------------------------------------------------------------------- phrases
    def _phrase(self, i: int) -> int:
        """Tokens read by the longest phrase of the lexicon that starts here, then of near meaning; 0 if none does."""
        if self.tokens[i].tag in _NO_PHRASE_START and self.tokens[i].norm not in ("a", "the") or self.tokens[i].kind in ("number", "other"):
            return 0
        longest = 1
        while longest < LONGEST_PHRASE and i + longest < len(self.tokens) and not self.tokens[i + longest - 1].post:
            longest += 1
        for n in range(longest, 1, -1):
            span = self.tokens[i : i + n]
            after = self._at(i + n)
            if after.index == span[-1].index or len({t.group for t in span}) > 1 or any(t.kind in ("number", "other") for t in span):
                continue
            names = sum(t.tag == "NAME" for t in span)
            if names and names < n:
                continue
            written = " ".join(self._words(i, i + n)).lower()
            keys = dict.fromkeys((written, " ".join(t.norm for t in span), " ".join(t.lemma for t in span)))
            found = next((f for f in (self.finder.word(k) for k in keys) if f), None) or next((f for f in (self.finder.near(k) for k in keys) if f and not names), None)
            if found is None or self._breaks_grammar(span, after):
                continue
            role = "time" if span[0].group else self._phrase_role(span, found)
            return self.found(i, i + n, replace_why(found, "phrase"), role)
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
        return _ROLES.get(tags[-1], "noun")

    def _breaks_grammar(self, span: list[Token], after: Token) -> bool:
        """A phrase that only looks like one: "what time" of "what is up" stays, "have to" needs a verb, "used to" a subject."""
        words = [t.norm for t in span]
        if words[-1] == "to" and words[0] in ("have", "has", "had", "got", "used", "able", "ought"):
            return not verb_form(after.norm)[0] and after.tag not in ("BE", "HAVE", "DO")
        if span[0].tag == "VERB" and len(span) == 2 and span[1].tag == "PREP" and after.tag in ("DET", "POSS") and words[1] in ("down", "up", "on") and words[0] in ("sit",):
            return True
        return span[0].tag == "PREP" and words[-1] == "that"

    # ---------------------------------------------------------------------------------------------------------- single words
    def _one(self, i: int) -> int:
        token = self.tokens[i]
        handler = getattr(self, "_tag_" + token.tag.lower(), None)
        if token.group and token.tag in ("PREP", "DET"):
            return self.drop(i, f"'{token.norm}' of a time expression")
        return handler(i) if handler else self._content(i)

    def _content(self, i: int) -> int:
        token, t = self.tokens[i], tables()
        if token.group:
            used = self._time_word(i)
            if used:
                return used
        if token.norm in t.intensifiers and self._at(i + 1).tag in ("ADJ", "ADV", "VERB", "NOUN") and not token.post and (token.tag == "ADV" or self._at(i + 1).tag == "ADJ"):
            return self._intensify(i)
        if token.tag == "ADV" and token.norm in ("very", "really", "so", "too") and self.units and (token.norm != "too" or self._at(i + 1).tag == "ADJ"):
            return self._intensify(i)
        if token.norm == "much" and self._at(i - 1).norm in t.intensifiers:
            return self.drop(i, "degree: shown by a stronger sign")
        if token.norm in ("keep", "keeps", "kept") and self._at(i + 1).form == "ing":
            self.continuing = 1
            return self.drop(i, "'keep' + verb: the verb is repeated")
        if token.norm in ("any",) and not self.finder.word("any") or token.norm == "some" and not self.finder.word("some"):
            return self.drop(i, "amount left open: not signed")
        if token.norm == "let" and (self._at(i + 1).norm == "us" or self._at(i + 1).norm == "me" and not self.finder.word("let")):
            return self.drop(i, "'let': the pronoun carries it")
        if token.norm == "o'clock":
            return self.drop(i, "'o'clock': TIME and the number say it")
        if token.norm in ("am", "pm") and self._at(i - 1).tag == "NUM":
            return self.gloss_or_spell(i, f"'{token.norm}'", "MORNING" if token.norm == "am" else "AFTERNOON", role="time" if token.group else "noun")
        if token.norm == "yet" and (nots := [u for u in self.units if u.gloss_id == "NOT"]):
            if gloss := self.finder.first("NOT-YET"):
                nots[-1].gloss_id, nots[-1].words, nots[-1].why, nots[-1].negative = gloss, nots[-1].words + self._words(i, i + 1), "not yet", True
                return 1
            if not self.finder.word("yet"):
                return self.drop(i, "'yet': carried by NOT")
        if token.norm == "already":
            known = self.finder.word("already")
            if self.finder.has("FINISH") and (known is None or known.ids == ("FINISH",)):
                self._set_finish(i)
                return 1
        found = self.finder.token(token)
        more: dict[str, object] = {}
        if token.tag == "ADJ" and token.norm in t.comparatives and (found is None or found.why != "lexicon") and token.norm not in ("later", "latest"):
            degree = self.finder.first("MORE" if token.norm.endswith("er") else "MOST")
            if degree:
                self.add(i, i + 1, (degree,), "comparison", role="adv")
        if found is None and token.tag == "ADV" and (token.norm in t.softeners or token.norm in t.intensifiers):
            return self.drop(i, "softener: carried by the face")
        if token.tag in ("VERB", "HAVE") and token.form:
            self._flush_finish()
            if self.continuing and token.form == "ing":
                more["repeats"], self.continuing = 1, 0
        if found is None and "-" in token.norm:
            parts = [self.finder.candidates((p, noun_lemma_of(p))) for p in token.norm.split("-")]
            if all(parts):
                ids = tuple(g for f in parts if f for g in f.ids)
                return self.add(i, i + 1, ids, "parts of a hyphenated word", 0.8)
        if found is None:
            if not token.norm.strip("-'"):
                return self.drop(i, "no word")
            maybe = token.capital and not token.form
            if not maybe and token.tag in ("VERB", "NOUN", "ADJ") and token.lemma.isalpha():
                ids = self.finder.spell(token.lemma)
                return self.add(i, i + 1, ids, "no sign in the lexicon: fingerspelled", 0.5) if ids else self.drop(i, "too long to fingerspell")
            return self.spelled(i, "no sign in the lexicon: fingerspelled" + (", perhaps a name" if maybe else ""), 0.5)
        if token.tag == "NOUN" and token.norm != token.lemma and token.lemma in t.nouns_doubled_for_plural and found.why != "lexicon" and not self._counted():
            return self.add(i, i + 1, found.ids, "plural: the sign is repeated", found.confidence, repeats=1)
        return self.add(i, i + 1, found.ids, found.why, found.confidence, **more)

    def _counted(self) -> bool:
        return bool(self.units) and (self.units[-1].role == "num" or self.units[-1].gloss_id in ("MANY", "SOME", "FEW", "MORE", "ALL", "HOW-MANY"))

    def _time_word(self, i: int) -> int:
        """Words that mean something of their own inside a time expression: last, next, this, ago; bare numbers after `at`."""
        token, after = self.tokens[i], self._at(i + 1)
        unit = (self.finder.token(after) if after.group == token.group else None) or Found(("",), "", 0)
        if token.norm in ("last", "next", "this", "every", "each") and after.group == token.group and after.norm:
            whole = f"{token.norm} {after.norm}".upper().replace(" ", "-")
            known = self.finder.first(whole)
            if known:
                return self.add(i, i + 2, (known,), "time expression")
            if token.norm == "last" and after.norm in DAY_PARTS and self.finder.has("YESTERDAY") and unit.ids[0]:
                return self.add(i, i + 1, ("YESTERDAY",), f"'last {after.norm}'")
            choice = {"last": ("PAST", "LAST"), "next": ("NEXT", "FUTURE"), "this": ("TODAY", "NOW") if after.norm in DAY_PARTS else ("NOW", "THIS")}.get(token.norm)
            if choice and (known := self.finder.first(*choice)):
                return self.add(i, i + 1, (known,), f"'{token.norm}' of a time expression")
        if token.norm == "tonight" and not self.finder.word("tonight"):
            parts = [g for g in (self.finder.first("NOW", "TODAY"), self.finder.first("NIGHT")) if g]
            if len(parts) == 2:
                return self.add(i, i + 1, tuple(parts), "tonight: NOW NIGHT")
        if token.norm == "ago" and (known := self.finder.first("AGO", "PAST", "BEFORE")):
            return self.add(i, i + 1, (known,), "'ago': PAST")
        if token.norm.endswith("s") and not self.finder.word(token.norm) and (weekday := self.finder.word(token.norm[:-1])) and token.norm.endswith("days") and token.norm != "days":
            return self.add(i, i + 1, weekday.ids, "every week on that day: repeated", repeats=1)
        return 0

    def _intensify(self, i: int) -> int:
        self.emphasis = "strong" if self.emphasis == "mild" or self.tokens[i].norm in ("extremely", "incredibly", "totally", "absolutely", "too") else "mild"
        return self.drop(i, "degree: shown by a stronger sign")

    def _set_finish(self, i: int) -> None:
        self.finish_words, self.finish_index = self.finish_words + self._words(i, i + 1), self.tokens[i].index if self.finish_index < 0 else self.finish_index

    def _flush_finish(self) -> None:
        if self.finish_words:
            gloss = self.finder.first("FINISH", "ALREADY")
            if gloss:
                self.units.append(Unit(gloss, "lexical", "finish", self.finish_words, self.finish_index, "perfect: completed before now"))
            else:
                self.clause.dropped += [(w, "perfect: no sign FINISH") for w in self.finish_words]
            self.finish_words = ()

    # ------------------------------------------------------------------------------------------------------- closed classes
    def _tag_other(self, i: int) -> int:
        emoji = not any(c.isalpha() for c in self.tokens[i].text)
        return self.drop(i, "a symbol, not a word" if emoji else "not in the Latin alphabet: cannot be fingerspelled")

    def _tag_pron(self, i: int) -> int:
        token, after = self.tokens[i], self._at(i + 1)
        gloss = PRONOUNS[token.norm]
        if token.norm == "it" and self._is_empty_it(i):
            return self.drop(i, "empty 'it': points at nothing")
        end = i + 1
        if token.norm == "you" and after.norm in ("guys", "all", "two", "both", "folks") and not token.post:
            gloss, end = "IX-2-PL", i + 2
        if token.norm == "us" and self._at(i - 1).norm == "let" and (known := self.finder.first("LETS", "LET-US")):
            return self.add(i, end, (known,), "proposal", role="pron")
        return self.add(i, end, (self.finder.index(gloss),), "pronoun: pointing", role="pron")

    def _is_empty_it(self, i: int) -> bool:
        """`it` of weather, time, distance and of "it is important to ..."."""
        before, after = self._at(i - 1), self._at(i + 1)
        if after.tag not in ("BE",) and before.tag != "BE" and after.norm not in ("rains", "snows", "rained", "snowed", "takes", "took", "seems") and not (after.tag == "MODAL" and self._at(i + 2).norm in ("be", "rain", "snow")):
            return False
        rest = [t.norm for t in self.tokens[i + 1 :]]
        rest += [t.lemma for t in self.tokens[i + 1 : i + 3]]
        if any(w in tables().weather_and_time_words or w.isdigit() and len(w) < 3 for w in rest[:5] + rest[-2:]):
            return True
        if before.tag == "BE" and any(t.norm in ("time", "day", "far", "date") for t in self.tokens[:i]):
            return True
        k = next((k for k, t in enumerate(self.tokens[i + 1 :], i + 1) if t.tag == "ADJ"), -1)
        return 0 < k <= i + 4 and (self._at(k + 1).norm in ("to", "that", "for") or after.norm in ("rains", "snows", "rained", "snowed"))

    def _tag_poss(self, i: int) -> int:
        return self.add(i, i + 1, (self.finder.index(POSSESSIVES[self.tokens[i].norm]),), "possessive", role="poss")

    def _tag_refl(self, i: int) -> int:
        return self.add(i, i + 1, (self.finder.index(REFLEXIVES[self.tokens[i].norm]),), "reflexive", role="pron")

    def _tag_gen(self, i: int) -> int:
        owner = self._at(i - 1)
        plural = owner.norm != owner.lemma and owner.tag == "NOUN"
        return self.add(i, i + 1, (self.finder.index("POSS-3-PL" if plural else "POSS-3"),), "possessor's 's", role="poss")

    def _tag_det(self, i: int) -> int:
        return self.drop(i, "article: not signed")

    def _tag_one(self, i: int) -> int:
        return self.drop(i, "'one' stands for a noun: the pointing says it")

    def _tag_dem(self, i: int) -> int:
        token = self.tokens[i]
        plural = token.norm in ("these", "those")
        found = self.finder.word({"these": "this", "those": "that"}.get(token.norm, token.norm))
        if token.group and self._time_word_applies(i):
            return self._time_word(i) or 1
        gloss = found.ids[0] if found else self.finder.index("IX-3-PL" if plural else "IX-3")
        return self.add(i, i + 1, (gloss,), "demonstrative" if found else "demonstrative: pointing", role="dem" if self._at(i + 1).tag in ("NOUN", "ADJ", "NUM", "ONE") else "pron")

    def _time_word_applies(self, i: int) -> bool:
        return self._at(i + 1).group == self.tokens[i].group and self.finder.first("TODAY", "NOW") is not None

    def _tag_be(self, i: int) -> int:
        if self.tokens[i].norm == "be" and self._at(i - 1).norm == "to" and self._at(i - 2).lemma in _BECOME and self._at(i + 1).tag in ("DET", "NOUN") and (gloss := self.finder.first("BECOME")):
            return self.add(i, i + 1, (gloss,), "'want to be': BECOME", role="verb")
        helper = any(t.form in ("ing", "en", "ed") for t in self.tokens[i + 1 : i + 3])
        return self.drop(i, "helper verb: not signed" if helper else "copula: not signed")

    def _tag_do(self, i: int) -> int:
        return self.drop(i, "helper verb: not signed")

    def _tag_to(self, i: int) -> int:
        return self.drop(i, "infinitive 'to': not signed" if self._at(i + 1).tag in ("VERB", "BE", "HAVE") else "direction: carried by the verb")

    def _tag_rel(self, i: int) -> int:
        return self.drop(i, "relative pronoun: not signed")

    def _tag_that(self, i: int) -> int:
        return self.drop(i, "conjunction 'that': not signed")

    def _tag_fill(self, i: int) -> int:
        return self.drop(i, "hesitation")

    def _tag_conj(self, i: int) -> int:
        token = self.tokens[i]
        if token.norm in ("and", "plus", "nor"):
            return self.drop(i, "'and': the parts stand side by side")
        if token.norm == "so" and i == 0 and self.clause.opener == "" and token.index == 0:
            return self.drop(i, "opening word: not signed")
        found = self.finder.word(token.norm) or self.finder.near(token.norm)
        return self.found(i, i + 1, found, "conj") if found else self.spelled(i, f"'{token.norm}' is fingerspelled in ASL", 0.8, "conj")

    def _tag_sub(self, i: int) -> int:
        word = self.tokens[i].norm
        if self.clause.type == "topic" and word in ("when", "whenever", "while", "once"):
            return self.drop(i, "time clause: shown by raised brows and its place in front")
        if self.clause.type == "topic" and word == "after" and (gloss := self.finder.first("FINISH")):
            self.clause.opener = "after"
            self.units.append(Unit(gloss, "lexical", "after", self._words(i, i + 1), self.tokens[i].index, "after-clause: FINISH"))
            return 1
        if word == "because" and not self.finder.word("because") and self.finder.has("WHY"):
            return self.add(i, i + 1, ("WHY",), "because: rhetorical WHY", 0.8, "rhetorical")
        found = self.finder.word(word) or self.finder.near(word)
        role = "opener" if word in ("if", "unless") else "conj"
        return self.found(i, i + 1, found, role) if found else self.spelled(i, f"'{word}' is fingerspelled in ASL", 0.8, role)

    def _tag_ex(self, i: int) -> int:
        if any(t.norm == "no" for t in self.tokens[i : i + 4]) and self.finder.first("NONE"):
            return self.drop(i, "'there is no': NONE says it")
        return self.gloss_or_spell(i, "there is: existence by HAVE", "HAVE", role="exist")

    def _tag_have(self, i: int) -> int:
        token = self.tokens[i]
        k = i + 1
        while self._at(k).tag in ("ADV", "NEG", "INTJ") or k == i + 1 and self._at(k).norm in SUBJECTS or self._at(k).tag == "NOUN" and self.clause.type in ("yes_no", "wh") and k < i + 3 or self._at(k).tag in ("DET", "POSS") and self.clause.type == "yes_no" and i == 0:
            k += 1
        participle = self._at(k)
        if participle.norm == "better" and token.norm in ("had", "would"):
            return self.drop(i, "helper verb: not signed")
        if participle.norm == "got":
            return self.drop(i, "helper verb: not signed")
        if participle.form in ("ed", "en") or participle.norm in tables().participles or participle.norm == "had":
            negated = any(t.tag == "NEG" for t in self.tokens[i : k + 3])
            if participle.norm == "been" and self._at(k + 1).form == "ing":
                self.continuing = 1
            elif not negated and participle.norm != "been":
                self._set_finish(i)
                return 1
            return self.drop(i, "helper verb: not signed")
        self._flush_finish()
        if self._at(i + 1).tag == "NEG" or any(t.tag == "NEG" and t.norm == "no" for t in self.tokens[i + 1 : i + 2]):
            return self.gloss_or_spell(i, "lexicon", "HAVE", role="have")
        return self.gloss_or_spell(i, "lexicon", "HAVE", role="have" if self.units and self.units[-1].role == "neg" else "verb")

    def _tag_modal(self, i: int) -> int:
        token = self.tokens[i]
        word = token.norm
        ahead = [t for t in self.tokens[i + 1 : i + 4] if t.tag not in ("PRON", "ADV", "NEG")]
        if word in ("can", "could"):
            return self.gloss_or_spell(i, f"'{word}'", "CAN", role="modal")
        if word == "would":
            if ahead and ahead[0].norm in ("like", "love"):
                ahead[0].norm, ahead[0].lemma, ahead[0].tag, ahead[0].form = "want", "want", "VERB", "base"
                return self.drop(i, "'would like': WANT")
            return self.drop(i, "helper verb: not signed")
        if word in ("may", "might"):
            if self.clause.type == "yes_no" and word == "may":
                return self.gloss_or_spell(i, "permission: CAN", "CAN", role="modal")
            found = self.finder.near("might")
            return self.found(i, i + 1, found, "modal") if found else self.spelled(i, "modal verb", 0.6, "modal")
        if word in ("will", "shall"):
            if self._at(i + 1).tag == "NEG" and (gloss := self.finder.first("WONT", "WILL-NOT", "REFUSE")):
                return self.add(i, i + 2, (gloss,), "'will not'", role="neg", negative=True)
            return self._future(i, i + 1)
        found = self.finder.word(word) or self.finder.near(word)
        return self.found(i, i + 1, found, "modal") if found else self.spelled(i, "modal verb", 0.6, "modal")

    def _future(self, i: int, end: int) -> int:
        if any(t.group and t.norm in ("tomorrow", "tonight", "soon", "next") for t in self.tokens) or self.clause.type == "conditional":
            return self.drop(i, "future: the time word or the condition says it", end)
        gloss = self.finder.first("WILL", "FUTURE")
        return self.add(i, end, (gloss,), "future", role="modal") if gloss else self.drop(i, "future: no sign WILL", end)

    def _tag_verb(self, i: int) -> int:
        token, t = self.tokens[i], tables()
        after, second = self._at(i + 1), self._at(i + 2)
        between = 1 if after.tag == "TO" and second.tag == "ADV" else 0
        if between and token.norm == "going" and verb_form(self._at(i + 3).norm)[1] == "base":
            return self._future(i, i + 2)
        if token.norm == "going" and after.tag == "TO" and (second.tag in ("VERB", "BE", "HAVE", "DO") or verb_form(second.norm)[1] == "base") and second.norm not in t.not_verbs_after_going_to:
            return self._future(i, i + 2)
        if token.norm == "got" and (self._at(i - 1).tag == "HAVE" or after.tag in ("DET", "NUM", "POSS") and self._at(i - 1).tag == "PRON") and self.finder.has("HAVE"):
            return self.gloss_or_spell(i, "'got': HAVE", "HAVE", role="verb")
        if token.norm in ("feel", "feels") and after.tag == "PREP" and after.norm == "like":
            return self.add(i, i + 2, (self.finder.first("WANT", "FEEL") or "fs-FEEL",), "'feel like'", role="verb")
        if token.lemma == "do" and not self.finder.word("do"):
            return self.gloss_or_spell(i, "main verb do", "DO", "DO-DO", "ACT", role="verb")
        return self._content(i)

    def _tag_neg(self, i: int) -> int:
        token, last = self.tokens[i], self.units[-1] if self.units else None
        if token.norm == "never":
            return self.gloss_or_spell(i, "negation", "NEVER", "NOT", role="neg")
        if token.norm == "no":
            return self.gloss_or_spell(i, "no + noun: NONE after it", "NONE", "NO", role="none")
        if last is not None and last.gloss_id == "CAN" and (gloss := self.finder.first("CANT", "CAN-NOT")):
            last.gloss_id, last.why, last.role, last.negative = gloss, "'can not'", "neg", True
            last.words = tuple(dict.fromkeys(last.words + self._words(i, i + 1)))
            return 1
        return self.gloss_or_spell(i, "negation", *(("DONT",) if self.clause.type == "command" and self.finder.has("DONT") else ()), "NOT", role="neg")

    def _tag_wh(self, i: int) -> int:
        token, after = self.tokens[i], self._at(i + 1)
        if self.clause.opener in ("when", "whenever") and token.norm == self.clause.opener and self.clause.type == "topic":
            return self.drop(i, "time clause: shown by raised brows and its place in front")
        if token.norm in ("what", "how") and self.clause.type not in ("wh", "yes_no") and (after.norm in ("a", "an") or token.norm == "how" and after.tag == "ADJ" and not self.clause.embedded_wh):
            self.emphasis = "mild"
            return self.drop(i, "exclamation: shown by a stronger sign")
        if token.norm == "how" and after.norm in ("many", "much"):
            return self.gloss_or_spell(i, "question word", "HOW-MANY" if after.norm == "many" else "HOW-MUCH", "HOW-MANY", "HOW-MUCH", role="wh", end=i + 2)
        if token.norm == "whose":
            return self.gloss_or_spell(i, "question word", "WHOSE", "WHO", role="wh")
        return self.gloss_or_spell(i, "question word", "WHO" if token.norm == "whom" else token.norm.upper(), role="wh")

    def _tag_prep(self, i: int) -> int:
        token, before, after, t = self.tokens[i], self._at(i - 1), self._at(i + 1), tables()
        if token.norm in t.prepositions_never_signed:
            return self.drop(i, f"preposition '{token.norm}': carried by order and place")
        if token.norm == "like":
            found = self.finder.first("SAME", "LIKE-SAME") and Found((self.finder.first("SAME") or "LIKE-SAME",), "'like' of a comparison: SAME", 0.8)
            return self.found(i, i + 1, found, "prep") if found else self.drop(i, "preposition 'like': no sign")
        if token.norm in ("in", "on") and (after.tag == "NAME" or before.tag == "VERB" and before.lemma in _LOCAL_VERBS):
            return self.drop(i, "place: named right after the verb")
        found = self.finder.word(token.norm) or self.finder.near(token.norm)
        particle = before.tag == "VERB" and token.norm in t.prepositions_shown_in_space and (not after.norm or bool(token.post) or after.tag in ("PREP", "TO", "CONJ", "ADV", "SUB") or after.group > 0)
        if particle and (found is None or token.norm in ("up", "down")) or particle and before.lemma in ("come", "go") and token.norm in ("on", "in", "over"):
            return self.drop(i, "particle of the verb")
        if found:
            return self.found(i, i + 1, found, "prep")
        if token.norm in t.prepositions_shown_in_space or token.norm in ("to", "for", "since"):
            return self.drop(i, "preposition: shown by the place of the signs")
        return self.spelled(i, "no sign in the lexicon: fingerspelled", 0.5, "prep")

    def _tag_num(self, i: int) -> int:
        token = self.tokens[i]
        lead: tuple[str, ...] = ()
        if token.group and self._at(i - 1).norm == "at" and (gloss := self.finder.first("TIME")):
            lead = (gloss,)
        if token.kind == "number" or token.norm[:1].isdigit() or token.norm[:1] in "$£€#":
            return self.add(i, i + 1, lead + self.finder.number(token.norm), "number", role="num")
        value, read = read_words([t.norm for t in self.tokens[i:]])
        end = i + max(read, 1)
        pause = next((k for k in range(i, end) if self.tokens[k].post), None)
        if pause is not None and pause + 1 < end:
            value, read = read_words([t.norm for t in self.tokens[i : pause + 1]])
            end = i + max(read, 1)
        if not read:
            return self.gloss_or_spell(i, "number word", token.norm.upper(), role="num")
        return self.add(i, end, lead + self.finder.number(str(value) if value < 1000 else f"{value:,}"), "number", role="num")

    def _tag_name(self, i: int) -> int:
        token, t = self.tokens[i], tables()
        if token.norm in t.proper_words_with_signs and (found := self.finder.word(token.norm)):
            return self.found(i, i + 1, found, "name")
        told = self._at(i - 1).tag == "BE" or token.kind == "web"
        return self.spelled(i, "name: fingerspelled" if token.kind != "web" else "address: fingerspelled", 1.0 if told else 0.9, "name")

    def _tag_intj(self, i: int) -> int:
        token = self.tokens[i]
        if token.norm in ("ok", "okay"):
            return self.add(i, i + 1, ("#OK",), "loan sign", role="intj")
        found = self.finder.token(token)
        if found is None and token.norm in ("well", "wow", "oops", "sure", "right", "cool", "great", "exactly", "absolutely") and len(self.tokens) > 1:
            return self.drop(i, "opening word: carried by the face")
        if found is None and token.norm == "well" and len(self.tokens) == 1:
            return self.drop(i, "opening word: carried by the face")
        return self.found(i, i + 1, found, "intj") if found else self.spelled(i, "no sign in the lexicon: fingerspelled", 0.5, "intj")


def replace_why(found: Found, why: str) -> Found:
    """The same signs, with the reason led by `why`."""
    return Found(found.ids, why if found.why == "lexicon" else f"{why}, {found.why}", found.confidence)


def noun_lemma_of(word: str) -> str:
    """Base form of a part of a hyphenated word, verb or noun."""
    from .tagging import noun_lemma

    return verb_form(word)[0] or noun_lemma(word)
