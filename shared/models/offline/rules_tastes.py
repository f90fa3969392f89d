"""Rules for tastes, habits, possessions and tools."""

from __future__ import annotations

from shared.models.offline.guards import (
    first_word_not_in,
    is_about_the_answer,
    is_technical,
    is_transient,
    is_unnamed,
    without_any_of,
)
from shared.models.offline.rules import rule
from shared.models.offline.words import ACTIVITIES, FREQUENCY, PETS, POSSESSIONS

_HABITS = (
    r"(?:use|drink|eat|wake|get up|go|run|walk|work|cook|read|write|wear|buy|take|start|play|train|meditate|sleep|listen|watch"
    r"|commute|cycle|bike|drive|swim|travel|shop|bake|skip|have (?:breakfast|lunch|dinner|coffee|tea|porridge|oatmeal)|carry|keep|pay|vote"
    r"|fast|pray|knit|garden|fish|hike|order|avoid|celebrate|spend|code|program|jog|stretch|journal|visit|paint|bring|make my|smoke|fly|order)"
)
_NOT_HABIT = r"(?!(?:this|that|it|these|the (?:same|following)|into|wrong|back|out of|up with)(?![\w'-]))"
_SYSTEMS = r"(?:windows|mac ?os|a mac|linux|ubuntu|debian|fedora|arch|nixos|android|ios|an? (?:iphone|android|macbook|chromebook|mac|linux)|chromeos|freebsd|mint|pop!_os|opensuse|manjaro|gentoo)"
_TOOLS = frozenset(
    "vim neovim emacs vscode obsidian notion excel photoshop figma linux windows python rust javascript typescript java kotlin "
    "golang firefox chrome safari slack jira git github gitlab docker blender ableton scrivener latex zotero anki todoist evernote "
    "trello logseq duolingo strava garmin lightroom tmux zsh fish postgres django react svelte vue ubuntu debian".split()
)

