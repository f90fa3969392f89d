"""Rules for where the person lives, lived, comes from, moved to."""

from __future__ import annotations

from shared.models.rules.guards import is_technical, is_transient, is_undated
from shared.models.rules.rule import rule

_PLACE = (
    r"(?:in|at|near|on|outside|by|just|next to|close to|between|abroad|alone|with|across|close|up|down"
    r"|within|here in) ?"
)
_IDIOM = (
    r"(?!(?:fear|hope|a (?:bubble|dream|democracy|loop|world|castle|palace|cloud)|the (?:past|moment|cloud"
    r"|clouds|future|game)|denial|peace|this|that)\b)"
)

HOME_RULES = (
    rule(
        "lives",
        "beliefs",
        "i live | i reside",
        rf"i (?:live|reside) {_PLACE}{_IDIOM}(?=\S)",
        is_technical,
        confidence=0.95,
    ),
    rule(
        "is living",
        "beliefs",
        "i am",
        rf"i am (?:living|based|residing|located|settled) {_PLACE}{_IDIOM}\S",
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "living",
        "beliefs",
        "i live | i am",
        r"i (?:live|am living) [\w-]+ (?:in|near) \S",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "has lived",
        "beliefs",
        "i have",
        rf"i have (?:always |been )?(?:lived?|living|based) {_PLACE}{_IDIOM}\S",
        is_technical,
        confidence=0.9,
    ),
    rule(
        "lived",
        "beliefs",
        "i lived | i used | i spent",
        rf"i (?:lived|used to live|spent (?:\w+ ){{1,3}}(?:years|months) (?:living )?) ?{_PLACE}{_IDIOM}\S",
        is_technical,
        confidence=0.85,
    ),
    rule(
        "comes from",
        "beliefs",
        "i am | i come | i hail",
        r"i (?:am|come|hail) (?:originally )?from (?!(?:the (?:future|past|it|marketing|company|team)|an?"
        r"|here|your|my)(?![\w'-]))\S",
        is_technical,
        confidence=0.9,
    ),
    rule(
        "from a place",
        "beliefs",
        "i am | i come",
        r"i (?:am|come) from a (?:small|tiny|big|little|working|large|poor|rich|rural|farming|military"
        r"|village|town|long|family)\b",
        confidence=0.85,
    ),
    rule(
        "grew up",
        "beliefs",
        "i grew | i was",
        r"i (?:grew up|was (?:raised|brought up)) (?:in|on|near|outside|with|by|between|as|speaking)\b",
        confidence=0.9,
    ),
    rule(
        "born in",
        "beliefs",
        "i was",
        r"i was born (?:and (?:raised|bred) )?(?:in|at|near|to) (?!(?:19|20)\d\d\s*[,.]?$)[a-z]",
        confidence=0.95,
    ),
    rule(
        "home town",
        "beliefs",
        "my hometown | my home",
        r"my (?:hometown|home ?(?:town|country|city|village)|home) is (?!(?:where|on fire|too"
        r"|not)(?![\w'-]))\S",
        confidence=0.9,
    ),
    rule(
        "moving",
        "dates",
        "i am | i move | i will",
        r"i (?:am|will be|will|am going to be) ?(?:moving|move|relocating|emigrating) (?:back |over "
        r"|out )?(?:to|from|into) (?!(?:the next|another (?:page|file)|a new (?:page|file))(?![\w'-]))\S",
        is_undated,
        is_technical,
        time="event",
    ),
    rule(
        "moved",
        "beliefs",
        "i moved | i relocated | i emigrated | i immigrated | i have",
        r"i (?:have )?(?:moved|relocated|emigrated|immigrated) (?:back |over |out |away |here "
        r"|house )?(?:to|from|into|in) (?!(?:the (?:next|new|other|second|dev|main|following)"
        r"|a (?:new )?(?:index|file|branch|version|server|framework|folder)|using|this|that"
        r"|step)(?![\w'-]))\S",
        is_technical,
        confidence=0.9,
        time="change",
    ),
    rule(
        "citizenship",
        "beliefs",
        "i applied | i have | i got | i became | i hold",
        r"i (?:have )?(?:applied for|got|gained|became|been granted|hold) (?:an? "
        r"|my )?\w+ (?:citizenship|citizen|residency|residence permit|passport)\b",
        is_technical,
        time="change",
    ),
)
