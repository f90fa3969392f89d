"""Rules for who the person is: name, age, origin, faith, health, family, pets, values and opinions."""

from __future__ import annotations

from shared.models.offline.guards import (
    first_word_not_in,
    headed_by_none_of,
    is_about_the_answer,
    is_about_the_task,
    is_plural,
    is_technical,
    is_transient,
    without_any_of,
)
from shared.models.offline.rules import rule
from shared.models.offline.words import (
    CONDITION_PAIRS,
    CONDITIONS,
    IDENTITIES,
    IDENTITY_PAIRS,
    KIN,
    LANGUAGES,
    NATIONS,
    PETS,
    STATES,
)

_COUNT = r"(?:a|an|one|two|three|four|five|six|seven|eight|nine|ten|no|\d{1,2}|several|twin|young|grown(?:-up)?|many)"
_WHICH = (
    r"(?:older|younger|oldest|youngest|eldest|elder|little|big|late|twin|only|ex-?|step|great|first|middle|teenage|baby"
    r"|adult|grown|elderly|adopted|dear|beloved|second|new|two|three|four|five|\d{1,2}|lovely|maternal|paternal"
    r"|autistic|\d{1,2}[- ](?:year|month)s?[- ]olds?)"
)
_MY_KIN = rf"my (?:{_WHICH}[ -]?)*{KIN}"
_NAME = r"(?:,? (?!and |who |want|need|ask|think|say)[\w'-]+(?:(?:,| and) [\w'-]+)?,?)?"
_KIND_OF = r"(?:a bit of |half |part |of |also )*"
_OPINION = (is_about_the_answer, is_about_the_task, is_technical, is_transient)

