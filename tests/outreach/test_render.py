"""Templates run where they can do no harm, and whatever a value holds, a message stays a message."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

import settings
from outreach import render_child
from outreach.merge_fields import FIELDS, clean
from outreach.plays import Body, read_plays
from outreach.render import LONGEST_SUBJECT, Blocked, Rendered, Renderer, RenderError
from tests.outreach.test_look import Seen

EXAMPLES = {name: field.example for name, field in FIELDS.items()}


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer(seconds=30) as made:  # a busy machine may take its time over an honest message
        yield made


def message(renderer: Renderer, text: str, *, subject: str = "Hello", footer: str = "", **fields: object) -> object:
    return renderer.render(Body("en", subject, text, footer), fields)


def test_a_message_is_filled_in_in_text_and_html_alike(renderer: Renderer):
    found = message(
        renderer,
        "Hello{% if first_name %} {{ first_name }}{% endif %},\n\n{% for feature in features %}\n- {{ feature }}\n"
        "{% endfor %}\n\n[Write here]({{ answer_link }})",
        subject="About {{ account }}",
        footer="[Unsubscribe here]({{ unsubscribe_link }})",
        first_name="Ana",
        account="A & B <GmbH>",
        features=["Invoices", "Reminders"],
        answer_link="https://t.example/answer/1",
        unsubscribe_link="https://t.example/unsubscribe/1",
    )
    assert isinstance(found, Rendered)
    assert found.subject == "About A & B <GmbH>"
    assert found.text == (
        "Hello Ana,\n\n- Invoices\n- Reminders\n\nWrite here: https://t.example/answer/1\n\n-- \n"
        "Unsubscribe here: https://t.example/unsubscribe/1\n"
    )
    assert Seen(found.html).links == ["https://t.example/answer/1", "https://t.example/unsubscribe/1"]


def test_a_line_of_tags_leaves_no_line_and_a_paragraph_that_ends_in_a_tag_stays_one(renderer: Renderer):
    text = (
        "A{% if plan %} b.{% endif %}\n\n{% if plan %}\nC\n{% endif %}\n"
        "{% if plan %}{% if plan %}\nD\n{% endif %} {% endif %}\n\nE"
    )
    assert getattr(message(renderer, text, plan="x"), "text", None) == "A b.\n\nC\nD\n\nE\n"
    assert getattr(message(renderer, text), "text", None) == "A\n\nE\n"


def test_chinese_has_no_spaces_around_chinese_values(renderer: Renderer):
    body = Body("zh", "{{ account }} 的订阅", "{{ account }} 的订阅")
    chinese, latin = (renderer.render(body, {"account": account}) for account in ("明辉科技", "Acme"))
    assert [getattr(found, "subject", None) for found in (chinese, latin)] == ["明辉科技的订阅", "Acme 的订阅"]
    assert [getattr(found, "text", None) for found in (chinese, latin)] == ["明辉科技的订阅\n", "Acme 的订阅\n"]


def test_what_is_not_known_is_false_when_asked_for_and_blocks_when_printed(renderer: Renderer):
    text = "Hello{% if first_name %} {{ first_name }}{% endif %}, {{ csm_name or sender_name }}"
    found = message(renderer, text, first_name=None, sender_name="The team", csm_name="")
    assert isinstance(found, Rendered)
    assert found.text == "Hello, The team\n"
    blocked = message(renderer, "Yours {{ csm_name }}", csm_name="  ")
    assert isinstance(blocked, Blocked)
    assert blocked.reason == "unfilled"
    assert "'csm_name' is undefined" in blocked.detail
    for text in ("{% for name in features %}{{ name }}{% endfor %}", "{{ features[0] }}", "{{ features | length }}"):
        assert getattr(message(renderer, text, features=[]), "reason", None) == "unfilled"


def test_a_message_with_nothing_in_it_is_none(renderer: Renderer):
    assert message(renderer, "{% if plan %}x{% endif %}") == Blocked("unfilled", "nothing is left of it")
    assert message(renderer, "x", subject="{% if plan %}x{% endif %}") == Blocked(
        "unfilled", "nothing is left of its subject"
    )


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe"),
        ("{{ name.__init__.__globals__ }}", "unsafe"),
        ("{{ self.__init__.__globals__ }}", "unsafe"),
        ("{{ '{0.__class__}'.format(name) }}", "unsafe"),
        ("{{ features.append('x') }}", "unsafe"),
        ("{{ name | attr('__class__') }}", "unsafe"),
        ("{{ cycler }}", "unfilled"),
        ("{{ range(10 ** 9) }}", "unfilled"),
        ("{{ name.nothing }}", "unfilled"),
        ("{% if name.nothing %}x{% endif %}", "unfilled"),
        ("{% include '/etc/passwd' %}", "template"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "template"),
        ("{{ " + "(" * 900 + "1" + ")" * 900 + " }}", "template"),
        ("{{ 1 / 0 }}", "template"),
        ("{{ name + 1 }}", "template"),
        ("{% for x in 'x' * 30000 %}{{ x }}{% endfor %}", "too_long"),
        ("{{ 'x' * 20001 }}", "too_long"),
        ("{{ 'x' * 10 ** 9 }}", "out_of_memory"),
        ("{{ ''|center(10 ** 9) }}", "out_of_memory"),
        ("{{ '%1000000000d' | format(1) }}", "out_of_memory"),
        ("{{ name | replace('', 'x' * 10 ** 8) }}", "out_of_memory"),
    ],
)
def test_a_payload_blocks_its_own_message_and_the_next_one_is_well(renderer: Renderer, payload: str, reason: str):
    blocked = message(renderer, payload, name="Ana Weber", features=["Invoices"])
    assert isinstance(blocked, Blocked)
    if reason == "out_of_memory" and sys.platform != "linux":  # only Linux limits a process's memory
        assert blocked.reason in (reason, "too_long", "timed_out")
    else:
        assert blocked.reason == reason
    assert len(blocked.detail) < 500
    assert getattr(message(renderer, "Hello {{ name }}", name="Ana"), "text", None) == "Hello Ana\n"


def test_an_endless_loop_is_killed_at_its_deadline_and_the_next_message_is_well():
    endless = "{% for a in 'x' * 50000 %}{% for b in 'x' * 50000 %}{% endfor %}{% endfor %}"
    with Renderer(seconds=0.2) as renderer:
        assert message(renderer, endless) == Blocked("timed_out", "it took longer than 0.2 seconds")
        renderer._seconds = 30  # a busy machine may take its time over an honest message
        assert isinstance(message(renderer, "Hello"), Rendered)


def test_one_message_has_under_a_second():
    assert Renderer()._seconds < 1


def test_the_process_is_replaced_when_somebody_ends_it(renderer: Renderer):
    assert isinstance(message(renderer, "Hello"), Rendered)
    child = renderer._child
    assert child is not None
    child.kill()
    child.wait()
    assert isinstance(message(renderer, "Hello"), Rendered)


def test_a_process_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("outreach.render._CHILD", tmp_path / "missing.py")
    with Renderer() as renderer, pytest.raises(RenderError, match="does not start"):
        message(renderer, "Hello")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")
def test_the_process_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    with Renderer() as renderer:
        message(renderer, "Hello")
        assert renderer._child is not None
        seen = Path(f"/proc/{renderer._child.pid}/environ").read_bytes()
    assert b"do-not-tell" not in seen
    assert b"do-not-tell" in os.environ["SECRET_KEY"].encode()


def test_the_process_imports_nothing_of_ours():
    source = Path(render_child.__file__).read_text(encoding="utf-8")
    assert "outreach" not in [line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith("from")]
    assert "import settings" not in source


def test_wrong_fields_block_the_message_with_a_reason(renderer: Renderer):
    assert message(renderer, "x", frist_name="Ana") == Blocked("template", 'there is no merge field "frist_name"')
    assert message(renderer, "x", features="Invoices") == Blocked("template", "features is a list, not str")
    assert message(renderer, "x", people_active=1.5) == Blocked("template", "people_active is a number, not float")


def test_values_stay_on_their_line_and_keep_their_length_and_direction():
    assert clean({"account": "A\r\nBcc: x@y.example\u2028B\u202eevil\u2066\u200b\x00\x1b[31m"}) == {
        "account": "A Bcc: x@y.example Bevil[31m"
    }
    assert clean({"account": "x" * 1_000})["account"] == "x" * 399 + "…"
    assert len(clean({"features": ["x"] * 1_000})["features"]) == 20  # type: ignore[arg-type]
    assert clean({"people_active": 10**400, "plan": "\u200b \n"}) == {}
    assert clean({"first_name": "Zoë‍", "name": "نیما‌پور"}) == {"first_name": "Zoë‍", "name": "نیما‌پور"}


@pytest.mark.parametrize(
    "name",
    ["http://win.example", "Free money www.win.example", "win.example", "a@b.example", "<b>", "[x](y)", "{{ x }}"],
)
def test_who_signed_up_as_an_advertisement_is_greeted_without_a_name(name: str):
    assert clean({"first_name": name, "name": name}) == {}
    assert clean({"first_name": "J. R.", "name": "Jean-Luc d'Arc Jr."}) == {
        "first_name": "J. R.",
        "name": "Jean-Luc d'Arc Jr.",
    }
    assert clean({"signer": "The win.example team"}) == {"signer": "The win.example team"}  # our own names are ours


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "ftp://x.example", "https://", "https://x.example/a b", "//x.example", "https://x.exa\nmple",
             "https://x.example/\"onclick=", "https://ex\u200bample", "https://x.example/" + "a" * 2_000],
)  # fmt: skip
def test_what_is_no_web_address_is_no_link(link: str):
    assert clean({"help_link": link}) == {}


_TEXT = st.one_of(
    st.text(),
    st.text(st.sampled_from("\r\n\x00\u2028\u202e<>&\"'{}%[]()/: https://evil.example<script>Bcc:{{ 7*7 }}")),
)


@hypothesis.settings(max_examples=200)
@hypothesis.given(name=_TEXT, account=_TEXT, features=st.lists(_TEXT, max_size=3))
def test_no_value_breaks_the_subject_or_makes_a_tag_or_a_link(
    renderer: Renderer, name: str, account: str, features: list[str]
):
    link = "https://t.example/answer/1"
    found = message(
        renderer,
        "Hello {{ name or 'you' }},\n{% for feature in features or [] %}\n- {{ feature }}\n{% endfor %}\n"
        "{{ account or 'x' }}\n[Write here]({{ answer_link }})",
        subject="{{ name or 'you' }} {{ account or 'x' }}",
        name=name,
        account=account,
        features=features,
        answer_link=link,
    )
    assert isinstance(found, Rendered)
    assert found.subject.splitlines() == [found.subject]
    assert found.subject.isprintable() or "\u200c" in found.subject or "\u200d" in found.subject
    assert len(found.subject) <= LONGEST_SUBJECT
    seen = Seen(found.html)
    assert seen.tags <= {"div", "p", "br", "ul", "li", "a", "small"}
    assert seen.attributes <= {"style", "href"}
    assert seen.links[-1] == link
    assert set(seen.links) == {link}
    lines = found.text.splitlines()
    assert len(lines) == 3 + len(clean({"features": features}).get("features", []))  # type: ignore[arg-type]


def test_every_shipped_play_renders_for_somebody_known_well_and_for_somebody_hardly_known(renderer: Renderer):
    plays = read_plays(settings.read(settings.ROOT / "config", {}))
    little = {"account", "company", "signer", "answer_link", "unsubscribe_link", "ends_on", "renews_on", "features"}
    for play, known in itertools.product(plays.values(), (FIELDS.keys(), little)):
        fields = {name: EXAMPLES[name] for name in known | set(play.asks)}
        for language, body in play.languages.items():
            found = renderer.render(body, fields)
            assert isinstance(found, Rendered), (play.id, language, found)
            said = found.text.replace("\n-- \n", "\n")
            assert not any(gap in said for gap in ("  ", " ,", " .", " \n", "\n\n\n", "()", "（）", "..", "。。")), (
                play.id,
                language,
                found.text,
            )
            unsubscribe = "https://t.example/unsubscribe/1a2b" in found.text
            assert unsubscribe == (play.kind == "marketing")
            assert f'<html lang="{language}">' in found.html
