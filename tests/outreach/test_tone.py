"""The tone check finds what pushes people, in five languages, and leaves alone what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

import settings
from outreach import tone
from outreach.merge_fields import FIELDS
from outreach.plays import read_plays
from outreach.render import Rendered, Renderer

PUSHING: dict[str, list[tuple[str, str]]] = {
    "en": [
        ("guilt", "We're so sad to see you go, Ana."),
        ("guilt", "Are you really sure you want to cancel?"),
        ("guilt", "After everything we've done for you, this hurts."),
        ("guilt", "Please don’t leave us."),
        ("guilt", "You still haven't replied to my last message."),
        ("guilt", "We were counting on you."),
        ("we_miss_you", "We miss you!"),
        ("we_miss_you", "We’ve really missed you around here."),
        ("we_miss_you", "It's not the same without you."),
        ("we_miss_you", "We'd love to have you back."),
        ("we_miss_you", "It's been a while."),
        ("false_urgency", "LAST CHANCE to keep your price"),
        ("false_urgency", "Act now, only 2 days left."),
        ("false_urgency", "Don't miss out on this."),
        ("false_urgency", "The price ends at\n midnight."),
        ("false_urgency", "This is urgent."),
    ],
    "de": [
        ("guilt", "Wir sind wirklich traurig über Ihre Kündigung."),
        ("guilt", "Schade, dass Sie gehen."),
        ("guilt", "Wollen Sie wirklich kündigen?"),
        ("guilt", "Nach allem, was wir für Sie getan haben, überrascht uns das."),
        ("guilt", "Bitte lassen Sie uns nicht im Stich."),
        ("guilt", "Das werden Sie später bereuen."),
        ("we_miss_you", "Wir vermissen Sie."),
        ("we_miss_you", "Wir haben Sie sehr vermisst!"),
        ("we_miss_you", "Sie fehlen uns."),
        ("we_miss_you", "Wir möchten Sie gern zurückgewinnen."),
        ("we_miss_you", "Wir haben lange nichts von Ihnen gehört."),
        ("false_urgency", "Letzte Chance: Ihr Rabatt"),
        ("false_urgency", "Das ist die allerletzte Gelegenheit."),
        ("false_urgency", "Nur noch 3 Tage!"),
        ("false_urgency", "Handeln Sie jetzt."),
        ("false_urgency", "Das Angebot läuft bald ab."),
        ("false_urgency", "Verpassen Sie diese Aktion nicht."),
        ("false_urgency", "Wir bitten dringend um Rückmeldung."),
    ],
    "ru": [
        ("guilt", "Нам очень грустно, что так вышло."),
        ("guilt", "Жаль, что вы уходите."),
        ("guilt", "Вы действительно хотите уйти?"),
        ("guilt", "После всего, что мы для вас сделали, это странно."),
        ("guilt", "Вы нас разочаровали."),
        ("guilt", "Вы ещё пожалеете об этом."),
        ("guilt", "Вы так и не ответили на наше письмо."),
        ("we_miss_you", "Мы скучаем по вам!"),
        ("we_miss_you", "Мы уже соскучились."),
        ("we_miss_you", "Нам вас не хватает."),
        ("we_miss_you", "Возвращайтесь!"),
        ("we_miss_you", "Мы ждём вас обратно."),
        ("false_urgency", "Последний шанс сохранить цену"),
        ("false_urgency", "Не упустите последнюю возможность."),
        ("false_urgency", "Осталось всего 3 дня."),
        ("false_urgency", "Только сегодня скидка."),
        ("false_urgency", "Просим срочно ответить."),
        ("false_urgency", "Успейте продлить, пока не поздно."),
    ],
    "zh": [
        ("guilt", "听到这个消息，我们非常难过。"),
        ("guilt", "您真的要离开吗？"),
        ("guilt", "请不要离开我们。"),
        ("guilt", "我们为您付出了这么多。"),
        ("guilt", "很遗憾看到您离开。"),
        ("guilt", "您一直没有回复我们的邮件。"),
        ("we_miss_you", "我们很想念您！"),
        ("we_miss_you", "我们想您了"),
        ("we_miss_you", "没有您，这里不一样了。"),
        ("we_miss_you", "我们期待着您早日回来。"),
        ("we_miss_you", "好久不见！"),
        ("false_urgency", "最后一次机会"),
        ("false_urgency", "仅剩 3 天！"),
        ("false_urgency", "请立即行动。"),
        ("false_urgency", "限时优惠"),
        ("false_urgency", "优惠活动即将结束。"),
        ("false_urgency", "千万不要错过。"),
    ],
    "ro": [
        ("guilt", "Ne pare rău că plecați."),
        ("guilt", "Suntem foarte dezamăgiți."),
        ("guilt", "Chiar doriți să renunțați?"),
        ("guilt", "După tot ce am făcut pentru dumneavoastră, ne surprinde."),
        ("guilt", "Ne-ați lăsat baltă."),
        ("guilt", "Nu ne părăsiți!"),
        ("guilt", "O să regretați."),
        ("we_miss_you", "Ne este dor de dumneavoastră!"),
        ("we_miss_you", "Ne e tare dor de voi."),
        ("we_miss_you", "Ne lipsiți."),
        ("we_miss_you", "Vă așteptăm cu drag înapoi."),
        ("we_miss_you", "Reveniți la noi."),
        ("we_miss_you", "Vă simțim lipsa."),
        ("false_urgency", "Ultima şansă pentru acest preț"),  # with the old letter ş
        ("false_urgency", "Doar astăzi: reducere."),
        ("false_urgency", "Grăbiți-vă!"),
        ("false_urgency", "Mai aveți doar 3 zile."),
        ("false_urgency", "Nu ratați oferta."),
        ("false_urgency", "Vă rugăm să răspundeți urgent."),
    ],
}

CALM: dict[str, list[str]] = {
    "en": [
        "We are sorry for the outage.",
        "Sorry that this took so long.",
        "If you miss your old export, it is in the menu.",
        "We missed your call on Monday.",
        "Should you want to come back one day, a short reply is enough.",
        "The offer is valid until 31 January 2027.",
        "The subscription ends on 31 December 2026.",
        "This is not urgent.",
        "The final invoice is attached.",
        "Your last call with us was in May.",
        "After all invoices are paid, the account is closed.",
        "None of this needs an answer.",
        "It helps to act on the report within a week.",
        "The hurricane warning list is now shorter.",
    ],
    "de": [
        "Wir bitten um Entschuldigung für den Ausfall.",
        "Falls Sie eine Funktion vermissen, schreiben Sie uns.",
        "Was vermissen Sie am meisten?",
        "Falls Sie eines Tages zurückkommen möchten, geht das hier.",
        "Das Angebot gilt bis zum 31. Januar 2027.",
        "Das Abonnement endet am 31. Dezember 2026.",
        "Das ist nicht dringend.",
        "Die letzte Rechnung liegt bei.",
        "In der Rechnung fehlen uns noch zwei Angaben.",
        "Nach allem Gesagten bleibt der Tarif, wie er ist.",
        "Der Aufwand ist null.",
        "Zögern Sie nicht, uns zu schreiben.",
    ],
    "ru": [
        "Приносим извинения за сбой.",
        "Если вам не хватает какой-то функции, напишите нам.",
        "Для отчёта нам не хватает данных.",
        "Если когда-нибудь вы решите вернуться, это можно сделать здесь.",
        "Предложение действует до 31 января 2027 года.",
        "Это не срочно.",
        "Последний счёт во вложении.",
        "Подписка закончится 31 декабря 2026 года.",
        "Последний день подписки: 31 декабря.",
        "Вы пока не ответили на вопрос о размере компании в анкете.",
    ],
    "zh": [
        "我们为这次故障向您致歉。",
        "如果您日后希望重新使用，回复本邮件即可。",
        "有效期至 2027年1月31日。",
        "订阅将于 2026年12月31日终止，最后一天仍可导出数据。",
        "这件事并不紧急。",
        "我们想了解您的看法。",
        "我们想请教您一个问题。",
        "请在设置中填写紧急联系人。",
        "如果您确定要取消，请回复本邮件。",
        "您的订阅即将到期。",
    ],
    "ro": [
        "Ne cerem scuze pentru întrerupere.",
        "Ne pare rău că exportul nu a funcționat.",
        "Dacă vă lipsește o funcție, scrieți-ne.",
        "Ne lipsesc două date din factură.",
        "Dacă veți dori cândva să reveniți, o puteți face aici.",
        "Oferta este valabilă până pe 31 ianuarie 2027.",
        "Nu este urgent.",
        "Ultima factură este atașată.",
        "Abonamentul încetează pe 31 decembrie 2026.",
        "Nu pierdeți nicio dată la trecere.",
    ],
}


@pytest.fixture(scope="module")
def held() -> tone.Tone:
    return tone.tone_of(settings.read(settings.ROOT / "config", {}))


@pytest.mark.parametrize("language", PUSHING)
def test_phrases_that_push_are_flagged_for_what_they_are(held: tone.Tone, language: str):
    found = {text: {flag.kind for flag in held.check("", text, language)} for _, text in PUSHING[language]}
    missed = [(kind, text) for kind, text in PUSHING[language] if kind not in found[text]]
    assert missed == []
    assert {kind for kind, _ in PUSHING[language]} == {"guilt", "we_miss_you", "false_urgency"}


@pytest.mark.parametrize("language", CALM)
def test_calm_sentences_that_look_alike_are_not_flagged(held: tone.Tone, language: str):
    assert {text: flags for text in CALM[language] if (flags := held.check("", text, language))} == {}


def test_a_flag_shows_the_words_as_they_were_written(held: tone.Tone):
    assert held.check("Hello", "Dear Ana,\n\nWE  MISS\nyou.", "en") == [
        tone.Flag("we_miss_you", "WE MISS you", tone.WHY["we_miss_you"])
    ]
    assert [flag.excerpt for flag in held.check("Ultima şansă", "", "ro")] == ["Ultima şansă"]


def test_subjects_are_read_too_and_a_phrase_is_flagged_once(held: tone.Tone):
    assert [flag.excerpt for flag in held.check("Last chance", "Last chance\nLast chance", "en")] == ["Last chance"]


def test_regional_tags_count_as_their_language_and_unknown_languages_as_english(held: tone.Tone):
    assert [flag.kind for flag in held.check("", "Wir vermissen Sie", "de_AT")] == ["we_miss_you"]
    assert [flag.kind for flag in held.check("", "We miss you", "fr")] == ["we_miss_you"]


@pytest.mark.parametrize(
    "text",
    [
        "Hello {{ first_name }},", "{% if plan %}", "Hello [NAME],", "Hello [First name],", "Guten Tag [KUNDENNAME],",
        "Guten Tag [Name],", "Здравствуйте, [Имя]!", "[姓名]，您好：", "Bună ziua, [Prenume],", "Dear XXX,",
        "Hello None,", "您好None，", "Invoices sent: nan", "since NaT", "Dear {first_name},", "Dear %s,",
        "Dear <first name>,", "TODO: mention the export", "undefined people", "Lorem ipsum dolor",
    ],
)  # fmt: skip
def test_what_nobody_filled_in_is_flagged_in_every_language(held: tone.Tone, text: str):
    for language in ("en", "de", "ru", "zh", "ro"):
        assert "unfilled" in {flag.kind for flag in held.check("", text, language)}


@pytest.mark.parametrize(
    "text",
    [
        "None of them fits.", "Hello Nan,", "the account of Banana Ltd", "XXXLutz", "[beta] export", "Nanette",
        "null Aufwand", "Rates {1, 2}", "100% sicher", "see [1]", "Todo lists are there", "the size 2XXL",
    ],
)  # fmt: skip
def test_ordinary_words_are_not_taken_for_unfilled_fields(held: tone.Tone, text: str):
    assert held.check("", text, "en") == []


def test_every_shipped_play_passes_in_every_language_with_all_fields_and_with_few(held: tone.Tone):
    plays = read_plays(settings.read(settings.ROOT / "config", {}))
    everything = {name: field.example for name, field in FIELDS.items()}
    needed = ["account", "company", "signer", "answer_link", "unsubscribe_link", "ends_on", "renews_on", "features"]
    few = {name: everything[name] for name in needed}
    with Renderer() as renderer:
        for play in plays.values():
            asked = {name: everything[name] for name in play.asks}
            for language, body in play.languages.items():
                for fields in (everything, few | asked):
                    message = renderer.render(body, fields)
                    assert isinstance(message, Rendered), (play.id, language, message)
                    assert held.check(message.subject, message.text, language) == [], (play.id, language)


def _written(folder: Path, text: str) -> settings.Settings:
    (folder / "tone.toml").write_text(text, encoding="utf-8")
    return settings.read(settings.ROOT / "config", {}).model_copy(update={"config": folder})


def test_a_company_adds_a_language_by_adding_a_section(tmp_path: Path):
    added = """
unfilled = ['\\{\\{']
[languages.fr]
guilt = ["vous nous (?:decevez|abandonnez)"]
we_miss_you = ["vous nous manquez"]
false_urgency = []
"""
    held = tone.tone_of(_written(tmp_path, added))
    assert [flag.kind for flag in held.check("", "Vous nous décevez. Vous nous manquez.", "fr")] == [
        "guilt",
        "we_miss_you",
    ]
    assert held.check("", "We miss you", "en") == []


def test_a_phrase_that_cannot_be_used_is_named(tmp_path: Path):
    with pytest.raises(tone.ToneError, match=r'languages\.fr\.guilt: "\(vous" is no regular expression'):
        tone.tone_of(
            _written(tmp_path, 'unfilled=[]\n[languages.fr]\nguilt=["(vous"]\nwe_miss_you=[]\nfalse_urgency=[]')
        )
    with pytest.raises(tone.ToneError, match="matches nothing at all"):
        tone.tone_of(_written(tmp_path, 'unfilled=["x*"]\nlanguages={}'))
    with pytest.raises(tone.ToneError, match="Hint: put phrases into quotes"):
        tone.tone_of(_written(tmp_path, "unfilled = [x]"))