PERSON_RULES = (
    rule("name", "beliefs", "my name | my full | my first | my last | my given | my middle | my nickname | my surname",
         r"my (?:full |first |last |given |middle |sur|nick)?name is (?!on |in |not |being |listed|also|spelled|wrong|misspelled|common)", confidence=0.95),
    rule("goes by", "beliefs", "i go", r"i go by (?!(?:the|bus|train|car|foot|bike|plane|that|this|it|what|your|default)(?![\w'-]))\S", confidence=0.9),
    rule("pronouns", "beliefs", "my pronouns", r"my pronouns are \S", confidence=0.95),
    rule("age", "beliefs", "i am", r"i am (?:a )?(?:only |nearly |almost |about )?(?:[1-9]\d)(?:\s*$|[,.!;)]|[ -]+(?:years?|yrs?|yo|y/o)\b|[mf]\b| and\b| from\b| with\b| living\b| next\b)",
         is_plural, confidence=0.95),
    rule("turned", "beliefs", "i turned", r"i turned (?:\d\d|thirty|forty|fifty|sixty|seventy)\b(?! (?:it|percent|degrees))", confidence=0.9, time="change"),
    rule("decade of age", "beliefs", "i am", r"i am in my (?:early |late |mid[- ]?)?(?:\d0s|teens|twenties|thirties|forties|fifties|sixties|seventies|eighties)\b", confidence=0.9),
    rule("body", "beliefs", "i am | i weigh | i wear", r"i (?:am (?:about )?\d[\d.,'\" ]*(?:cm|m|ft|feet|foot|kg|lbs?|pounds|meters|metres)\b|am \d'\d|weigh (?:about |around )?\d|wear (?:a )?(?:size|glasses|contact|hearing|braces))", is_transient),
    rule("measures", "beliefs", "my blood | my height | my weight | my shoe | my zodiac | my star | my religion | my nationality | my faith | my ethnicity",
         r"my (?:blood type|height|weight|shoe size|zodiac sign|star sign|religion|nationality|faith|ethnicity) is \S", is_transient),
    rule("nationality", "beliefs", "i am", rf"i am (?:an? )?{_KIND_OF}(?:native |proud |dual |second-generation |first-generation )?(?:[a-z]+-)?(?=[a-z])",
         first_word_not_in(NATIONS | {"european", "african", "asian", "latino", "latina", "jewish"}), confidence=0.85),
    rule("identity", "beliefs", "i am | i became", r"i am (?:an?|the) (?=\S)", headed_by_none_of(IDENTITIES, IDENTITY_PAIRS), is_technical, is_transient, confidence=0.9),
    rule("identities of two", "beliefs", "i am", r"i am (?=vegetarians|vegans|christians|muslims)"),
    rule("state", "beliefs", "i am", r"i am (?:not )?(?:a )?(?:red-green |partially |legally |clinically |newly |recently |happily |highly |mildly |severely |totally )?(?=\S)",
         first_word_not_in(STATES), is_technical, confidence=0.9),
    rule("state of two words", "beliefs", "i am", r"i am (?:(?:red-green )?colou?r[- ]blind|lactose[- ]intoleran|gluten[- ](?:free|intoleran)|hard of hearing|left[- ]handed|right[- ]handed|non[- ]binary|visually impaired|hearing impaired|on the (?:autism )?spectrum|an only child|originally|in recovery|half [a-z]+)", confidence=0.9),
    rule("fear", "beliefs", "i am | i have", r"i (?:am (?:terrified|scared|afraid|phobic) of|have a (?:phobia|fear) of) (?!losing|breaking|this|that|messing|failing|missing|it\b)\S", is_transient, confidence=0.8),
    rule("allergy", "beliefs", "i am | i have | my allergy | my allergies | i carry", r"i (?:am |have )?(?:been )?(?:\w+ )?(?:allergic|intolerant|sensitive) to (?!(?:something|this|that|the way|some)(?![\w'-]))\S|i have an? (?:\w+ ){1,3}(?:allergy|intolerance)\b|i am (?:\w+ )intolerant|i carry an epi|my allerg(?:y|ies)(?: is| are) \S", confidence=0.95),
    rule("condition", "beliefs", "i have | i suffer | i live | i manage", r"i (?:have (?:had )?|suffer from |live with |manage )(?=\S)", without_any_of(CONDITIONS, CONDITION_PAIRS, 5), is_technical, is_transient, confidence=0.9),
    rule("diagnosis", "beliefs", "i was | i got | i have", r"i (?:was|got|have been) diagnosed (?:with|as) \S", confidence=0.95, time="change"),
    rule("recurring", "beliefs", "i get", r"i (?:often |sometimes |regularly )?get (?:migraines|seasick|carsick|motion sick|panic attacks|hay fever|cluster headaches)", confidence=0.85),
    rule("medication", "beliefs", "i take | i am", r"i (?:take|am on|am taking) (?!it|this|that|the|my|care|part|over|a (?:bus|train|look|break|nap))[a-z][\w -]{2,40}? (?:for my|every (?:day|morning|evening|night)|daily|twice a day|once a day|\d+ ?mg)", confidence=0.85),
    rule("body part", "beliefs", "i have", r"i have (?:a |an )?(?:bad|weak|artificial|prosthetic|replaced|dodgy) (?:knees?|back|hip|hips|shoulder|ankle|leg|heart|wrist|eyesight|hearing)\b", is_transient),
    rule("speaks", "beliefs", "i speak | i am", r"i (?:speak|am (?:fluent|bilingual|conversational) in|am a native) (?!to |with )(?=\S)", without_any_of(LANGUAGES, (), 5), confidence=0.9),
    rule("mother tongue", "beliefs", "my native | my mother | my first | my second", r"my (?:native|mother|first|second) (?:language|tongue) is (?=\S)", without_any_of(LANGUAGES, (), 4), confidence=0.95),
    rule("faith", "beliefs", "i was", r"i was (?:raised|brought up|baptized|baptised) (?!(?:by the|to the)(?![\w'-]))\S", confidence=0.85),
    rule("has family", "beliefs", "i have", rf"i have (?:{_COUNT},? )(?:[\w-]+,? ){{0,3}}?(?:{KIN}|boys|girls|{PETS})\b(?! (?:question|idea|food|problem|allergy|dilemma|project|name|element|class|node|process|who wants)\b)",
         is_technical, is_transient, confidence=0.9),
    rule("adopted", "beliefs", "i adopted | i rescued | i have", rf"i (?:have )?(?:adopted|rescued|got) (?:{_COUNT},? )(?:[\w-]+ ){{0,3}}?(?:{PETS}|{KIN})\b", is_technical, confidence=0.9, time="change"),
    rule("family name", "beliefs", "my", rf"{_MY_KIN}(?:'s|s'|s)? (?:name|names) (?:is|are) \S", confidence=0.95),
    rule("family birth", "beliefs", "my", rf"{_MY_KIN}{_NAME} (?:was|were) (?:born|adopted|diagnosed|raised)\b", confidence=0.9),
    rule("family is", "beliefs", "my", rf"{_MY_KIN}{_NAME} (?:is|are|was|were) (?:called |named |from |an? (?!bit|little|lot|mess|nightmare|pain|huge|great|star|genius|saint|question|good|bad|few|problem)|allergic |originally |half |\d{{1,2}}(?! (?:minutes|percent|hours|days|%))|(?:severely |very )?(?:vegetarian|vegan|autistic|deaf|blind|diabetic|dyslexic|coeliac|celiac|lactose|gluten|retired|turning|jewish|muslim|catholic|hindu|buddhist|dutch|german|french|italian|spanish|polish|irish|scottish|welsh|japanese|chinese|korean|indian|american|canadian|mexican|brazilian|portuguese|russian|ukrainian|greek|turkish|swedish|norwegian|danish|finnish|nigerian|ghanaian|kenyan|a\b))",
         is_technical, is_transient, confidence=0.85),
    rule("family does", "beliefs", "my", rf"{_MY_KIN}{_NAME} (?:work(?:s|ed)? (?:as|at|for|in|nights|part)|live(?:s|d)? (?:in|near|with|on|at|next|abroad|alone)|ha(?:s|ve) (?=\S)(?:a |an |type |severe |mild )*(?:adhd|autism|asthma|diabetes|epilepsy|coeliac|celiac|dementia|alzheimer|parkinson|eczema|dyslexia|down|cancer|\w+ (?:allergy|disease|syndrome))|teach(?:es)?|stud(?:y|ies) (?!for)|died|passed away|come(?:s)? from|grew up|speak(?:s)? [a-z]+|play(?:s)? (?:the|in|for)|run(?:s)? an?|own(?:s)? an?|immigrated|emigrated|moved to)\b",
         is_technical, is_transient, confidence=0.85),
    rule("pet", "beliefs", "my", rf"my (?:{_WHICH} )*(?:\w+ )?{PETS}(?:'s|s'|s)? (?:(?:name|names) (?:is|are)|(?:is|are) (?:called|named)) \S", is_technical, confidence=0.95),
    rule("pet is", "beliefs", "my", rf"my {PETS}{_NAME} is (?:an? (?!bit|little|lot|mess|nightmare|pain)(?:[\w-]+ ){{0,4}}[\w-]+|\d{{1,2}} (?:years|months))", is_technical, is_transient, confidence=0.85),
    rule("family of two", "beliefs", "my", rf"{_MY_KIN} and i (?:have|are|were|got|live|moved|met) (?:married|divorced|together|two|three|in|to|a )", is_transient, confidence=0.8, time="change"),
    rule("belief", "beliefs", "i believe", r"i believe (?:that )?(?:the )?", *_OPINION, confidence=0.85),
    rule("belief in", "beliefs", "i believe", r"i believe in (?!you|this|that|it\b|the (?:first|second))", is_transient),
    rule("disbelief", "beliefs", "i do", r"i do not believe in ", is_about_the_answer, is_technical, confidence=0.85),
    rule("long opinion", "beliefs", "i have | i always", r"i (?:have )?always (?:believed|thought|felt) (?:that )?(?!(?:this|it|you|the)(?![\w'-]))\S", is_technical, confidence=0.8),
    rule("general opinion", "beliefs", "i think",
         r"i think (?:that )?(?:people|everyone|everybody|children|kids|nobody|society|schools|governments?|religion|money|honesty|kindness)\b", is_technical, confidence=0.75),
    rule("value", "beliefs", "i value", r"i value (?!(?:this|that|your|it|the (?:first|second))(?![\w'-]))\S", is_technical, confidence=0.85),
    rule("cares", "beliefs", "i care", r"i care (?:a lot |deeply |very much |more )?about ", is_about_the_answer, is_technical, confidence=0.85),
    rule("stands for", "beliefs", "i am | i support | i oppose",
         r"i (?:am (?:against|in favour of|in favor of|opposed to|convinced that|a (?:believer|strong believer) in|pro-\w+|anti-\w+)|oppose|support (?!for|team|ticket)) ?(?=\S)",
         is_about_the_answer, is_technical, is_transient, confidence=0.8),
    rule("matters to me", "beliefs", "*", r"(?=.{3,60} to me\b)(?!(?:this|that|it|what|which|nothing|none|these|those|your|the)\b)[\w' ,-]{3,60} (?:matters?|means?|is|are) (?:very |so |a lot |more |really |everything |extremely |the most )*(?:important )?to me\b(?! (?:in|that (?:you|we|this)|like))",
         is_technical, is_transient, confidence=0.75),
    rule("motto", "beliefs", "my motto | my philosophy | my core | my values", r"my (?:motto|philosophy|core values?|values) (?:in life )?(?:is|are) \S", is_technical, confidence=0.85),
)
