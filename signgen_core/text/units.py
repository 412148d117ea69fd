"""Signs on their way to glosses, and the reader of a clause that makes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from .clauses import Clause
from .lookup import Finder, Found, kind_of
from .segmentation import Token, token_at
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
    gaze: str = "viewer"
    before: str = ""  # the word before it in the text
    predicate: bool = False  # behind a copula
    topic: bool = False

    def become(self, gloss_id: str, why: str, role: str = "", *, negative: bool = False) -> None:
        """Turn into another sign of the lexicon, keeping the words."""
        self.gloss_id, self.why, self.kind = gloss_id, why, "lexical"
        self.confidence = 1.0
        self.role = role or self.role
        self.negative = self.negative or negative


ROLES = {
    "VERB": "verb",
    "ADJ": "adj",
    "NOUN": "noun",
    "NAME": "name",
    "NUM": "num",
    "PREP": "prep",
    "INTJ": "intj",
    "WH": "wh",
    "ADV": "adv",
    "DEM": "dem",
    "MODAL": "modal",
    "HAVE": "verb",
    "NEG": "neg",
}


class ClauseReader(ABC):
    """What reading a clause token by token needs: the tokens, the units made so far, and what waits for the next sign.

    Methods that read tokens return how many they have read.
    """

    def __init__(self, clause: Clause, finder: Finder) -> None:
        self.clause, self.tokens, self.finder = clause, clause.tokens, finder
        self.units: list[Unit] = []
        self.emphasis = "none"
        self.finish_words: tuple[str, ...] = ()
        self.finish_index = -1
        self.become: tuple[str, ...] = ()
        self.continuing = 0
        self.particles: dict[int, Unit] = {}  # token of a particle -> sign of its verb

    def at(self, i: int) -> Token:
        return token_at(self.tokens, i)

    def words(self, start: int, end: int) -> tuple[str, ...]:
        """Words as written of tokens start to end, each once: the pieces of a contraction share one."""
        return tuple(dict((t.index, t.text) for t in self.tokens[start:end]).values())

    def drop(self, i: int, why: str, end: int | None = None) -> int:
        """Note the words from i to end as unsigned; returns how many tokens that is."""
        end = i + 1 if end is None else end
        for k in range(i, end):
            token = self.tokens[k]
            text = token.text
            if token.index in (self.at(k - 1).index, self.at(k + 1).index):
                text = f"{token.text} ({token.norm})" if token.norm not in ("'s",) else token.text
            self.clause.dropped.append((text, why))
        return end - i

    def add(
        self,
        i: int,
        end: int,
        ids: tuple[str, ...],
        why: str,
        confidence: float = 1.0,
        role: str = "",
        repeats: int = 0,
        negative: bool = False,
    ) -> int:
        token = self.tokens[i]
        last = self.units[-1] if self.units else None
        if last is not None and confidence < 1.0 and ids == (last.gloss_id,) and last.kind == "lexical":
            last.words += self.words(i, end)
            return end - i
        for gloss in ids:
            unit = Unit(
                gloss_id=gloss, kind=kind_of(gloss, self.finder.lexicon), role=role or ROLES.get(token.tag, "other"), words=self.words(i, end),
                index=token.index, why=why, confidence=confidence, group=token.group, tag=token.tag, lemma=token.lemma,
                repeats=repeats, negative=negative, before=self.at(i - 1).norm,
                predicate=any(t.tag == "BE" for t in self.tokens[1:i]),
            )  # fmt: skip
            if token.group:
                unit.role = "time"
            if unit.role in ("verb", "adj", "noun", "adv", "modal", "intj") and self.emphasis != "none":
                unit.emphasis, self.emphasis = self.emphasis, "none"
            self.units.append(unit)
        return end - i

    def sense(self, token: Token) -> Found | None:
        """The sign of the meaning that was chosen for a word of several meanings: the first that there is, letters where the meaning has no sign."""
        choice = token.sense
        for gloss in choice.glosses if choice is not None else ():
            if gloss == "spell":
                ids = self.finder.spell(token.lemma if token.lemma.isalpha() else token.norm)
                return Found(ids, f"{choice.why}: fingerspelled", choice.score) if ids and choice is not None else None
            if choice is not None and (self.finder.has(gloss) or gloss.startswith("#")):
                return Found((gloss,), choice.why, choice.score)
        return None

    def found(self, i: int, end: int, found: Found, role: str = "") -> int:
        return self.add(i, end, found.ids, found.why, found.confidence, role)

    def spelled(self, i: int, why: str, confidence: float, role: str = "") -> int:
        """Fingerspell token i, or drop it with a reason if it cannot be spelled."""
        ids = self.finder.spell(
            self.tokens[i].norm if self.tokens[i].text != self.tokens[i].norm and "'" in self.tokens[i].text else self.tokens[i].text
        )
        if not ids:
            return self.drop(i, "too long to fingerspell")
        return self.add(i, i + 1, ids, why, confidence, role)

    def gloss_or_spell(self, i: int, why: str, *ids: str, role: str = "", end: int | None = None) -> int:
        """The first of the ids that has a sign, else the last one spelled."""
        known = self.finder.first(*ids)
        gloss = known or f"fs-{ids[0].replace('-', '')}"
        return self.add(i, end or i + 1, (gloss,), why if known else f"{why}; no sign: fingerspelled", 1.0 if known else 0.6, role)

    def set_finish(self, i: int) -> None:
        self.finish_words, self.finish_index = (
            self.finish_words + self.words(i, i + 1),
            self.tokens[i].index if self.finish_index < 0 else self.finish_index,
        )

    def flush_finish(self) -> None:
        if self.finish_words:
            gloss = self.finder.first("FINISH", "ALREADY")
            if gloss:
                self.units.append(Unit(gloss, "lexical", "finish", self.finish_words, self.finish_index, "perfect: completed before now"))
            else:
                self.clause.dropped += [(w, "perfect: no sign FINISH") for w in self.finish_words]
            self.finish_words = ()

    def intensify(self, i: int) -> int:
        self.emphasis = (
            "strong"
            if self.emphasis == "mild" or self.tokens[i].norm in ("extremely", "incredibly", "totally", "absolutely", "too")
            else "mild"
        )
        return self.drop(i, "degree: shown by a stronger sign")

    def counted(self) -> bool:
        return bool(self.units) and (
            self.units[-1].role == "num" or self.units[-1].gloss_id in ("MANY", "SOME", "FEW", "MORE", "ALL", "HOW-MANY")
        )

    @abstractmethod
    def content(self, i: int) -> int:
        """Read a noun, verb, adjective or adverb. The subclass that looks words up says how."""
