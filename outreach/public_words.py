"""What the public pages say, in every shipped language: to customers, who have never seen this tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language. ``{company}`` is who we are, ``{day}`` a date."""

    stop_title: str
    stop_text: str
    stop_button: str
    stopped_title: str
    stopped_text: str
    back_text: str
    back_button: str
    again_title: str
    again_text: str
    nps_question: str
    nps_low: str
    nps_high: str
    nps_comment: str
    exit_question: str
    exit_comment: str
    answer_button: str
    answered: str
    thanks_title: str
    thanks_text: str
    change: str
    choose: str
    write: str
    too_long: str
    unknown_title: str
    unknown_text: str
    unsent_title: str
    unsent_text: str
    later_title: str
    later_text: str
    busy_title: str
    busy_text: str


_ENGLISH = Words(
    stop_title="No more messages from {company}?",
    stop_text="One press and we stop. What your contract needs, such as confirming its end, still reaches you.",
    stop_button="Unsubscribe",
    stopped_title="You are unsubscribed.",
    stopped_text="{company} sends you no more such messages. What your contract needs still reaches you.",
    back_text="Pressed by mistake?",
    back_button="I want to hear from you again",
    again_title="You are subscribed again.",
    again_text="Every message has a link to stop, whenever you like.",
    nps_question="How likely are you to recommend {company} to a friend or colleague?",
    nps_low="not at all likely",
    nps_high="extremely likely",
    nps_comment="What is the main reason for your score?",
    exit_question="What was the main reason that you left?",
    exit_comment="In your own words",
    answer_button="Send",
    answered="You answered on {day}. A new answer replaces that one.",
    thanks_title="Thank you.",
    thanks_text="Your answer has arrived, and a person will read it.",
    change="Change my answer",
    choose="Please choose a number from 0 to 10.",
    write="Please write a few words first.",
    too_long="Please shorten it to 10,000 characters.",
    unknown_title="This link does not work.",
    unknown_text="It may have been cut off on its way. Please copy the whole link from the message, "
    "or simply reply to the message.",
    unsent_title="This message has not been sent yet.",
    unsent_text="Its links work once it has.",
    later_title="One moment, please.",
    later_text="This does not work right now. Nothing was lost; please try again in a minute.",
    busy_title="That was a lot at once.",
    busy_text="Please try again in a minute.",
)

_GERMAN = Words(
    stop_title="Keine Nachrichten mehr von {company}?",
    stop_text="Ein Klick, und wir hören auf. Was Ihr Vertrag erfordert, etwa die Bestätigung seines Endes, "
    "erreicht Sie weiterhin.",
    stop_button="Abmelden",
    stopped_title="Sie sind abgemeldet.",
    stopped_text="{company} schickt Ihnen keine solchen Nachrichten mehr. "
    "Was Ihr Vertrag erfordert, erreicht Sie weiterhin.",
    back_text="Ein Versehen?",
    back_button="Ich möchte wieder von Ihnen hören",
    again_title="Sie sind wieder angemeldet.",
    again_text="In jeder Nachricht steht ein Link, mit dem Sie sich jederzeit abmelden können.",
    nps_question="Wie wahrscheinlich ist es, dass Sie {company} Freunden oder Kollegen empfehlen?",
    nps_low="unwahrscheinlich",
    nps_high="sehr wahrscheinlich",
    nps_comment="Was ist der wichtigste Grund für Ihre Bewertung?",
    exit_question="Was war der wichtigste Grund, dass Sie gegangen sind?",
    exit_comment="In Ihren eigenen Worten",
    answer_button="Absenden",
    answered="Sie haben am {day} geantwortet. Eine neue Antwort ersetzt diese.",
    thanks_title="Vielen Dank.",
    thanks_text="Ihre Antwort ist angekommen, und ein Mensch wird sie lesen.",
    change="Antwort ändern",
    choose="Bitte wählen Sie eine Zahl von 0 bis 10.",
    write="Bitte schreiben Sie zuerst ein paar Worte.",
    too_long="Bitte kürzen Sie den Text auf 10.000 Zeichen.",
    unknown_title="Dieser Link funktioniert nicht.",
    unknown_text="Vielleicht wurde er unterwegs abgeschnitten. Bitte kopieren Sie den ganzen Link aus der Nachricht, "
    "oder antworten Sie einfach darauf.",
    unsent_title="Diese Nachricht wurde noch nicht gesendet.",
    unsent_text="Ihre Links funktionieren, sobald sie gesendet ist.",
    later_title="Einen Moment, bitte.",
    later_text="Das geht gerade nicht. Nichts ist verloren; bitte versuchen Sie es in einer Minute noch einmal.",
    busy_title="Das war viel auf einmal.",
    busy_text="Bitte versuchen Sie es in einer Minute noch einmal.",
)

