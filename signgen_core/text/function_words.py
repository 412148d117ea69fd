"""Function words of a clause: pronouns, helper verbs, negation, prepositions, conjunctions, question words, numbers, names."""

from __future__ import annotations

from .lemmas import POSSESSIVES, PRONOUNS, REFLEXIVES, SUBJECTS, verb_form
from .lookup import Found
from .number_phrases import read_number
from .tables import tables
from .times import DAY_PARTS, UNITS, WEEKDAYS
from .units import ClauseReader, Unit

_LOCAL_VERBS = frozenset("live work stay study sleep".split())
_BECOME = frozenset("want hope plan decide wish like love need try".split())


class FunctionWords(ClauseReader):
    """One method for each tag; what they do not sign they drop with a reason."""

    def _time_word(self, i: int) -> int:
        """Words that mean something of their own inside a time expression: last, next, this, ago; bare numbers after `at`."""
        token, after = self.tokens[i], self.at(i + 1)
        unit = (self.finder.token(after) if after.group == token.group else None) or Found(("",), "", 0)
        if token.norm in ("every", "each") and after.group == token.group and after.norm in WEEKDAYS and (weekday := self.finder.word(after.norm)):
            return self.add(i, i + 2, weekday.ids, "every week on that day: repeated", repeats=1)
        if token.norm in ("every", "each") and after.group == token.group and after.norm and not self.finder.first(f"EVERY-{after.norm.upper()}"):
            if unit.ids[0]:  # ALL NIGHT would be the whole of one
                return self.add(i, i + 2, unit.ids, f"every {after.norm}: repeated", repeats=1)
        if token.norm in ("last", "next", "this", "every", "each") and after.group == token.group and after.norm:
            whole = f"{token.norm} {after.norm}".upper().replace(" ", "-")
            known = self.finder.first(whole)
            if known:
                return self.add(i, i + 2, (known,), "time expression")
            if token.norm == "last" and after.norm in DAY_PARTS and self.finder.has("YESTERDAY") and unit.ids[0]:
                return self.add(i, i + 1, ("YESTERDAY",), f"'last {after.norm}'")
            choice = {
                "last": ("PAST", "LAST"),
                "next": ("NEXT", "FUTURE"),
                "this": ("TODAY", "NOW") if after.norm in DAY_PARTS else ("NOW", "THIS"),
            }.get(token.norm)
            if choice and (known := self.finder.first(*choice)):
                return self.add(i, i + 1, (known,), f"'{token.norm}' of a time expression")
        if token.norm == "tonight" and not self.finder.word("tonight"):
            parts = [g for g in (self.finder.first("NOW", "TODAY"), self.finder.first("NIGHT")) if g]
            if len(parts) == 2:
                return self.add(i, i + 1, tuple(parts), "tonight: NOW NIGHT")
        if token.norm == "ago" and (known := self.finder.first("AGO", "PAST", "BEFORE")):
            return self.add(i, i + 1, (known,), "'ago': PAST")
        if (
            token.norm.endswith("s")
            and not self.finder.word(token.norm)
            and (weekday := self.finder.word(token.norm[:-1]))
            and token.norm.endswith("days")
            and token.norm != "days"
        ):
            return self.add(i, i + 1, weekday.ids, "every week on that day: repeated", repeats=1)
        return 0

    def _tag_other(self, i: int) -> int:
        emoji = not any(c.isalpha() for c in self.tokens[i].text)
        return self.drop(i, "a symbol, not a word" if emoji else "not in the Latin alphabet: cannot be fingerspelled")

    def _tag_pron(self, i: int) -> int:
        token, after = self.tokens[i], self.at(i + 1)
        gloss = PRONOUNS[token.norm]
        if token.norm == "it" and self._is_empty_it(i):
            return self.drop(i, "empty 'it': points at nothing")
        end = i + 1
        if token.norm == "you" and after.norm in ("guys", "all", "two", "both", "folks") and not token.post:
            gloss, end = "IX-2-PL", i + 2
        if token.norm == "us" and self.at(i - 1).norm == "let" and (known := self.finder.first("LETS", "LET-US")):
            return self.add(i, end, (known,), "proposal", role="pron")
        return self.add(i, end, (self.finder.index(gloss),), "pronoun: pointing", role="pron")

    def _is_empty_it(self, i: int) -> bool:
        """`it` of weather, time, distance and of "it is important to ..."."""
        before, after = self.at(i - 1), self.at(i + 1)
        if (
            after.tag not in ("BE",)
            and before.tag != "BE"
            and after.norm not in ("rains", "snows", "rained", "snowed", "takes", "took", "seems")
            and not (after.tag == "MODAL" and self.at(i + 2).norm in ("be", "rain", "snow"))
        ):
            return False
        told = read_number(self.tokens, i + (1 if before.tag == "BE" else 2), self.finder) if i + 2 < len(self.tokens) else None
        if told is not None and told.is_clock:
            return True
        rest = [t.norm for t in self.tokens[i + 1 :]]
        rest += [t.lemma for t in self.tokens[i + 1 : i + 3]]
        if any(w in tables().weather_and_time_words or w.isdigit() and len(w) < 3 for w in rest[:5] + rest[-2:]):
            return True
        if "BE" in (before.tag, after.tag) and any(t.norm in ("time", "day", "far", "date") for t in self.tokens[:i]):
            return True
        k = next((k for k, t in enumerate(self.tokens[i + 1 :], i + 1) if t.tag == "ADJ"), -1)
        return 0 < k <= i + 4 and (self.at(k + 1).norm in ("to", "that", "for") or after.norm in ("rains", "snows", "rained", "snowed"))

    def _tag_poss(self, i: int) -> int:
        return self.add(i, i + 1, (self.finder.index(POSSESSIVES[self.tokens[i].norm]),), "possessive", role="poss")

    def _tag_refl(self, i: int) -> int:
        return self.add(i, i + 1, (self.finder.index(REFLEXIVES[self.tokens[i].norm]),), "reflexive", role="pron")

    def _tag_gen(self, i: int) -> int:
        owner = self.at(i - 1)
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
        return self.add(
            i,
            i + 1,
            (gloss,),
            "demonstrative" if found else "demonstrative: pointing",
            role="dem" if self.at(i + 1).tag in ("NOUN", "ADJ", "NUM", "ONE") else "pron",
        )

    def _time_word_applies(self, i: int) -> bool:
        return self.at(i + 1).group == self.tokens[i].group and self.finder.first("TODAY", "NOW") is not None

    def _tag_be(self, i: int) -> int:
        if (
            self.tokens[i].norm == "be"
            and self.at(i - 1).norm == "to"
            and self.at(i - 2).lemma in _BECOME
            and self.at(i + 1).tag in ("DET", "NOUN")
            and (gloss := self.finder.first("BECOME"))
        ):
            return self.add(i, i + 1, (gloss,), "'want to be': BECOME", role="verb")
        place = self.at(i + 2)
        if self.tokens[i].norm == "been" and self.at(i + 1).tag == "TO" and place.tag not in ("VERB", "BE") and (gloss := self.finder.first("TOUCH", "GO")):
            self.flush_finish()
            return self.add(i, i + 1, (gloss,), f"'been to': {gloss}", role="verb")
        helper = any(t.form in ("ing", "en", "ed") for t in self.tokens[i + 1 : i + 3])
        return self.drop(i, "helper verb: not signed" if helper else "copula: not signed")

    def _tag_do(self, i: int) -> int:
        return self.drop(i, "helper verb: not signed")

    def _tag_to(self, i: int) -> int:
        return self.drop(
            i, "infinitive 'to': not signed" if self.at(i + 1).tag in ("VERB", "BE", "HAVE") else "direction: carried by the verb"
        )

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
        if token.norm == "so" and not (gloss := self.finder.first("THEREFORE", "SO")):
            return self.drop(i, "'so': the order of the clauses says it")
        if token.norm == "so" and i == 0 and self.clause.opener == "" and token.index == 0:
            return self.drop(i, "opening word: not signed")
        if token.norm == "so" and gloss:
            return self.add(i, i + 1, (gloss,), "result", role="conj")
        found = self.finder.word(token.norm) or self.finder.near(token.norm)
        return self.found(i, i + 1, found, "conj") if found else self.spelled(i, f"'{token.norm}' is fingerspelled in ASL", 0.8, "conj")

    def _tag_sub(self, i: int) -> int:
        word = self.tokens[i].norm
        if self.clause.type == "topic" and word in ("when", "whenever", "while", "once"):
            return self.drop(i, "time clause: shown by raised brows and its place in front")
        if self.clause.type == "topic" and word == "after" and (gloss := self.finder.first("FINISH")):
            self.clause.opener = "after"
            self.units.append(Unit(gloss, "lexical", "after", self.words(i, i + 1), self.tokens[i].index, "after-clause: FINISH"))
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
        while (
            self.at(k).tag in ("ADV", "NEG", "INTJ")
            or k == i + 1
            and self.at(k).norm in SUBJECTS
            or self.at(k).tag == "NOUN"
            and self.clause.type in ("yes_no", "wh")
            and k < i + 3
            or self.at(k).tag in ("DET", "POSS")
            and self.clause.type == "yes_no"
            and i == 0
        ):
            k += 1
        participle = self.at(k)
        if participle.norm == "better" and token.norm in ("had", "would"):
            return self.drop(i, "helper verb: not signed")
        if participle.norm == "got":
            return self.drop(i, "helper verb: not signed")
        if participle.form in ("ed", "en") or participle.pos in ("VVN", "VVD", "VBN", "VDN") or participle.norm == "had":
            negated = any(t.tag == "NEG" for t in self.tokens[i : k + 3])
            if participle.norm == "been" and self.at(k + 1).form == "ing":
                self.continuing = 1
            elif self.at(i - 1).tag == "MODAL" or self.at(i - 1).tag == "NEG" and self.at(i - 2).tag == "MODAL":
                return self.drop(i, "helper verb: not signed")
            elif self._lasts(k):
                return self.drop(i, "perfect of what still lasts: the time says it")
            elif not negated and (participle.norm != "been" or self.at(k + 1).tag == "TO" and self.at(k + 2).tag != "VERB"):
                self.set_finish(i)
                return 1
            return self.drop(i, "helper verb: not signed")
        self.flush_finish()
        if self.at(i + 1).tag == "NEG" or any(t.tag == "NEG" and t.norm == "no" for t in self.tokens[i + 1 : i + 2]):
            return self.gloss_or_spell(i, "lexicon", "HAVE", role="have")
        return self.gloss_or_spell(i, "lexicon", "HAVE", role="have" if self.units and self.units[-1].role == "neg" else "verb")

    def _lasts(self, k: int) -> bool:
        """Whether behind token k `since` or `for` with a stretch of time says that the perfect goes on until now."""
        rest = self.tokens[k + 1 :]
        return any(
            t.norm == "since" or t.norm == "for" and any(x.norm.rstrip("s") in UNITS or x.norm in ("time", "long") for x in rest[n + 1 : n + 4])
            for n, t in enumerate(rest)
        )

    def _tag_modal(self, i: int) -> int:
        token = self.tokens[i]
        word = token.norm
        ahead = [t for t in self.tokens[i + 1 : i + 4] if t.tag not in ("PRON", "ADV", "NEG")]
        if word in ("can", "could"):
            return self.gloss_or_spell(i, f"'{word}'", "CAN", role="modal")
        if word == "would":
            if ahead and ahead[0].norm in ("like", "love"):
                ahead[0].norm, ahead[0].lemma, ahead[0].tag, ahead[0].form = "want", "want", "VERB", "base"
                ahead[0].sense = None
                return self.drop(i, "'would like': WANT")
            return self.drop(i, "helper verb: not signed")
        if word in ("may", "might"):
            if self.clause.type == "yes_no" and word == "may":
                return self.gloss_or_spell(i, "permission: CAN", "CAN", role="modal")
            found = self.sense(token) or self.finder.near("might")
            return self.found(i, i + 1, found, "modal") if found else self.spelled(i, "modal verb", 0.6, "modal")
        if word in ("will", "shall"):
            if self.at(i + 1).norm == "not" and (gloss := self.finder.first("WONT", "WILL-NOT", "REFUSE")):
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
        after, second = self.at(i + 1), self.at(i + 2)
        between = 1 if after.tag == "TO" and second.tag == "ADV" else 0
        if between and token.norm == "going" and verb_form(self.at(i + 3).norm)[1] == "base":
            return self._future(i, i + 2)
        if (
            token.norm == "going"
            and after.tag == "TO"
            and (second.tag in ("VERB", "BE", "HAVE", "DO") or verb_form(second.norm)[1] == "base")
            and second.norm not in t.not_verbs_after_going_to
        ):
            return self._future(i, i + 2)
        if token.norm == "got" and self.at(i - 1).tag == "HAVE" and self.finder.has("HAVE"):
            return self.gloss_or_spell(i, "'have got': HAVE", "HAVE", role="verb")
        if token.lemma == "get" and after.norm in ("home", "here", "there") and self.finder.has("ARRIVE"):
            return self.gloss_or_spell(i, f"'get {after.norm}': ARRIVE", "ARRIVE", role="verb")
        if token.norm in ("feel", "feels") and after.tag == "PREP" and after.norm == "like":
            return self.add(i, i + 2, (self.finder.first("WANT", "FEEL") or "fs-FEEL",), "'feel like'", role="verb")
        if token.lemma == "do" and not self.finder.word("do"):
            # lexicalised fingerspelling, repeated in "what are you doing" (Battison 1978)
            return self.add(i, i + 1, (self.finder.first("DO", "DO-DO") or "#DO",), "main verb do", role="verb")
        return self.content(i)

    def _tag_neg(self, i: int) -> int:
        token, last = self.tokens[i], self.units[-1] if self.units else None
        if token.norm == "never":
            return self.gloss_or_spell(i, "negation", "NEVER", "NOT", role="neg")
        if token.norm == "no" and not self.at(i + 1).norm and last is not None and last.role == "verb":
            return self.gloss_or_spell(i, "'no' as what is said", "NO", role="other")
        if token.norm == "no":
            return self.gloss_or_spell(i, "no + noun: NONE after it", "NONE", "NO", role="none")
        if last is not None and last.gloss_id == "CAN" and (gloss := self.finder.first("CANT", "CAN-NOT")):
            last.become(gloss, "'can not'", "neg", negative=True)
            last.words = tuple(dict.fromkeys(last.words + self.words(i, i + 1)))
            return 1
        return self.gloss_or_spell(
            i, "negation", *(("DONT",) if self.clause.type == "command" and self.finder.has("DONT") else ()), "NOT", role="neg"
        )

    def _tag_wh(self, i: int) -> int:
        token, after = self.tokens[i], self.at(i + 1)
        if self.clause.opener in ("when", "whenever") and token.norm == self.clause.opener and self.clause.type == "topic":
            return self.drop(i, "time clause: shown by raised brows and its place in front")
        if (
            token.norm in ("what", "how")
            and self.clause.type not in ("wh", "yes_no")
            and (after.norm in ("a", "an") or token.norm == "how" and after.tag == "ADJ" and not self.clause.embedded_wh)
        ):
            self.emphasis = "mild"
            return self.drop(i, "exclamation: shown by a stronger sign")
        if token.norm == "how" and after.norm in ("many", "much"):
            return self.gloss_or_spell(
                i, "question word", "HOW-MANY" if after.norm == "many" else "HOW-MUCH", "HOW-MANY", "HOW-MUCH", role="wh", end=i + 2
            )
        if token.norm == "whose":
            return self.gloss_or_spell(i, "question word", "WHOSE", "WHO", role="wh")
        return self.gloss_or_spell(i, "question word", "WHO" if token.norm == "whom" else token.norm.upper(), role="wh")

    def _tag_prep(self, i: int) -> int:
        token, before, after, t = self.tokens[i], self.at(i - 1), self.at(i + 1), tables()
        if i < 2 and self.clause.type == "topic" and [x.norm for x in self.tokens[:2]] == ["as", "for"]:
            return self.drop(i, "'as for': place and face make the topic")
        if token.norm in t.prepositions_never_signed:
            return self.drop(i, f"preposition '{token.norm}': carried by order and place")
        if chosen := self.sense(token):
            return self.found(i, i + 1, chosen, "prep")
        if token.norm == "like":
            found = self.finder.first("SAME", "LIKE-SAME") and Found(
                (self.finder.first("SAME") or "LIKE-SAME",), "'like' of a comparison: SAME", 0.8
            )
            return self.found(i, i + 1, found, "prep") if found else self.drop(i, "preposition 'like': no sign")
        if token.norm in ("in", "on") and (after.tag == "NAME" or before.tag == "VERB" and before.lemma in _LOCAL_VERBS):
            return self.drop(i, "place: named right after the verb")
        found = self.finder.word(token.norm) or (self.finder.near(token.norm) if token.norm != "since" else None)
        particle = (
            before.tag == "VERB"
            and token.norm in t.prepositions_shown_in_space
            and (not after.norm or bool(token.post) or after.tag in ("PREP", "TO", "CONJ", "ADV", "SUB") or after.group > 0)
        )
        if (
            particle
            and (found is None or token.norm in ("up", "down"))
            or particle
            and before.lemma in ("come", "go")
            and token.norm in ("on", "in", "over")
        ):
            return self.drop(i, "particle of the verb")
        if found:
            return self.found(i, i + 1, found, "prep")
        if token.norm in t.prepositions_shown_in_space or token.norm == "for":
            return self.drop(i, "preposition: shown by the place of the signs")
        return self.spelled(i, "no sign in the lexicon: fingerspelled", 0.5, "prep")

    def _tag_num(self, i: int) -> int:
        """A number word that is none by itself: "million" behind "half a"."""
        return self.gloss_or_spell(i, "number word", self.tokens[i].norm.upper(), role="num")

    def _tag_name(self, i: int) -> int:
        token, t = self.tokens[i], tables()
        if token.norm in t.proper_words_with_signs and (found := self.finder.word(token.norm)):
            return self.found(i, i + 1, found, "name")
        told = self.at(i - 1).tag == "BE" or token.kind == "web"
        return self.spelled(i, "name: fingerspelled" if token.kind != "web" else "address: fingerspelled", 1.0 if told else 0.9, "name")

    def _tag_intj(self, i: int) -> int:
        token = self.tokens[i]
        if token.norm in ("ok", "okay"):
            return self.add(i, i + 1, ("#OK",), "loan sign", role="intj")
        found = self.finder.token(token)
        if (
            found is None
            and token.norm in ("well", "wow", "oops", "sure", "right", "cool", "great", "exactly", "absolutely")
            and len(self.tokens) > 1
        ):
            return self.drop(i, "opening word: carried by the face")
        if found is None and token.norm == "well" and len(self.tokens) == 1:
            return self.drop(i, "opening word: carried by the face")
        return self.found(i, i + 1, found, "intj") if found else self.spelled(i, "no sign in the lexicon: fingerspelled", 0.5, "intj")
