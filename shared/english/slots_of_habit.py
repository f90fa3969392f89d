"""Slots of habit: diet, tools, favourites, likings, and how answers are wanted."""

from __future__ import annotations

from collections.abc import Callable

from shared.english import names
from shared.english.slots import TOUGH, ClaimRule, Tail


def _tool(kind: str) -> Callable[[str], bool]:
    return names.TOOL_KINDS[kind].__contains__


def _tongue(value: str) -> bool:
    return value in names.NATURAL_LANGUAGES


def _tools(kind: str, words: str, use_resistance: int) -> list[ClaimRule]:
    matter, accepts = f"slot:{kind}", _tool(kind)
    main = "(?:main|primary|preferred|default|daily|go-to|everyday|new)"
    return [
        ClaimRule(
            "main",
            matter,
            words,
            rf"my {main}? ?(?:programming |coding |text |code |operating |note-taking |web )?"
            rf"(?:{words.replace(' ', '|')})(?: app| system| of choice)? is (?P<v><THING>)<STOP>",
            accepts,
        ),
        ClaimRule(
            "main", matter, "main primary default daily", rf"(?P<v><THING>) is my {main} [\w -]+", accepts
        ),
        ClaimRule(
            "main",
            matter,
            "mainly mostly primarily",
            r"I (?:mainly|mostly|primarily) (?:uses?|codes? in|programs? in|"
            r"writes?(?: in)?|works? (?:in|with)|runs?) (?P<v><THING>)<STOP>",
            accepts,
        ),
        ClaimRule(
            "switch",
            matter,
            "switched moved migrated converted changed went",
            r"I (?:have |has )?(?:switched|moved|migrated|"
            r"converted|changed|went)(?: over| back)?(?: (?:away )?from "
            r"(?P<left><THING>))? (?:over )?to (?:using )?"
            r"(?P<v><THING>)<STOP>",
            accepts,
        ),
        ClaimRule(
            "use",
            matter,
            "use uses using run runs code codes program programs write writes develop develops",
            r"I (?:am )?(?:"
            r"uses?|using|runs?|running|codes? in|programs? in|writes?|develops? in) (?P<v><THING>)<STOP>",
            accepts,
            strength=0,
            resistance=use_resistance,
        ),
        ClaimRule(
            "stop",
            matter,
            "stopped longer quit gave ditched dropped abandoned",
            r"I (?:have |has )?(?:stopped using|no longer "
            r"uses?|quit|gave up|given up|ditched|dropped|abandoned) (?:on )?(?P<v><THING>)<STOP>",
            accepts,
            negates=True,
            strength=TOUGH,
        ),
    ]


def _diets() -> list[ClaimRule]:
    animal = "(?P<v>vegan|vegetarian|pescatarian|pescetarian|flexitarian|omnivore|carnivore)"
    other = "(?P<k>keto|ketogenic|paleo|(?:gluten|dairy|sugar)[- ]free|low[- ]carb|halal|kosher)"
    rules: list[ClaimRule] = []
    for matter, what, value in (("slot:diet", animal, None), ("slot:diet:{k}", other, "yes")):
        words = (
            "vegan vegetarian pescatarian pescetarian flexitarian omnivore carnivore"
            if value is None
            else ("keto ketogenic paleo gluten-free dairy-free low-carb sugar-free halal kosher gluten dairy")
        )
        rules += [
            ClaimRule(
                "stop",
                matter,
                words,
                rf"I (?:have |has )?(?:stopped (?:being|eating|following|doing)|(?:am|was) no longer|am"
                rf" not|used to be|"
                rf"quit(?: being)?|gave up(?: on)?(?: being)?|given up|dropped|no longer (?:eats?|follows?))"
                rf"(?: an?| the| my)?(?: strict)? {what}(?: diet)?<END>",
                value=value,
                negates=True,
                strength=TOUGH,
            ),
            ClaimRule(
                "be",
                matter,
                words,
                rf"I (?:am|became|have become|have been|went|turned|have gone|eats?|follows?|am on|am eating|"
                rf"started)(?: back)?(?: eating| being| following| to)?(?: an?|"
                rf" the)?(?: strict| fully)? {what}(?: diet)?<END>",
                value=value,
                tail=Tail.FREE,
            ),
        ]
    rules.append(
        ClaimRule(
            "be",
            "slot:diet",
            "meat",
            r"I (?:eats?|am eating|started eating|have started eating|went back to eating) "
            r"meat(?: again)<END>",
            value="omnivore",
            tail=Tail.FREE,
        )
    )
    for value, words in (
        ("vegan|vegetarian", "fish|seafood|salmon|tuna|chicken|meat"),
        ("vegan", "cheese|eggs|dairy|butter|milk|yoghurt|yogurt"),
    ):
        rules.append(
            ClaimRule(
                "eats",
                "slot:diet",
                words.replace("|", " "),
                rf"I (?:have )?(?:(?:eats?|eating|am eating|started eating|went back to eating|began"
                rf" eating)(?: some)?"
                rf" (?:\w+ and )?(?:{words})\b(?=.* again\b|$| now\b)|(?:eats?|am eating) (?:{words}) again)",
                value=value,
                negates=True,
                strength=TOUGH,
                tail=Tail.FREE,
            )
        )
    return rules