_RUSSIAN = Words(
    stop_title="Больше не получать письма от {company}?",
    stop_text="Одно нажатие, и мы перестанем писать. Всё, что требуется по договору, например подтверждение "
    "его окончания, вы получите и дальше.",
    stop_button="Отписаться",
    stopped_title="Вы отписались.",
    stopped_text="{company} больше не будет присылать вам такие письма. "
    "Всё, что требуется по договору, вы получите и дальше.",
    back_text="Нажали случайно?",
    back_button="Я хочу снова получать письма",
    again_title="Вы снова подписаны.",
    again_text="В каждом письме есть ссылка, по которой можно отписаться в любой момент.",
    nps_question="Насколько вероятно, что вы порекомендуете {company} знакомым или коллегам?",
    nps_low="совсем маловероятно",
    nps_high="очень вероятно",
    nps_comment="Какова главная причина вашей оценки?",
    exit_question="Какова была главная причина вашего ухода?",
    exit_comment="Своими словами",
    answer_button="Отправить",
    answered="Вы ответили {day}. Новый ответ заменит прежний.",
    thanks_title="Спасибо.",
    thanks_text="Ваш ответ получен, и его прочтёт человек.",
    change="Изменить ответ",
    choose="Пожалуйста, выберите число от 0 до 10.",
    write="Пожалуйста, сначала напишите несколько слов.",
    too_long="Пожалуйста, сократите текст до 10 000 знаков.",
    unknown_title="Эта ссылка не работает.",
    unknown_text="Возможно, она оборвалась по дороге. Пожалуйста, скопируйте ссылку из письма целиком "
    "или просто ответьте на письмо.",
    unsent_title="Это письмо ещё не отправлено.",
    unsent_text="Его ссылки заработают после отправки.",
    later_title="Минуту, пожалуйста.",
    later_text="Сейчас это не получается. Ничего не потеряно; пожалуйста, попробуйте ещё раз через минуту.",
    busy_title="Слишком много запросов сразу.",
    busy_text="Пожалуйста, попробуйте ещё раз через минуту.",
)

_CHINESE = Words(
    stop_title="不再接收 {company} 的邮件？",
    stop_text="点一下，我们就不再打扰。合同所必需的通知（例如确认合同结束）您仍会收到。",
    stop_button="退订",
    stopped_title="您已退订。",
    stopped_text="{company} 不会再向您发送此类邮件。合同所必需的通知您仍会收到。",
    back_text="点错了吗？",
    back_button="我想重新接收邮件",
    again_title="您已重新订阅。",
    again_text="每封邮件里都有退订链接，您可以随时退订。",
    nps_question="您有多大可能向朋友或同事推荐 {company}？",
    nps_low="完全不可能",
    nps_high="非常可能",
    nps_comment="您打这个分数的主要原因是什么？",
    exit_question="您离开的主要原因是什么？",
    exit_comment="请用您自己的话说说",
    answer_button="提交",
    answered="您已于 {day} 回答过。新的回答会替换之前的回答。",
    thanks_title="谢谢您。",
    thanks_text="您的回答已收到，我们会有人认真阅读。",
    change="修改我的回答",
    choose="请选择一个 0 到 10 的数字。",
    write="请先写几句话。",
    too_long="请缩短到 10,000 个字以内。",
    unknown_title="这个链接无法使用。",
    unknown_text="它可能在传送途中被截断了。请从邮件中复制完整的链接，或者直接回复邮件。",
    unsent_title="这封邮件尚未发送。",
    unsent_text="发送之后，其中的链接即可使用。",
    later_title="请稍等。",
    later_text="现在暂时无法处理。没有任何内容丢失，请过一分钟再试。",
    busy_title="请求太多了。",
    busy_text="请过一分钟再试。",
)

