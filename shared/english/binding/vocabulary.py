"""The words by which an honest statement may differ from the person's words: a closed list.

Whatever is not on it must stand in the ground. So a name, a place, a verb that acts (send, pay, click) can be
told only if the person said it.
"""

from __future__ import annotations

from shared.english.words import words_of

GLUE = words_of(
    """i me my mine myself we us our ours ourselves he him his she her hers it its they them their theirs
    themself themselves the a an user users person people one ones someone who whose whom which that this
    these those what when where why how am is are was were be been being have has had having do does did done
    doing will would can could may might to in on at of for from with by about into onto over under out up
    down off near after before during between around than then there here as so such too also and or but if
    because while though although since until till both either just very really quite own some other others
    more most much many now currently still again ever already yet etc get gets got getting be im ive id dont
    doesnt didnt cant isnt ain thing things with within across through per via like once upon where whereas
    well rather go goes going went gone make makes made take takes took part lot bit time"""
)
"""Says nothing by itself."""

FRAME = words_of(
    """live lives living lived reside resides based work works worked working job role position profession
    career use uses used using usage has own owns owned speak speaks spoke speaking language languages study
    studies studied studying student teach teaches play plays played playing enjoy enjoys enjoyed love loves
    like likes liked prefer prefers preferred preference preferences favourite favorite want wants wanted
    wish wishes interested interest interests hobby hobbies plan plans planned planning intend intends move
    moves moved moving start starts started starting become became becoming keep keeps kept believe believes
    think thinks thought value values valued find finds found feel feels felt care cares name named names
    called nickname call calls age aged old born birth birthday birthplace year years month months week weeks
    day days daily weekly monthly yearly regularly usually often sometimes mostly mainly largely formerly
    previously recently originally newly lately finally first second kind type form condition disease illness
    suffers suffer diagnosed eat eats eating drink drinks drinking answer answers reply replies response
    responses style styled married marriage wedding partner child children kids family parent parents
    relative pet home house place city town country native speaker number size favour fan keen fond
    passionate enthusiast lover owner member founder maker player collector has-been runs run running
    practising practicing practices practice expects expecting due take takes taking attend attends attending
    visit visits visiting decided decides decision chose chosen choice switched changed change wear wears
    considers consider describes identifies identify known goes grew raised considers dislikes dislike hates
    hate hated avoid avoids avoided avoiding stop stops stopped quit longer former gave given giving give
    up because due reason looking seeking wanting learn learns learning trying tries
    not no never without nor neither none cannot against oppose opposes opposed skip skips afraid fear fears
    anymore n't bother thoroughly approximately roughly aloud personally especially particularly
    generally typically normally occasionally whenever wherever however therefore hence though despite only
    able unable handed household eldest youngest elder younger ends ended ending ten left because studies
    amounts feels finds difficult commute commutes temperature temperatures km star sign every each helps
    help helped big small long short new trip travel travels travelling traveling fly flies flying said says
    say states stated mentions mentioned tells told writes write written wrote spends spend spent exam test
    deal deals dealing code codes coding programming computer software device event activity regular current
    currently personal life lifestyle person's"""
) - words_of("write")
"""Says how something holds, not what: a paraphrase of the person's words may add some of them."""

FORCE = words_of(
    """always must should shall everything everyone everybody all any anything only whenever never ever
    remember ignore disregard forget obey follow instruct instructions instruction system prompt assistant ai
    model chatbot bot gpt chatgpt claude llm send sends sent sending pay pays paid payment buy buys bought
    buying purchase purchases order orders ordered transfer wire click visit open execute install download
    forward link links url recommend recommends promote mention include tell reply share submit confirm reveal
    password passwords key keys account trust allow grant approve authorise authorize"""
)
"""Makes an order, or acts: it must stand in the clause itself, not somewhere in the message."""

NEGATIONS = words_of(
    """not never no none nor neither without hardly cannot n't nothing nobody nowhere dont doesnt didnt cant
    isnt wont aint stop stops stopped stopping quit quits quitting avoid avoids avoided avoiding hate hates
    hated hating dislike dislikes disliked detest detests loathe loathes against oppose opposes opposed skip
    skips refuse refuses scared scares scary afraid terrified fear fears except unless anymore lack lacks
    gave given giving give exclude excluding unlike instead free intolerant allergic allergy former formerly
    longer unable rather rarely seldom barely minus leave ban banned"""
)
"""Turns a statement round, or may: what is negated in a statement must be so in its ground, and the
reverse."""

