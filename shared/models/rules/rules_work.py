"""Rules for work, study and undertakings: what the person does, builds, learns, and where."""

from __future__ import annotations

from shared.english.words import (
    BUSINESSES,
    CHALLENGES,
    LANGUAGES,
    OCCUPATIONS,
    SKILLS,
    UNDERTAKINGS,
    WORK_STATES,
)
from shared.models.rules.guards import (
    first_word_not_in,
    headed_by_none_of,
    is_plural,
    is_technical,
    is_transient,
    without_any_of,
)
from shared.models.rules.rule import rule

_WORK = (
    r"(?:work|worked|am working|have worked|have been working|used to work|am employed|have been employed"
    r"|freelance)"
)
_PASSING_WORK = (
    r"(?!(?:expected|intended|is|well|you|me|this|that|it|these|hours|a (?:while|bit|solution|workaround"
    r"|few)|the (?:moment|problem|question|project|assumption)|now|all|runtime|follows|night shift tonight"
    r"|progress|my own)\b)"
)

WORK_RULES = (
    rule(
        "works as",
        "projects",
        "i work | i worked | i am | i have | i used | i freelance",
        rf"i {_WORK} (?:\w+ ){{0,2}}?(?:as|for|at|in|from|with) {_PASSING_WORK}\S",
        is_technical,
        is_transient,
        confidence=0.95,
    ),
    rule(
        "works shifts",
        "projects",
        "i work",
        r"i work (?:the )?(?:(?:night|day|early|late|weekend|rotating|double) ?shifts?|nights|part[- ]time"
        r"|full[- ]time|remotely|freelance|four days|\d+ hours)\b",
        is_transient,
        confidence=0.9,
    ),
    rule(
        "occupation",
        "projects",
        "i am | i was | i have | i became",
        r"i (?:am|have been|was|used to be|became) (?:an?|the) (?=\S)",
        headed_by_none_of(OCCUPATIONS),
        is_technical,
        is_transient,
        confidence=0.9,
    ),
    rule(
        "occupation of an introduction",
        "projects",
        "i am",
        r"i am (?:head|director|chief|president|vice president|chair|secretary|professor|manager|owner"
        r"|founder|co-founder) (?:of|at)\b",
        confidence=0.9,
    ),
    rule(
        "work state",
        "projects",
        "i am",
        r"i am (?:semi-|a )?(?=\S)",
        first_word_not_in(WORK_STATES),
        is_plural,
        confidence=0.9,
    ),
    rule(
        "job",
        "projects",
        "my job | my day | my profession | my occupation | my field | my major | my degree | my role "
        "| my employer | my business | my company | my startup | my side",
        r"my (?:day |current |full-time )?(?:job|profession|occupation|field|major|degree|role|employer"
        r"|side (?:project|business|hustle)|business|company|startup) (?:is (?:called |named |in |to |as "
        r"|an? |about |at |[a-z]+(?:ing|ist|er|or|logy|ics)\b)(?!mess|bit|little|nightmare|risk|problem)"
        r"|makes?|sells?|builds?|develops?|does|offers|produces|organi[sz]es|imports?|exports?)",
        is_technical,
        is_transient,
        confidence=0.85,
    ),
    rule(
        "promoted",
        "projects",
        "i got | i was",
        r"i (?:got|was|have been) (?:promoted|hired|appointed|elected) (?:to|as|by|at)\b",
        time="change",
    ),
    rule(
        "new job",
        "projects",
        "i started | i have | i got | i begin | i joined",
        r"i (?:have )?(?:started|got|begin|began|joined|landed|accepted|taken|took) (?:a|an|my|the"
        r"|working) (?:\w+ ){0,2}(?:job|position|role|internship|apprenticeship|phd|residency|team|company"
        r"|as|at|for)\b(?! (?:error|queue))",
        is_technical,
        time="change",
    ),
    rule(
        "studies",
        "projects",
        "i study | i studied | i am | i major | i majored | i have",
        r"i (?:study|studied|am studying|major(?:ed)? in|am majoring in|have studied"
        r"|have been studying) (?!(?:for (?:a|an|my|the|this)|this|that|it|the (?:text|question|problem"
        r"|effect)|hard)(?![\w'-]))\S",
        is_transient,
        confidence=0.9,
    ),
    rule(
        "in education",
        "projects",
        "i am",
        r"i am (?:in (?:my|the) (?:\w+ )?(?:first|second|third|fourth|fifth|final|last|1st|2nd|3rd|4th"
        r"|freshman|sophomore|junior|senior) (?:year|semester)|in (?:high school|college|university"
        r"|med(?:ical)? school|law school|grad(?:uate)? school|year \d+|\d+th grade)|(?:doing|pursuing"
        r"|finishing|getting|completing|taking) (?:a|an|my) (?:\w+ ){0,2}(?:phd|doctorate|master'?s?|mba"
        r"|bachelor'?s?|degree|apprenticeship|internship|residency|postdoc|diploma|gap year))",
        confidence=0.9,
    ),
    rule(
        "degree",
        "projects",
        "i have | i hold | i did | i got | i earned | i finished",
        r"i (?:have|hold|did|got|earned|finished|completed|am finishing) (?:a|an|my"
        r"|two) (?:\w+ ){0,2}?(?:phd|doctorate|masters?|master's|mba|bachelors?|bachelor's|bsc|msc|ba|ma"
        r"|degree|diploma|apprenticeship)\b(?! (?:student|thesis question))",
        is_technical,
        confidence=0.9,
    ),
    rule(
        "graduated",
        "projects",
        "i graduated | i have",
        r"i (?:have )?graduated (?:from|in|with|as|last)\b",
        time="change",
    ),
    rule(
        "teaches",
        "projects",
        "i teach | i taught | i coach | i lecture | i tutor | i mentor | i train",
        r"i (?:teach|taught|coach|lecture|tutor|mentor) (?!(?:you|myself|it|this|that|him|her|them"
        r"|an old)(?![\w'-]))\S",
        is_transient,
        confidence=0.9,
    ),
    rule(
        "leads",
        "projects",
        "i manage | i lead | i supervise | i head",
        r"i (?:manage|lead|supervise|head) (?:a|an|the|our|my|two|three|four|five) (?:\w+ ){0,2}(?:team"
        r"|department|group|lab|project|store|shop|restaurant|branch|office|crew|school|choir|unit|hotel"
        r"|clinic|farm|library|band)\b",
        is_transient,
        confidence=0.9,
    ),
    rule(
        "runs a business",
        "projects",
        "i run | i own | i founded | i have | i started | i manage | i host | i edit | i write | i produce "
        "| i cofounded | i co-founded | i opened | i launched | i set",
        r"i (?:run|own|founded|have founded|started|manage|host|edit|produce|co-?founded|opened|launched"
        r"|set up|have started|have been running) (?:a|an|my|our|the|two|three|several) (?=\S)",
        without_any_of(BUSINESSES, (), 5),
        is_technical,
        is_transient,
        confidence=0.9,
        time="change",
    ),
    rule(
        "builds something named",
        "projects",
        "i am | i have | i build | i made | i built",
        r"i (?:am|have been|build|made|built|have built) ?(?:building|developing|writing|making|designing"
        r"|creating|working on|restoring|composing|coding|planning|recording|producing"
        r"|organi[sz]ing)? (?:an?|my|our|the|this) (?:[\w-]+ ){1,5}?(?:called|named) \S",
        confidence=0.95,
    ),
    rule(
        "builds",
        "projects",
        "i am | i have",
        r"i (?:am|have been) (?:slowly |busy )?(?:building|developing|writing|making|designing|creating"
        r"|working on|restoring|renovating|composing|coding|converting|recording|producing|planting"
        r"|organi[sz]ing|starting|launching|running|learning to build|illustrating|translating) (?:a|an|my"
        r"|our|the|another|several|two|some|\w+ poems in)\b ?(?=\S)",
        without_any_of(UNDERTAKINGS | BUSINESSES, (), 6),
        is_transient,
        is_technical,
        confidence=0.85,
    ),
    rule(
        "work of one's own",
        "projects",
        "my",
        r"my (?:\w+ )?(?:thesis|dissertation|research|phd|novel|book|podcast|blog|newsletter|memoir|album"
        r"|startup|nonprofit|project|band|channel|game|etsy shop|shop) (?:is (?:about|on|called|named"
        r"|set in|titled)|focuses on|explores|investigates|tells|examines) (?!(?:what|how to fix|this|line"
        r"|hold|fire)(?![\w'-]))\S",
        is_technical,
        confidence=0.85,
    ),
    rule(
        "learns",
        "projects",
        "i am | i have | i learn | i started",
        r"i (?:am (?:also )?(?:learning|teaching)|have been learning|learn|started learning"
        r"|am trying to learn) (?:to (?:play|speak|sail|ski|swim|drive|knit|sew|draw|paint|weld|fly|cook"
        r"|surf|code|program|read|dance|sing) ?|how to (?:play|speak|sail|ski|swim|drive|knit|sew|draw"
        r"|paint|weld|fly) |the (?:piano|guitar|violin|cello|banjo|ukulele|drums|accordion|harp|flute"
        r"|clarinet|trumpet|saxophone|mandolin)|(?=[a-z+#]+))",
        without_any_of(LANGUAGES | SKILLS, (), 4),
        is_transient,
        confidence=0.85,
    ),
    rule(
        "trains for",
        "projects",
        "i am | i have",
        r"i (?:am|have been) (?:training|preparing|practi[sc]ing|rehearsing|studying"
        r"|saving(?: up)?) for (?:a|an|the|my) (?=\S)",
        without_any_of(CHALLENGES, (), 4),
        is_transient,
        confidence=0.85,
    ),
    rule(
        "volunteers",
        "projects",
        "i volunteer | i have | i am",
        r"i (?:volunteer|have volunteered|have been volunteering|am volunteering|am a volunteer) (?:at|for"
        r"|with|in|as|on)\b",
        is_transient,
        confidence=0.9,
    ),
    rule(
        "looks for work",
        "projects",
        "i am",
        r"i am (?:actively )?(?:looking for|applying for|hunting for|between) (?:an? "
        r"|new )*(?:new )?(?:jobs?|work|position|role|internship|phd)\b(?! (?:title|description))",
        is_transient,
        confidence=0.75,
    ),
    rule(
        "has finished",
        "projects",
        "i finished | i have | i published | i released | i completed | i ran",
        r"i (?:have )?(?:finished|published|released|completed|ran) (?:the|my"
        r"|our) (?:[\w-]+ ){0,3}?(?:novel|book|draft|thesis|dissertation|album|clock|boat|shed"
        r"|treehouse|marathon|degree|phd|triathlon|game|memoir|poem collection|screenplay|quilt"
        r"|restoration"
        r"|renovation)(?![\w-])",
        is_technical,
        confidence=0.8,
        time="change",
    ),
)
