"""The word lists the rules share. Singular, folded; add a word here when a rule should know it."""

from __future__ import annotations


def words_of(text: str) -> frozenset[str]:
    """The words of a list written as one text."""
    return frozenset(text.split())


def pairs_of(text: str) -> frozenset[str]:
    """The expressions of a list written as one text, separated by commas."""
    return frozenset(text.split(", "))


FIRST_PERSON = "i i'm im i've ive i'd i'll my me mine myself we we're we've our us"
"""What people call themselves, and what is theirs; a pattern joins the words as it needs them."""
OCCUPATIONS = words_of(
    "accountant actor actress actuary acrobat advisor agent analyst anaesthetist anesthesiologist animator "
    "apprentice archaeologist archeologist architect archivist artist assistant astronomer athlete "
    "attorney auditor author baker banker barber barista bartender beekeeper biologist blacksmith blogger "
    "bookkeeper botanist brewer bricklayer broker builder butcher buyer caregiver caretaker carer "
    "carpenter cashier cellist chef chemist childminder chiropractor choreographer cleaner clerk coach "
    "coder comedian composer concierge conductor conservator consultant contractor cook copywriter coroner "
    "counsellor counselor courier curator cyclist dancer dentist designer detective developer dietitian "
    "dietician director diver doctor driver economist editor educator electrician employee engineer "
    "entrepreneur epidemiologist estimator executive fabricator farmer filmmaker firefighter fisherman "
    "florist founder freelancer gardener geneticist geographer geologist geophysicist glazier goldsmith "
    "graduate grocer guide guitarist hairdresser handyman historian housekeeper hygienist illustrator "
    "inspector instructor interpreter inventor investor janitor jeweller jeweler joiner journalist judge "
    "lab-technician labourer landlord landlady landscaper lawyer lecturer librarian lifeguard linguist "
    "locksmith logistician machinist magician maker manager marketer mason mathematician mechanic medic "
    "merchant meteorologist microbiologist midwife miner minister model monk musician nanny neurologist "
    "neuroscientist notary novelist nun nurse nutritionist officer oncologist operator optician "
    "optometrist orthodontist owner painter paralegal paramedic pastor paediatrician pediatrician "
    "performer pharmacist philosopher photographer physician physicist physiotherapist pianist pilot "
    "pitcher plasterer player playwright plumber poet policeman policewoman politician porter postdoc "
    "postman potter priest principal producer professor programmer proofreader prosecutor psychiatrist "
    "psychologist psychotherapist publisher rabbi radiographer radiologist ranger realtor receptionist "
    "recruiter referee reporter researcher restorer retailer roofer sailor salesman saleswoman salesperson "
    "scientist screenwriter sculptor secretary seamstress shepherd shopkeeper singer sociologist soldier "
    "solicitor songwriter specialist statistician steward stewardess strategist streamer student "
    "superintendent supervisor surgeon surveyor swimmer tailor teacher technician technologist teller "
    "therapist toolmaker trader trainee trainer translator treasurer tutor undergrad undergraduate "
    "undertaker upholsterer veterinarian vet vicar violinist waiter waitress warden weaver welder "
    "winemaker woodworker worker writer youtuber zookeeper zoologist founder co-founder cofounder ceo cto "
    "cfo coo sysadmin devops sre freshman sophomore phd postgraduate intern dispatcher trucker fireman "
    "stonemason luthier sommelier ux qa librettist lector"
)
IDENTITIES = words_of(
    "vegetarian vegan pescatarian pescetarian omnivore flexitarian dad mum mom mother father parent "
    "grandparent grandmother grandfather grandma grandpa widow widower twin introvert extrovert ambivert "
    "lefty left-hander immigrant expat refugee veteran feminist atheist agnostic christian catholic "
    "protestant lutheran methodist baptist mormon muslim jew hindu buddhist sikh quaker pagan anarchist "
    "socialist liberal conservative libertarian environmentalist pacifist humanist stoic minimalist "
    "perfectionist diabetic asthmatic coeliac celiac insomniac epileptic teetotaller teetotaler non-smoker "
    "smoker homeowner stepdad stepmum stepmom orphan godmother godfather widowed aries taurus gemini libra "
    "scorpio sagittarius capricorn aquarius pisces virgo englishman irishman frenchman scotsman welshman "
    "dutchman native pensioner retiree polyglot vegetarians vegans parents christians muslims foodie "
    "bookworm homebody bachelor breadwinner monarchist "
)
STATES = words_of(
    "married divorced single engaged widowed separated gay lesbian bi bisexual queer trans transgender "
    "non-binary nonbinary straight asexual autistic dyslexic dyspraxic colour-blind color-blind "
    "colourblind colorblind deaf blind left-handed right-handed ambidextrous vegetarian vegan pescatarian "
    "diabetic asthmatic epileptic coeliac celiac gluten-free lactose-intolerant pregnant bilingual "
    "trilingual catholic christian muslim jewish hindu buddhist sikh atheist agnostic protestant lutheran "
    "orthodox teetotal childless childfree adopted disabled neurodivergent hard-of-hearing anaemic anemic "
    "bipolar hypothyroid vegetarians vegans introverted extroverted kosher halal"
)
NATIONS = words_of(
    "afghan albanian algerian american andorran angolan argentine argentinian armenian australian austrian "
    "azerbaijani bahraini bangladeshi barbadian basque belarusian belgian bolivian bosnian brazilian "
    "breton british bulgarian cambodian cameroonian canadian catalan chilean chinese colombian congolese "
    "cornish croatian cuban cypriot czech danish dominican dutch ecuadorian egyptian emirati english "
    "eritrean estonian ethiopian faroese fijian filipino filipina finnish flemish french galician georgian "
    "german ghanaian greek guatemalan haitian honduran hungarian icelandic indian indonesian iranian iraqi "
    "irish israeli italian ivorian jamaican japanese jordanian kazakh kenyan korean kosovar kurdish "
    "kuwaiti kyrgyz laotian latvian lebanese libyan lithuanian macedonian malagasy malaysian maltese maori "
    "mauritian mexican moldovan mongolian montenegrin moroccan mozambican namibian nepali nepalese "
    "nicaraguan nigerian norwegian omani pakistani palestinian panamanian paraguayan persian peruvian "
    "polish portuguese punjabi qatari romanian russian rwandan samoan saudi scottish senegalese serbian "
    "singaporean slovak slovakian slovene slovenian somali spanish sudanese swedish swiss syrian taiwanese "
    "tajik tamil tanzanian thai tibetan tongan trinidadian tunisian turkish ugandan ukrainian uruguayan "
    "uzbek venezuelan vietnamese welsh yemeni zambian zimbabwean"
)
LANGUAGES = NATIONS | words_of(
    "arabic bengali cantonese creole esperanto farsi gaelic gujarati hebrew hindi igbo latin malay "
    "mandarin marathi pashto quechua sanskrit sinhala swahili tagalog telugu urdu xhosa yiddish yoruba "
    "zulu asl bsl hausa"
)
CONDITIONS = words_of(
    "adhd add asthma autism diabetes epilepsy arthritis migraine migraines hypertension eczema psoriasis "
    "anxiety depression ocd ptsd bipolar dyslexia dyscalculia dyspraxia anaemia anemia coeliac celiac "
    "crohn's crohns ibs fibromyalgia hypothyroidism hyperthyroidism hashimoto's lupus endometriosis pcos "
    "tinnitus insomnia narcolepsy glaucoma osteoporosis scoliosis allergy allergies intolerance gout "
    "parkinson's lymphoma leukaemia leukemia sclerosis apnea apnoea rosacea vertigo disease disorder "
    "syndrome hayfever haemophilia hemophilia diabetic hernia"
)
KIN_WORDS = (
    "wife|husband|partner|spouse|fianc[eé]e?|girlfriend|boyfriend|mum|mom|mam|mother|dad|father|parents?"
    "|son|sons|daughter|daughters|kid|kids|child|children|baby|toddler|twins?|brother|brothers|sister"
    "|sisters|siblings?|grandma|grandpa|grandmother|grandfather|grandparents|granddaughter|grandson"
    "|grandchildren|nan|gran|granny|grandad|granddad|aunt|auntie|uncle|cousin|cousins|niece|nephew|in-laws"
    "|mother-in-law|father-in-law|sister-in-law|brother-in-law|stepson|stepdaughter|stepdad|stepmum|stepmom"
    "|stepfather|stepmother|godson|goddaughter|family|husky"
)
POSSESSIONS = words_of(
    "car van truck pickup motorcycle motorbike scooter moped bike bicycle e-bike boat canoe kayak sailboat "
    "narrowboat yacht caravan campervan camper motorhome trailer tractor house flat apartment condo "
    "cottage cabin bungalow farm farmhouse allotment garden greenhouse shed workshop garage studio land "
    "orchard vineyard piano guitar violin cello banjo ukulele drums synthesizer keyboard harp accordion "
    "trumpet saxophone flute camera telescope microscope printer laptop desktop macbook thinkpad ipad "
    "iphone tablet kindle nas server-rack homelab console playstation xbox switch turntable loom kiln "
    "lathe tv television smartwatch sauna hot-tub pool treadmill kettlebells skis snowboard surfboard tent "
    "hammock dishwasher pressure-cooker air-fryer phone smartphone computer pc bakery shop store cafe "
    "business company restaurant"
)
BUSINESSES = words_of(
    "bakery shop store cafe café business company restaurant bookshop bookstore studio agency salon farm "
    "blog podcast newsletter startup practice clinic gallery brewery pub bar hotel hostel b&b charity "
    "nonprofit firm consultancy garage channel school nursery gym winery vineyard label magazine press "
    "workshop florist bistro food-truck stall club choir band orchestra museum theatre theater meetup"
)
UNDERTAKINGS = words_of(
    "novel book memoir thesis dissertation screenplay album ep app game website webshop blog newsletter "
    "podcast startup business shop company boat canoe kayak treehouse shed cabin house greenhouse deck "
    "pond garden robot drone synthesizer synth guitar violin furniture table-saw bookshelf campervan van "
    "motorcycle motorbike car telescope keyboard board-game film documentary musical opera comic webcomic "
    "cookbook anthology trilogy symphony sculpture mural quilt model railway compiler language engine "
    "plugin homelab sauna extension kitchen bathroom bot platform service tool library marketplace course "
    "curriculum tutorial vespa bike bicycle sequel biography collection chair wardrobe bench oven raft "
    "glider kiln loom prototype product community charity saas dashboard site "
)
ACTIVITIES = words_of(
    "chess tennis football soccer basketball badminton squash hockey rugby cricket volleyball golf poker "
    "go bridge guitar piano violin viola cello bass banjo ukulele drums flute clarinet oboe trumpet "
    "trombone saxophone sax harp accordion mandolin fiddle organ harmonica tuba horn dnd d&d scrabble "
    "minecraft padel netball handball lacrosse darts snooker pool baseball softball rounders sitar tabla "
    "bagpipes table-tennis ping-pong frisbee ultimate factorio warhammer bouzouki lute recorder"
)
CHALLENGES = words_of(
    "marathon triathlon ironman race 5k 10k ultramarathon ultra half tournament competition championship "
    "olympics exam exams bar boards audition recital trip house wedding hike expedition climb swim "
    "crossing licence license certification mcat lsat gre"
)
TOOLS = words_of(
    "vim neovim emacs vscode obsidian notion excel photoshop figma linux windows python rust javascript "
    "typescript java kotlin golang firefox chrome safari slack jira git github gitlab docker blender "
    "ableton scrivener latex zotero anki todoist evernote trello logseq duolingo strava garmin lightroom "
    "tmux zsh fish postgres django react svelte vue ubuntu debian"
)
TECHNICAL = words_of(
    "error errors exception nullpointerexception traceback function functions method methods code script "
    "loop array arrays list lists dataframe dict dictionary variable variables regex query queries branch "
    "commit container docker kubernetes server endpoint api class null undefined compile stacktrace npm "
    "pip css div json xml yaml sql csv column columns row rows file files folder directory index import "
    "bug bugs localhost port cpu thread async await callback config snippet formula cell cells spreadsheet "
    "worksheet database schema migration hash map iterate iterator string integer boolean parameter "
    "argument app tab puzzle volume download upload popup notification spam login password router modem "
    "driver update install elements pointer struct enum module repo tests test-suite cron job-queue"
)
REPLY_NOUNS = words_of(
    "idea ideas way version versions tone first second third fourth last latter former option options one "
    "ones style format answer answers response reply replies suggestion suggestions result results "
    "approach look sound-of name names design previous new other others title titles logo plan direction "
    "concept ending part parts example examples fact code output phrase phrasing wording word words line "
    "lines sentence paragraph text draft summary picture image images colors colours structure flow intro "
    "introduction conclusion theme question explanation analogy following above current original same "
    "error errors message post caption headline slogan poem story joke list table recipe layout shorter "
    "longer vibe energy detail details thought most rest bug file"
)
"""What a taste is about when it is about the assistant's last answer, not about the person."""

MANNER = (
    r"(?:emojis?|emoticons?|bullets?|bullet[- ]points?|lists|jargon|exclamation (?:marks|points)"
    r"|em[- ]?dash(?:es)?|markdown|headings|headers|fillers?|flattery|disclaimers?|slang|preambles?"
    r"|small talk|apologi[sz]\w*|sugar-?coat\w*|lecture|buzzwords|hashtags|moralis\w+|repeat my question"
    r"|metaphors|cliches|clichés|swear\w*|hedg\w+|tables)"
)
"""How answers are to be written: what standing instructions speak of."""

REPLY_VERBS = (
    r"(?:answer|reply|respond|write|use|give|explain|include|show|speak|talk|format|provide|cite|start|end"
    r"|begin|finish|ask|keep|be|add|address|translate|call|refer|summari[sz]e|quote|mention|assume|check"
    r"|tell|apologi[sz]e|say|suggest|recommend|offer|put|prefer|stick|list|double-check|point|remind|make"
    r"|sugarcoat|correct|challenge|convert|spell|sign|greet|avoid)"
)
