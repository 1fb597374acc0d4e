"""Which language a text is in, roughly: by its letters, and where many languages share them by its commonest words.

Good enough for shares over many texts, and no more: a text of a few words is often undetermined ("und"), and near
relatives (Czech and Slovak, Danish and Norwegian) are not told apart.
"""

from __future__ import annotations

import re

# First and last letter of a script, with the language it is a sign of; where several share it, the commonest.
_SCRIPTS = (
    ("el", 0x0370, 0x03FF), ("cyrillic", 0x0400, 0x052F), ("hy", 0x0530, 0x058F), ("he", 0x0590, 0x05FF),
    ("arabic", 0x0600, 0x06FF), ("hi", 0x0900, 0x097F), ("bn", 0x0980, 0x09FF), ("ta", 0x0B80, 0x0BFF),
    ("te", 0x0C00, 0x0C7F), ("th", 0x0E00, 0x0E7F), ("ka", 0x10A0, 0x10FF), ("ko", 0xAC00, 0xD7AF),
    ("kana", 0x3040, 0x30FF), ("han", 0x3400, 0x9FFF),
)  # fmt: skip

# Words that make up much of any text of a language, and are rare in the others.
_WORDS = {
    "en": "the and of to in is that it for was with as his he be this are not you but from they she which were",
    "de": "der die und das ist nicht ein eine den von zu mit sich auf für dem des im ich sie es auch als wie",
    "fr": "le les et des est une que qui dans du pour pas au sur ne je plus par ce se il elle sont avec mais",
    "es": "el los que las del por una para con no se lo como más pero sus le ya este porque esta cuando muy sin y",
    "it": "il che di un una per non sono della con del le gli è si da come anche ma nel alla più dei questo ha lo io",
    "pt": "que não uma os para com do da em um por mais as dos como mas foi ao ele das tem seu sua ou muito",
    "nl": "de het een en van ik te dat niet zijn op aan met voor er maar om hem dan zou wat mijn men dit zo door over",
    "sv": "och att det som en på är av för med den till inte har jag ett han men var sig från vi så kan när om hade",
    "da": "og det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde ham hun nu",
    "pl": "w i na się nie z do to że jest o jak a po co tak ale za od jego przez był już tylko czy dla ma są jej",
    "tr": "ve bir bu da de için ile çok ne o gibi daha ama ben var sen olarak kadar olan sonra değil mi her ki şey",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa ada mereka",
}  # fmt: skip
_CYRILLIC = {
    "ru": "и в не на что с он как это по но его к все она так из у же за бы от мне вы только ещё был",
    "uk": "і в не на що з він як це до та його у все вона так із але за від мені ви тільки ще був є",
    "bg": "и в не на че с той как това по но го към са тя така от у за да се съм ще ли ми вие само още беше",
}
_ARABIC = {
    "ar": "في من على إلى أن هذا التي الذي ما لا مع كان عن هو هذه أو كل قد",
    "fa": "و در به از که این را با است برای آن یک خود تا کرد بر هم نیز",
    "ur": "کے کی میں ہے اور سے کا کو اس پر نے یہ کہ ہیں نہیں بھی",
}
_MOST = 4000
_LEAST = 2
_WORD = re.compile(r"[^\W\d_]+")


def _index(words: dict[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for language, listed in words.items():
        for word in listed.split():
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


_LATIN_INDEX, _CYRILLIC_INDEX, _ARABIC_INDEX = _index(_WORDS), _index(_CYRILLIC), _index(_ARABIC)


def language_of(text: str) -> str:
    """The code of ISO 639-1, or "und" where nothing says.

    >>> language_of("Das Haus ist nicht mit dem Garten verbunden."), language_of("1 + 1"), language_of("Γειά σου")
    ('de', 'und', 'el')
    """
    text = text[:_MOST].casefold()
    counts: dict[str, int] = {}
    for letter in text:
        if letter.isalpha():
            script = _script(ord(letter))
            counts[script] = counts.get(script, 0) + 1
    if not counts:
        return "und"
    script = max(sorted(counts), key=lambda one: counts[one])
    if script == "han" or script == "kana":
        return "ja" if counts.get("kana", 0) * 20 > counts.get("han", 0) else "zh"
    index = {"latin": _LATIN_INDEX, "cyrillic": _CYRILLIC_INDEX, "arabic": _ARABIC_INDEX}.get(script)
    return script if index is None else _by_words(text, index)


def _script(code: int) -> str:
    if code < 0x0370:
        return "latin"
    return next((name for name, first, last in _SCRIPTS if first <= code <= last), "und")


def _by_words(text: str, index: dict[str, tuple[str, ...]]) -> str:
    scores: dict[str, float] = {}
    hits = 0
    for word in _WORD.findall(text):
        languages = index.get(word, ())
        hits += bool(languages)
        for language in languages:
            scores[language] = scores.get(language, 0.0) + 1 / len(languages)
    if hits < _LEAST:
        return "und"
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    return ranked[0][0] if len(ranked) == 1 or ranked[0][1] > 1.2 * ranked[1][1] else "und"
