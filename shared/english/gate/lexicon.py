"""Kinds of words, so that what is learned of one word holds for its like: "my <kin> has <condition>".

A word is of one class or of several; a missing word costs what a reader loses who does not know it.
"""

from __future__ import annotations

from collections import defaultdict

from shared.english import names
from shared.english.words import (
    ACTIVITIES,
    BUSINESSES,
    CHALLENGES,
    CONDITIONS,
    IDENTITIES,
    KIN_WORDS,
    LANGUAGES,
    OCCUPATIONS,
    POSSESSIONS,
    REPLY_NOUNS,
    STATES,
    TECHNICAL,
    TOOLS,
    UNDERTAKINGS,
    words_of,
)

_MORE = {
    "kin": words_of(
        "hubby wifey missus mrs partner's mate's nana grandson nephews nieces aunts uncles cousins stepkids "
        "bf gf bff sis bro mama papa amma appa dadi nani ammi abba didi bhai akka anna lola lolo abuela "
        "abuelo "
        "babies twin triplets toddlers teen teens teenager flatmate flatmates roommate roommates housemate "
        "housemates ex ex-wife ex-husband fiancé fiancée fiance fiancee in-law godchild folks girls boys "
        "grandkids "
        "friend friends neighbour neighbor neighbours neighbors mates buddy pal landlord landlady"
    ),
    "other": words_of(
        "boss manager colleague colleagues coworker coworkers co-worker co-workers client clients customer "
        "customers teacher teachers professor supervisor someone somebody people everyone everybody they he "
        "mayor president king queen prince princess captain hero heroine villain narrator "
        "she guy guys man woman lady kid's boy girl person mechanic plumber"
    ),
    "pet": words_of(
        "dog dogs cat cats puppy puppies kitten kittens rabbit rabbits bunny hamster parrot budgie canary "
        "horse "
        "horses pony tortoise turtle goldfish fish gecko lizard snake ferret hen hens chicken chickens goat "
        "goats "
        "donkey beagle labrador lab poodle greyhound husky terrier spaniel collie dachshund retriever "
        "rescue pet "
        "pets rat rats alpaca alpacas sheep pig pigs cow cows mare pup moggy tabby whippet corgi staffie "
        "staffy pug doodle cockatiel axolotl bees hive hives ducks quail koi"
    ),
    "illness": words_of(
        "adhd asthma autism autistic migraines diabetes diabetic hypertension depression depressive anxious "
        "bipolar arthritis cancer stroke seizure seizures allergic allergy allergies intolerant intolerance "
        "anaphylaxis epipen insulin inhaler metformin statins sertraline ssri antidepressants meds "
        "medication "
        "wheelchair crutches deaf blind stammer stutter tinnitus sciatica slipped disc hernia surgery "
        "operation "
        "transplant chemo dialysis ibs crohn's coeliac celiac lactose gluten endometriosis pcos menopause "
        "perimenopause miscarriage ivf pregnant pregnancy trimester postpartum recovery sober alcoholic "
        "rehab "
        "relapse therapy therapist counselling psychiatrist dyslexia dyslexic dyspraxia ocd ptsd eczema "
        "psoriasis "
        "reflux thyroid cholesterol diagnosis diagnosed prediabetic hypermobile fibromyalgia long-covid "
        "me/cfs "
        "disabled disability amputee prosthesis epilepsy epileptic lupus parkinson's dementia alzheimer's"
    ),
    "body": words_of(
        "knee knees back hip hips shoulder shoulders ankle ankles wrist wrists neck foot feet leg legs arm "
        "arms "
        "hand hands eye eyes ear ears heart lung lungs skin hair tooth teeth stomach gut spine elbow toe "
        "toes "
        "finger fingers kidney liver head"
    ),
    "food": words_of(
        "meat dairy milk cheese egg eggs fish chicken beef pork lamb prawns shellfish nuts peanuts peanut "
        "bread "
        "pasta rice noodles curry dal roti biryani dosa jollof fufu stew soup salad pizza burger burgers "
        "sushi "
        "tofu lentils beans chickpeas mushrooms mushroom onions onion garlic coriander cilantro tomatoes "
        "olives "
        "coffee tea espresso matcha wine beer cider whisky whiskey gin rum alcohol booze chocolate sugar "
        "sweets "
        "cake cakes porridge oats cereal breakfast lunch dinner tea's marmite tacos kimchi ramen chai bbq "
        "sourdough "
        "vegetables veg fruit spicy chilli chili"
    ),
    "hobby": words_of(
        "knitting crochet sewing quilting pottery painting drawing sketching woodwork woodworking gardening "
        "allotment baking cooking hiking hillwalking climbing bouldering running jogging cycling swimming "
        "surfing "
        "skiing snowboarding sailing rowing kayaking fishing angling birding birdwatching chess scrabble "
        "gaming "
        "d&d boardgames yoga pilates gym crossfit weightlifting boxing karate judo bjj football soccer rugby "
        "cricket tennis badminton squash netball hockey basketball baseball volleyball golf darts pool "
        "snooker "
        "dancing salsa ballet theatre improv choir singing guitar piano violin cello drums bass ukulele "
        "banjo "
        "saxophone trumpet flute clarinet harmonica accordion photography astronomy genealogy calligraphy "
        "origami "
        "lego warhammer minis cosplay metal-detecting beekeeping brewing homebrew foraging camping caving "
        "diving "
        "marathon half-marathon parkrun triathlon reading writing blogging podcasting poetry"
    ),
    "art": words_of(
        "jazz blues metal punk techno house classical opera folk country rap hip-hop k-pop pop rock novel "
        "novels "
        "book books film films movie movies series show shows anime manga sci-fi fantasy horror crime "
        "thrillers "
        "musical musicals album albums band bands song songs podcast podcasts poems documentaries"
    ),
    "home": words_of(
        "flat apartment house home bungalow cottage terrace semi studio bedsit caravan narrowboat farm "
        "village "
        "town city suburb suburbs countryside island coast garden balcony kitchen mortgage rent landlord "
        "lease "
        "loft basement condo"
    ),
    "vehicle": words_of(
        "car van truck bike bicycle motorbike motorcycle scooter ebike e-bike tesla toyota honda ford skoda "
        "vw "
        "volvo bmw fiat corsa golf polo civic corolla prius defender landrover campervan"
    ),
    "work": words_of(
        "job jobs work career shift shifts nights rota office company firm employer startup start-up "
        "business "
        "salary wage wages pay overtime freelance contract contracts contractor agency team manager role "
        "position "
        "department branch warehouse factory hospital ward clinic surgery school nursery college university "
        "uni "
        "degree masters master's phd bachelor's apprenticeship thesis dissertation course exam exams gcse "
        "gcses "
        "a-levels semester placement internship promotion promoted redundancy redundant laid fired hired "
        "retired "
        "unemployed self-employed pension npo charity council army navy raf police"
    ),
    "feel": words_of(
        "tired exhausted knackered sleepy hungry thirsty sad happy glad sorry excited nervous worried "
        "stressed "
        "anxious bored annoyed angry upset proud grateful thankful relieved confused stuck lost lonely "
        "overwhelmed "
        "curious surprised shocked disappointed frustrated embarrassed cold hot busy free late ready done "
        "sure "
        "unsure fine okay ok good great bad better worse awful terrible lucky sore sick ill poorly rough "
        "gutted "
        "chuffed buzzing devastated"
    ),
    "praise": words_of(
        "amazing awesome beautiful brilliant cool cute fantastic fun funny great helpful incredible "
        "interesting "
        "lovely nice perfect sweet wonderful inspiring impressive delicious gorgeous"
    ),
    "now": words_of(
        "today tonight now rn atm currently tomorrow morning afternoon evening lately moment minute hour "
        "just "
        "still"
    ),
    "past": words_of("yesterday ago last recently earlier previously once back finally"),
    "often": words_of(
        "always never usually often sometimes mostly rarely daily weekly every regularly normally generally "
        "hardly seldom occasionally constantly typically nightly mornings evenings weekends sundays mondays "
        "tuesdays wednesdays thursdays fridays saturdays"
    ),
    "month": words_of(
        "january february march april june july august september october november december jan feb mar apr "
        "jun "
        "jul aug sep sept oct nov dec spring summer autumn winter christmas easter diwali eid ramadan "
        "thanksgiving hanukkah"
    ),
    "day": words_of("monday tuesday wednesday thursday friday saturday sunday weekend week month year"),
    "quit": words_of(
        "quit quitting gave stopped resigned left dropped sold sell selling handed cancelled canceled "
        "ditched "
        "packed divorced broke deleted"
    ),
    "begin": words_of(
        "started start starting began begun joined join took bought buy buying moved moving switched signed "
        "enrolled adopted adopting got getting became become decided deciding chose opened launched founded "
        "married engaged graduated passed finished won hired booked planning"
    ),
    "taste": words_of(
        "love loves loved adore like likes liked enjoy enjoys prefer prefers favourite favorite hate hates "
        "hated "
        "dislike despise loathe fan obsessed addicted partial keen mad crazy stand bear hooked"
    ),
    "belief": words_of(
        "believe believes think value values faith god religion church mosque temple synagogue pray prayer "
        "vote "
        "voted politics political rights climate justice honesty respect important matters principle morally"
    ),
    "wish": words_of(
        "need needs want wants wanted trying try hoping hope wish wondering looking struggling thinking "
        "planning "
        "considering supposed gotta gonna wanna going"
    ),
    "talk": words_of(
        "said told mentioned asked meant wrote sent posted thought read saw heard watched noticed checked "
        "tried tested ran copied pasted opened clicked used followed looked searched googled"
    ),
    "chat": words_of(
        "thanks thank cheers please sorry hello hi hey bye wow lol haha yes yeah yep no nope ok okay sure "
        "absolutely definitely exactly congrats congratulations"
    ),
    "money": words_of("£ $ € ₹ k quid pounds dollars euros rupees lakh mortgage debt loan savings pension "
    "benefits"),
    "number": words_of(
        "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty "
        "dozen "
        "couple few several half twice"
    ),
}  # fmt: skip


def _classes() -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    tables = {
        "job": OCCUPATIONS,
        "who": IDENTITIES | STATES,
        "nation": LANGUAGES,
        "place": names.COUNTRIES,
        "illness": CONDITIONS,
        "kin": frozenset(KIN_WORDS.replace("fianc[eé]e?", "fiance").replace("?", "").split("|")),
        "thing": POSSESSIONS,
        "firm": BUSINESSES,
        "made": UNDERTAKINGS,
        "hobby": ACTIVITIES | CHALLENGES,
        "tool": TOOLS | names.TOOLS,
        "tech": TECHNICAL,
        "reply": REPLY_NOUNS,
    }
    for name, words in (*tables.items(), *_MORE.items()):
        for word in words:
            if " " not in word:
                found[word].add(name)
    return {word: tuple(sorted(classes)) for word, classes in found.items()}


CLASSES = _classes()
"""The classes of a folded word."""