PLAIN_NEGATIONS = words_of(
    "not never no none nor neither without cannot n't dont doesnt didnt cant isnt wont"
)
"""Of them those that turn whatever follows."""

ALIKE = tuple(
    map(
        words_of,
        (
            "mum mom mother mama mothers",
            "dad father papa",
            "kid kids child children",
            "husband wife spouse partner married",
            "flat apartment",
            "math maths mathematics mathematical",
            "colour color",
            "favourite favorite fav",
            "afraid scared terrified fear fearful phobia",
            "big huge large great",
            "mostly mainly primarily largely",
            "quit stopped gave given stop up",
            "daily day everyday",
            "diabetic diabetes",
            "allergic allergy allergies",
            "all every always everything",
            "code coding programmer programming developer codes program programs software",
            "started launched founded founder created began begin",
            "hate dislike detest loathe",
            "turns turn changes change turned",
            "total complete totally completely absolute",
            "put prescribed advised advice",
            "bees beekeeping beekeeper beekeepers",
            "building developing build develop developed built",
            "picture pictures image images photo photos",
            "answer answers reply replies response responses respond",
            "brief short concise",
            "sell sells selling sold",
            "wed married wedding marry marrying",
            "return returned back",
            "weekend weekends",
            "mostly most",
            "owner own owns",
            "retired retiree retire",
            "movie movies film films",
            "metre metres meter meters m",
            "watercolour watercolours watercolor painting",
            "cause causes caused gave give makes",
            "born birthday birth turns turned",
            "expect expecting due pregnant baby",
            "newborn baby",
            "separated split divorced apart",
            "difficult hard tricky tough",
            "easy simple",
            "son boy lad",
            "daughter girl",
            "died lost passed death",
            "end ends ended out finish finishes finished",
            "left quit leave binned deleted dropped",
            "train rail",
            "trigger triggers sets off cause causes",
            "wrong bad",
            "ill sick unwell",
            "buy bought got",
            "pounds quid sterling",
            "university uni college",
            "meal dinner lunch roast food",
            "grandfather granddad grandpa",
            "grandmother grandma gran nan",
            "girlfriend partner",
            "boyfriend partner",
            "company firm business employer",
            "boss manager",
            "bike bicycle cycle cycling",
            "vegetarian vegetarians veggie",
            "apologise apologize sorry",
            "amount amounts price prices money",
            "drive drives driving car",
            "med medical",
            "lefty left",
            "household home live",
            "km kilometre kilometres kilometer kilometers",
            "smoke smokes smoked smoking smoker",
        ),
    )
)
"""Words that an honest statement puts for one another."""

MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), 1,
    )
    for name in names.split()
}  # fmt: skip
NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "zero", "one once single", "two twice second twin twins couple double", "three third triplets",
            "four fourth", "five fifth", "six sixth", "seven seventh", "eight eighth", "nine ninth",
            "ten tenth decade", "eleven", "twelve dozen", "thirteen", "fourteen", "fifteen", "sixteen",
            "seventeen", "eighteen", "nineteen", "twenty",
        )
    )
    for word in words.split()
}  # fmt: skip
NUMBERS |= {
    word: number
    for number, word in zip(
        (*range(30, 101, 10), 1000),
        ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred", "thousand"],
        strict=True,
    )
}
RELATIVE = words_of(
    "today yesterday tomorrow last next ago this recently since now tonight week month year weekend coming"
)
"""Words by which a day is reckoned from the day of the message."""
WEEKDAYS = words_of("monday tuesday wednesday thursday friday saturday sunday")
ABROAD = words_of(
    """ich bin und der die das den dem des ein eine einen einer mein meine meinen meiner mit von für auf aus
    bei nach seit habe hat bin ist war sind zu im am als auch aber oder nicht kein keine sehr gern gerne je
    suis et le la les un une des mon ma mes avec dans pour sur depuis du de en au aux ai est sont que qui pas
    ne très aussi yo soy y el los las una mi mis con por para desde en tengo es son que muy también no eu sou
    e o os as um uma meu minha meus com desde tenho são muito também não io sono il lo gli una mio mia miei
    con da per ho è molto anche non ik ben en de het een mijn met van voor op sinds heb is zijn ook niet jag
    är och en ett min mitt mina med i på för sedan har inte också jeg er og et mitt mine på siden har ikke
    jestem i w na z od mam mój moja moje nie się olen ja on minun kanssa я и в на с из от мой моя мои у меня
    не что это как по для"""
)
"""Grammar of languages that are not read here word by word, in lower case."""