_ROMANIAN = Words(
    stop_title="Nu mai doriți mesaje de la {company}?",
    stop_text="O singură apăsare și ne oprim. Ce ține de contract, de exemplu confirmarea încetării lui, "
    "va ajunge în continuare la dumneavoastră.",
    stop_button="Dezabonare",
    stopped_title="V-ați dezabonat.",
    stopped_text="{company} nu vă mai trimite astfel de mesaje. "
    "Ce ține de contract va ajunge în continuare la dumneavoastră.",
    back_text="Ați apăsat din greșeală?",
    back_button="Vreau să primesc din nou mesaje",
    again_title="V-ați abonat din nou.",
    again_text="Fiecare mesaj are un link prin care vă puteți dezabona oricând.",
    nps_question="Cât de probabil este să recomandați {company} unui prieten sau coleg?",
    nps_low="deloc probabil",
    nps_high="foarte probabil",
    nps_comment="Care este motivul principal al notei?",
    exit_question="Care a fost motivul principal pentru care ați plecat?",
    exit_comment="Cu propriile cuvinte",
    answer_button="Trimite",
    answered="Ați răspuns la {day}. Un răspuns nou îl înlocuiește pe acela.",
    thanks_title="Vă mulțumim.",
    thanks_text="Răspunsul a ajuns la noi și va fi citit de un om.",
    change="Modific răspunsul",
    choose="Vă rugăm să alegeți un număr de la 0 la 10.",
    write="Vă rugăm să scrieți mai întâi câteva cuvinte.",
    too_long="Vă rugăm să scurtați textul la 10.000 de caractere.",
    unknown_title="Acest link nu funcționează.",
    unknown_text="Poate a fost tăiat pe drum. Vă rugăm să copiați linkul întreg din mesaj "
    "sau pur și simplu să răspundeți la mesaj.",
    unsent_title="Acest mesaj nu a fost trimis încă.",
    unsent_text="Linkurile lui funcționează după trimitere.",
    later_title="Un moment, vă rugăm.",
    later_text="Acum nu se poate. Nu s-a pierdut nimic; vă rugăm să încercați din nou peste un minut.",
    busy_title="Prea multe cereri deodată.",
    busy_text="Vă rugăm să încercați din nou peste un minut.",
)

SHIPPED = {"en": _ENGLISH, "de": _GERMAN, "ru": _RUSSIAN, "zh": _CHINESE, "ro": _ROMANIAN}
"""The languages that the pages speak."""


def shipped(language: str | None) -> str | None:
    """The shipped language that ``language`` (``de-AT``, ``zh_Hans``) is one of, None when there is none.

    >>> shipped("de-AT"), shipped("zh_Hans_CN"), shipped("fr"), shipped(None)
    ('de', 'zh', None, None)
    """
    base = (language or "").strip().lower().replace("_", "-").split("-")[0]
    return base if base in SHIPPED else None


def asked_for(accepted: str) -> Iterable[str]:
    """The languages of an Accept-Language header that are shipped, the most wanted first.

    >>> list(asked_for("fr-FR, ro;q=0.8, de;q=0.9, en;q=none, ru;q=0"))
    ['de', 'ro']
    """
    wanted = []
    for part in accepted[:500].split(","):
        name, _, weight = part.partition(";q=")
        try:
            much = float(weight or 1)
        except ValueError:
            continue
        found = shipped(name)
        if found and much > 0:
            wanted.append((-much, found))
    return dict.fromkeys(name for _, name in sorted(wanted, key=lambda pair: pair[0]))


def choose(accepted: str, *, fallback: str, known: str | None = None) -> str:
    """The language of a page: the recipient's own, else what the browser asks for, else ``fallback``, else English.

    >>> choose("fr,de;q=0.5", fallback="ro"), choose("fr", fallback="ro"), choose("de", fallback="en", known="zh-CN")
    ('de', 'ro', 'zh')
    """
    return shipped(known) or next(iter(asked_for(accepted)), None) or shipped(fallback) or "en"
