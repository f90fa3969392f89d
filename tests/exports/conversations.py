"""One generated conversation as its export holds it, and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.exports import plants
from tests.exports.plants import Planter
from tests.exports.script import Plan, Turn, draw_turns
from tests.exports.tree import Json, Tree, custom_instructions, multimodal, uuid4
from tests.exports.truth import Ghost, GhostKind, Planted
from tests.exports.words import SCOPES, TOPICS, explanation, question

LEFT_OUT_SHARE = 0.01
EMPTY_SHARE = 0.005
INSTRUCTIONS_SHARE = 0.1
MULTIMODAL_SHARE = 0.02
INVERTED_SHARE = 0.05
MISSING_TIME_SHARE = 0.03
STRING_TIME_SHARE = 0.01
NO_CURRENT_NODE_SHARE = 0.02
HOUR = 3600.0


@dataclass(slots=True)
class Built:
    """A conversation and its truth. Messages and characters are those on the visible path."""

    payload: Json = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)
    ghosts: list[Ghost] = field(default_factory=list)
    messages: int = 0
    characters: int = 0
    person_characters: int = 0
    left_out: bool = False
    empty: bool = False
    instructed: bool = False


def build(plan: Plan) -> Built:
    """Build the conversation of `plan`."""
    return _Builder(plan).build()


class _Builder:
    """Grows the tree of one conversation. What is said and what ids it gets are drawn apart, so an older
    version shares both with the newer one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = Random(plan.seed)
        self.ids = Random(f"{plan.seed}:ids")
        self.planter = Planter(self.rng, plan.number)
        self.clock = plan.created_at
        self.conversation_id = uuid4(self.ids)
        self.tree = Tree(self.ids, plan.lean)
        self.leaf = self.tree.root
        self.built = Built()

    def build(self) -> Built:
        plan, built = self.plan, self.built
        built.left_out = self._odds(LEFT_OUT_SHARE)
        ordinary = not (plan.long_person or plan.long_answer or built.left_out)
        built.empty = ordinary and self._odds(EMPTY_SHARE)
        ghosts: list[tuple[str, GhostKind]] = []
        turns = [] if built.empty else draw_turns(plan, self.rng, self.planter, ghosts)
        if turns and plan.instructions and self._odds(INSTRUCTIONS_SHARE):
            self._add("user", custom_instructions(*plan.instructions), hidden=True)
            built.instructed = True
        for turn in turns:
            self._grow(turn)
        updated_at = self.clock
        if plan.older:
            updated_at = plan.created_at
            if turns and not built.left_out:
                ghosts.append((self._forgotten_turn(), GhostKind.OLDER_VERSION))
        if built.left_out:
            ghosts = [(marker, GhostKind.LEFT_OUT) for marker, _ in ghosts]
            built.ghosts = [Ghost(planted.marker, GhostKind.LEFT_OUT) for planted in built.planted]
            built.planted = []
        built.ghosts += [Ghost(marker, kind) for marker, kind in ghosts]
        linear = turns and not any(turn.beside for turn in turns)
        built.payload = self._wrap(updated_at, loose=bool(linear) and self._odds(NO_CURRENT_NODE_SHARE))
        return built

    def _grow(self, turn: Turn) -> None:
        """Append the nodes of `turn` and count what is visible."""
        for sentence in turn.ghosts_beside(GhostKind.HIDDEN):
            role = self.rng.choice(("user", "system"))
            self._add(role, _text(sentence), hidden=True)
        for sentence in turn.ghosts_beside(GhostKind.EDITED_PROMPT):
            self._abandon_prompt(sentence)
        said = turn.said
        person = self._add(
            "user", multimodal(self.ids, said) if self._odds(MULTIMODAL_SHARE) else _text(said)
        )
        self._run_unseen(turn)
        for sentence in turn.ghosts_beside(GhostKind.REGENERATED_ANSWER):
            self._abandon_answer(sentence)
        if turn.answer:
            self._add("assistant", _text(turn.answer))
        built = self.built
        built.planted += [
            Planted(marker, sentence, self.conversation_id, person) for marker, sentence in turn.facts
        ]
        built.messages += 1 + bool(turn.answer)
        built.characters += len(said) + len(turn.answer)
        built.person_characters += len(said)

    def _run_unseen(self, turn: Turn) -> None:
        """What runs unseen between a prompt and its answer: reasoning, tools, the memory tool."""
        for sentence in turn.ghosts_beside(GhostKind.REASONING):
            thoughts = [{"summary": "Planning", "content": sentence}]
            self._add("assistant", {"content_type": "thoughts", "thoughts": thoughts})
        for sentence in turn.ghosts_beside(GhostKind.TOOL):
            call = {"content_type": "code", "language": "unknown", "text": "search('notes')"}
            self._add("assistant", call, recipient="browser")
            quote = {"content_type": "tether_quote", "title": "A page", "text": sentence}
            self._add("tool", self.rng.choice((_text(sentence), quote)), name="browser")
        for sentence in turn.ghosts_beside(GhostKind.BIO):
            self._add("assistant", _text(sentence), recipient="bio")
            self._add("tool", _text("Model set context updated."), name="bio")

    def _abandon_prompt(self, sentence: str) -> None:
        """A prompt that was edited; its answer may be newer than everything on the visible path."""
        prompt = f"{question(self.rng)} {sentence}"
        node = self.tree.add(self.leaf, "user", _text(prompt), self._time())
        at = self._time() if self.rng.random() < 0.5 else self.clock + 24 * HOUR
        self.tree.add(node, "assistant", _text(explanation(self.rng, 200)), at)

    def _abandon_answer(self, sentence: str) -> None:
        """An answer that was regenerated; of half of them the person had gone on before."""
        if self.rng.random() < 0.5:
            self.tree.add(self.leaf, "assistant", _text(f"As you said: {sentence}"), self._time())
            return
        node = self.tree.add(self.leaf, "assistant", _text(explanation(self.rng, 200)), self._time())
        self.tree.add(node, "user", _text(f"{sentence} {question(self.rng)}"), self._time())

    def _forgotten_turn(self) -> str:
        """The last turn of an older version; returns its marker."""
        marker, sentence = self.planter.plant(plants.FACTS)
        self._add("user", _text(f"{sentence} {question(self.rng)}"))
        self._add("assistant", _text(explanation(self.rng, 200)))
        return marker

    def _wrap(self, updated_at: float, loose: bool) -> Json:
        """The conversation object; without `current_node` if `loose`."""
        plan = self.plan
        created: float | str = str(plan.created_at) if self._odds(STRING_TIME_SHARE) else plan.created_at
        payload: dict[str, Any] = {
            "title": f"{self.rng.choice(TOPICS)} {self.rng.choice(SCOPES)}".capitalize(),
            "create_time": created,
            "update_time": updated_at,
            "mapping": self.tree.mapping,
        }
        if not loose:
            payload["current_node"] = self.leaf
        if not plan.lean:
            payload |= {
                "moderation_results": [],
                "plugin_ids": None,
                "conversation_id": self.conversation_id,
                "conversation_template_id": None,
                "gizmo_id": None,
                "is_archived": False,
                "safe_urls": [],
                "default_model_slug": "gpt-4o",
                "voice": None,
                "async_status": None,
                "is_do_not_remember": self.built.left_out,
            }
        elif self.built.left_out:
            payload["is_do_not_remember"] = True
        return payload | {"id": self.conversation_id}

    def _add(
        self,
        role: str,
        content: Json,
        *,
        recipient: str = "all",
        hidden: bool = False,
        name: str | None = None,
    ) -> str:
        """Append a message to the visible path's chain; returns its id."""
        self.leaf = self.tree.add(
            self.leaf, role, content, self._time(), recipient=recipient, hidden=hidden, name=name
        )
        return self.leaf

    def _time(self) -> float | None:
        """The next message's time: later than the last one's, seldom an hour earlier or unknown."""
        self.clock = round(self.clock + self.rng.uniform(4.0, 180.0), 6)
        if self._odds(INVERTED_SHARE):
            return self.clock - HOUR
        return None if self._odds(MISSING_TIME_SHARE) else self.clock

    def _odds(self, share: float) -> bool:
        return self.rng.random() < share


def _text(text: str) -> Json:
    return {"content_type": "text", "parts": [text]}
