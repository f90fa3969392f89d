"""Names the languages of a history that are not English, for people who are told what was not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from shared.domain.sample import SampleConversation
from shared.english.language import ENGLISH, conversation_language
from shared.english.words import words_of

_LISTED = words_of(
    "af=Afrikaans am=Amharic ar=Arabic az=Azerbaijani be=Belarusian bg=Bulgarian bn=Bengali bs=Bosnian "
    "ca=Catalan ceb=Cebuano co=Corsican cs=Czech cy=Welsh da=Danish de=German el=Greek eo=Esperanto "
    "es=Spanish et=Estonian eu=Basque fa=Persian fi=Finnish fil=Filipino fr=French fy=Frisian ga=Irish "
    "gd=Gaelic gl=Galician gu=Gujarati ha=Hausa haw=Hawaiian hi=Hindi hmn=Hmong hr=Croatian ht=Haitian "
    "hu=Hungarian hy=Armenian id=Indonesian ig=Igbo is=Icelandic it=Italian iw=Hebrew ja=Japanese "
    "jv=Javanese ka=Georgian kk=Kazakh km=Khmer kn=Kannada ko=Korean ku=Kurdish ky=Kyrgyz la=Latin "
    "lb=Luxembourgish lo=Lao lt=Lithuanian lv=Latvian mg=Malagasy mi=Maori mk=Macedonian ml=Malayalam "
    "mn=Mongolian mr=Marathi ms=Malay mt=Maltese my=Burmese ne=Nepali nl=Dutch no=Norwegian ny=Chichewa "
    "pa=Punjabi pl=Polish ps=Pashto pt=Portuguese ro=Romanian ru=Russian sd=Sindhi si=Sinhala sk=Slovak "
    "sl=Slovenian sm=Samoan sn=Shona so=Somali sq=Albanian sr=Serbian st=Sotho su=Sundanese sv=Swedish "
    "sw=Swahili ta=Tamil te=Telugu tg=Tajik th=Thai tr=Turkish uk=Ukrainian ur=Urdu uz=Uzbek vi=Vietnamese "
    "xh=Xhosa yi=Yiddish yo=Yoruba zh=Chinese zu=Zulu"
)
_NAMES = dict(each.split("=") for each in _LISTED)
OTHER = "other"
"""What stands for languages that have no name here."""
_CHANCE = 0.05
"""A language of a smaller part of what is not English is rather a mistaken detection."""


def foreign_languages(sample: Iterable[SampleConversation]) -> dict[str, int]:
    """In how many conversations of `sample` each language but English is spoken, the commonest first; rare
    ones are counted as OTHER."""
    codes = Counter(conversation_language(each.excerpts) for each in sample)
    codes.pop(ENGLISH, None)
    least = _CHANCE * codes.total()
    named: Counter[str] = Counter()
    for code, count in codes.items():
        named[_NAMES.get(code.partition("-")[0], OTHER) if count >= least else OTHER] += count
    ranked = sorted(named.items(), key=lambda each: (each[0] == OTHER, -each[1], each[0]))
    return dict(ranked)