def _answers() -> list[ClaimRule]:
    ask = r"(?:I (?:wants?|prefers?|would like|expects?) (?:you to )?(?:be )?)?(?:please )?(?:always |only )?"
    answer = (
        r"(?:answers?|answered|replies|reply|responds?|responses?|write|speak"
        r"|talk|communicate)(?: to)?(?: me)?"
    )
    short, long_ = (
        "(?:short|brief|concise|succinct|terse)",
        "(?:long|detailed|thorough|in-depth|comprehensive)",
    )
    rules = [
        ClaimRule(
            "answer",
            "slot:answer-language",
            "in",
            rf"{ask}{answer}(?: only| always| to be)? in (?P<v><THING>)<STOP>",
            _tongue,
        ),
        ClaimRule("style", "slot:answer-style", "style", rf"{ask}{answer} in the style of (?P<v>.+)"),
        ClaimRule("style", "slot:answer-style", "like", rf"{ask}{answer} like (?P<v>an? .+)"),
    ]
    for value, words in (("short", short), ("long", long_)):
        triggers = words[3:-1].replace("|", " ")
        rules += [
            ClaimRule(
                "length",
                "slot:answer-length",
                triggers,
                rf"{ask}(?:keep|make) (?:your |the |all |all your )?(?:answers|replies|"
                rf"responses) (?:very )?{words}<END>",
                value=value,
            ),
            ClaimRule(
                "length",
                "slot:answer-length",
                triggers,
                rf"{ask}(?:give |write )?(?:me )?(?:very )?{words} (?:answers|replies|"
                rf"responses|explanations)<END>",
                value=value,
            ),
            ClaimRule(
                "length", "slot:answer-length", triggers, rf"{ask}be (?:very )?{words}<END>", value=value
            ),
        ]
    return rules


def _likings() -> list[ClaimRule]:
    thing = r"(?:the taste of )?(?P<k>[a-z][a-z'-]+(?: [a-z][a-z'-]+)?)"
    matter = "slot:liking:{k}"
    return [
        ClaimRule(
            "quit",
            matter,
            "gave given quit stopped longer",
            rf"I (?:have |has )?(?:gave up|given up|quit|stopped (?:drinking|eating)|"
            rf"no longer (?:drinks?|eats?)) {thing}(?: for good| completely| entirely)?$",
            value="yes",
            negates=True,
            resistance=TOUGH,
        ),
        ClaimRule(
            "quit",
            matter,
            "not",
            rf"I (?:do|does) not (?:drink|eat) {thing} any ?more$",
            value="yes",
            negates=True,
            resistance=TOUGH,
        ),
        ClaimRule(
            "dislike",
            matter,
            "hate hates dislike dislikes stand like",
            rf"I (?:hates?|dislikes?|can not stand|(?:do|does) not like) "
            rf"{thing}$",
            value="yes",
            negates=True,
        ),
        ClaimRule(
            "again",
            matter,
            "again",
            rf"I (?:drinks?|eats?|am drinking|am eating|started drinking|started eating|likes?) {thing} "
            rf"again$",
            value="yes",
            strength=TOUGH,
        ),
        ClaimRule(
            "like",
            matter,
            "love loves like likes enjoy enjoys adore adores drink drinks",
            rf"I (?:loves?|likes?|enjoys?|adores?|"
            rf"drinks?) {thing}(?: a lot)?$",
            value="yes",
        ),
    ]


HABITS: tuple[ClaimRule, ...] = (
    *_diets(),
    *_tools("language", "language", TOUGH),
    *_tools("editor", "editor ide", 1),
    *_tools("os", "os system", 1),
    *_tools("phone", "phone smartphone", 1),
    *_tools("browser", "browser", 1),
    *_tools("notes", "notes", 1),
    *_tools("shell", "shell", 1),
    ClaimRule(
        "favourite",
        "slot:favourite:{k}",
        "favourite",
        r"my (?:all-time |absolute )?favourite (?P<k>[\w' -]{2,40}?)"
        r"(?: of all time| ever)? (?:is|has to be) (?P<v>.+)",
    ),
    ClaimRule(
        "favourite",
        "slot:favourite:{k}",
        "favourite",
        r"(?P<v>.+?) is my (?:all-time |absolute )?favourite "
        r"(?P<k>[\w' -]{2,40}?)(?: of all time| ever)?$",
    ),
    *_answers(),
    *_likings(),
)