TASTE_RULES = (
    rule("favourite", "preferences", "my favourite | my all-time | my top", r"my (?:all-time |absolute |top |least )?favourite (?!part of (?:this|the|your)|(?:one|line|version|option|bit)\b)(?:[\w'-]+ ){1,6}?(?:is|are|was|has always been) (?!(?:this|that|it|the (?:first|second|third|last|one)|option|number|when)(?![\w'-]))\S", is_technical, confidence=0.95),
    rule("go-to", "preferences", "my go-to | my usual | my hobby | my hobbies | my passion | my main | my biggest | my guilty | my comfort", r"my (?:go-to|usual|main|biggest|guilty|comfort|favourite) ?(?:[\w'-]+ ){0,3}?(?:hobby|hobbies|passion|pleasure|food|breakfast|lunch|dinner|drink|order|coffee|recipe|meal|snack|restaurant) (?:is|are) \S|my (?:hobby|hobbies|passion) (?:is|are|include) \S", is_technical, is_transient, confidence=0.9),
    rule("tool of choice", "preferences", "my main | my primary | my preferred | my editor | my browser | my operating | my os | my shell | my ide | my distro | my daily | my text", r"my (?:main |primary |preferred |daily |favourite |text )?(?:programming )?(?:language|editor|ide|os|operating system|browser|shell|distro|driver|stack|terminal|search engine|database|machine) is (?!(?:not|broken|slow|down|stuck|in|on|up|out|showing|set)(?![\w'-]))\S", is_transient, confidence=0.9),
    rule("loves", "preferences", "i love | i adore | i enjoy | i hate | i loathe | i detest | i despise | i dislike | i always | i have | i like | i prefer",
         r"i (?:have )?(?:always |never |much |actually |generally |usually |also )?(?:loved?|adored?|enjoy(?:ed)?|hated?|loathed?|detested?|despised?|disliked?|liked?|preferred|prefer)(?: to)? ", is_about_the_answer, is_technical, is_transient, confidence=0.85),
    rule("cannot stand", "preferences", "i can", r"i can not (?:stand|bear|abide) ", is_about_the_answer, is_technical, is_transient, confidence=0.9),
    rule("dislikes", "preferences", "i do | i never", r"i (?:do not|never) (?:much |particularly |usually )?(?:like|enjoy|care for) ", is_about_the_answer, is_technical, is_transient, confidence=0.8),
    rule("does not take", "preferences", "i do | i never | i have | i avoid", r"i (?:do not|never|do not ever|have never) (?:eat|drink|smoke|own|drive|wear|watch|cook|use|touch|have a|have an|vote|buy|fly) ?(?:any |much )?(?!(?:time|idea|clue|good|question|problem|problems|account|access|option|options|way|issue|preference|budget|lot|strong|specific|for|it|this|that|these|the)\b)(?!.*\b(?:anymore|any more|any longer)\b)", is_technical, is_transient, confidence=0.85),
    rule("avoids", "preferences", "i avoid", r"i avoid ", is_about_the_answer, is_technical, is_transient, confidence=0.8),
    rule("fan of", "preferences", "i am", r"i am (?:not )?(?:a |an )?(?:a |an |big |huge |massive |great |lifelong |avid |long-time |die-hard )*(?:fan of|into|obsessed with|fond of|keen on|passionate about|addicted to|crazy about|lover of|collector of|reader of) (?:the )?", is_about_the_answer, is_technical, is_transient, confidence=0.85),
    rule("collects", "preferences", "i collect", r"i collect (?!(?:data|my|the|it|this|them|user|all|feedback|some|information|samples)(?![\w'-]))\S", is_technical, is_transient, confidence=0.9),
    rule("plays", "preferences", "i play | i have | i sing", r"i (?:play|have (?:been playing|played)|sing) (?:the |in (?:a|an) |(?:\w+ )?)?(?=\S)", without_any_of(ACTIVITIES | {"choir", "band", "orchestra"}, (), 5), is_technical, is_transient, confidence=0.85),
    rule("always does", "preferences", "i always | i usually | i never | i often | i normally | i typically | i generally | i only | i rarely | i tend | i sometimes",
         rf"i (?:always|usually|never|often|normally|typically|generally|only|rarely|tend to|sometimes) (?:only |also )?{_HABITS}\b {_NOT_HABIT}", is_technical, is_transient, confidence=0.85),
    rule("often does", "preferences", "i always | i usually | i never | i often | i normally", rf"i (?:always|usually|never|often|normally) {_HABITS}\s*$", is_transient, confidence=0.8),
    rule("does regularly", "preferences", "i",
         rf"i (?!am |was |will |would |have (?!breakfast|lunch|dinner|coffee|tea|porridge|oatmeal|a glass)|need |want |get (?:an|the|this|errors)|could |might |may |should |can |do not |did |tried |had |think |got |was |went |saw |lost |found |forgot |started |stopped |made |used |asked |must )[a-z]+ (?:[^,]{{1,60}} )?{FREQUENCY}(?![\w'])", is_technical, is_transient, confidence=0.8),
    rule("drives", "preferences", "i drive | i ride | i fly | i sail", r"i (?:drive|ride|sail) (?:an?|my|the) (?!(?:hard|lot|bit|few|point|wedge|bus|taxi|train)(?![\w'-]))\S", is_technical, is_transient, confidence=0.9),
    rule("commutes", "preferences", "i cycle | i walk | i bike | i drive | i commute", r"i (?:cycle|walk|bike|drive|commute|take the (?:bus|train|metro|tram|ferry)) to (?:work|school|the office|campus)\b", is_transient, confidence=0.85),
    rule("owns", "preferences", "i own | i bought | i have", r"i (?:own|have owned) (?:an?|two|three|four|several|some|the|my|\d+|only|no) (?!(?:of|the (?:copyright|domain|code))\b)\S", is_technical, is_transient, confidence=0.9),
    rule("has bought", "preferences", "i bought | i have", r"i (?:have )?bought (?:an?|our|my|the|two|three|\d+) (?=\S)", without_any_of(POSSESSIONS, (), 5), is_technical, is_transient, confidence=0.85, time="change"),
    rule("has", "preferences", "i have", r"i have (?:an?|two|three|four|my own|several|our own) (?=\S)", without_any_of(POSSESSIONS, (), 4), is_technical, is_transient, confidence=0.8),
    rule("thing owned", "preferences", "my", r"my (?:\w+ )?(?:car|van|bike|bicycle|motorcycle|motorbike|laptop|phone|computer|pc|desktop|guitar|piano|violin|cello|camera|watch|tablet|e-reader|truck|boat|house|flat|apartment|printer|telescope|keyboard|console|bass|horn|flute) is (?:an? |from \d{4}|called |named )(?!(?:bit|little|lot|mess|nightmare|pain|problem|disaster|piece|wreck|joke)(?![\w'-]))\S", is_technical, is_transient, confidence=0.85),
    rule("uses for", "preferences", "i use", r"i (?:always |mostly )?use [\w.+#' -]{2,60}? (?:for (?:my|all|everything|work|notes|taking|writing|coding|editing|email|music|personal)|at work|at home|as my|to (?:track|manage|organi[sz]e|plan) my)\b(?! (?:homework|this))", is_technical, is_transient, confidence=0.9),
    rule("uses", "preferences", "i use", r"i use (?!this|that|it\b|the |a |an |these|those|your|my)(?=\S)", lambda clause, found: is_unnamed(clause, found) and first_word_not_in(_TOOLS)(clause, found), is_technical, is_transient, confidence=0.75),
    rule("uses as", "preferences", "i am | i have", r"i (?:am|have been) using [\w.+# -]{2,40}? (?:as my|for (?:my (?:notes|photos|emails?|writing|finances)|everything|all my|years|\w+ years)|since)\b", is_technical, is_transient, confidence=0.85),
    rule("system", "preferences", "i am | i run", rf"i (?:am (?:on|using|running)|run) {_SYSTEMS}\b", is_technical, is_transient, confidence=0.85),
    rule("programs in", "preferences", "i write | i code | i program | i develop", r"i (?:write|code|program|develop|work) (?:mostly |mainly |primarily |only |exclusively |almost everything |all my code )?in (?!this|that|the|a |an |my|order|it|case|general|english|french)[a-z+#]+", is_transient, confidence=0.85),
    rule("instrument or hobby", "preferences", "i do | i practice | i practise | i bake | i knit | i garden | i paint | i brew | i sew | i keep", rf"i (?:do|practi[cs]e) (?:yoga|pilates|karate|judo|tai chi|crossfit|aikido|jiu-?jitsu|bjj|ballet|archery|calligraphy|taekwondo|kendo|fencing)\b|i keep (?:bees|{PETS})\b", is_transient, confidence=0.85),
    rule("rather not", "preferences", "i would", r"i would rather (?:not )?(?:use|avoid|eat|travel|read|work|walk)\b ?", is_about_the_answer, is_technical, is_transient, confidence=0.7),
)
