"""Composing: the audience in words, a play for it, what only a person can say, and the way to the preview."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import streamlit as st

import settings
from outreach.audience import Audience
from outreach.drafting import compose
from outreach.fields import LANGUAGES
from outreach.merge_fields import FIELDS, LONGEST_TEXT
from outreach.plays import Play
from pages.shared import data, panel, viewer, words
from pages.shared.answers import campaigns as answers
from pages.shared.data import View
from pages.shared.findings import campaigns as findings
from pages.shared.findings import outreach_words as called
from pages.shared.reach import chosen, others
from pages.shared.reach.chosen import Chosen
from pages.shared.roles import Right
from queries.frames import Frames
from queries.scope import stand_in
from records.errors import RecordsError
from settings import SettingsError

_OTHER = "Another play"
_LONG = ("incident", "remedy")


def show(view: View, picked: Chosen, may: bool) -> None:
    """The page while an audience has no draft yet; ``may``: the records can be written to."""
    panel.head(f"Reach out to {findings.chosen(picked.audience)}", f"{findings.asked_for(picked.audience)}.")
    st.button("Drop this choice", type="tertiary", icon=":material/close:", key="choose_nobody", on_click=chosen.drop)
    others.chosen(view, picked.audience)
    plays = answers.plays()
    if not plays:
        st.info("There is no play. Add one to `config/plays/`; docs/plays.md says how.", icon=":material/add_circle:")
        return
    with panel.section("What would help them?", detail="A play addresses one cause and asks for one simple thing."):
        play = _play(plays, picked)
        if play is None:
            return
        _about(play, picked.audience)
    typed = _fields(view, picked, play) if play.asks else {}
    title = st.text_input(
        "Name of the campaign",
        value=picked.title or chosen.cut(f"{play.title}: {picked.audience.label}"),
        max_chars=200,
        key=f"title_{picked.campaign_id}_{play.id}",
        help="For us; nobody who is written to sees it",
    )
    if may and st.button("Preview", type="primary", icon=":material/visibility:", key="preview"):
        draft(view, replace(picked, audience=_with(picked.audience, typed), play=play.id, title=title), play)
    st.caption("Nothing is sent yet: the preview shows everybody's message, and who gets none and why.")


def _play(plays: dict[str, Play], picked: Chosen) -> Play | None:
    """The play chosen: one that suits the audience, or any other; None before any other is chosen."""
    suits = [id for id in (picked.play, *picked.plays) if id in plays]
    suits = list(dict.fromkeys(suits))
    others = [id for id in sorted(plays, key=lambda id: plays[id].title) if id not in suits]
    key = f"play_{picked.campaign_id}"
    taken: str | None = _OTHER
    if suits:
        offered = [*suits, _OTHER] if others else suits
        taken = st.radio(
            "A play that suits them",
            offered,
            key=key,
            format_func=lambda id: id if id == _OTHER else words.inert(plays[id].title),
            captions=["" if id == _OTHER else words.inert(plays[id].cause) for id in offered],
        )
    if taken is None or taken == _OTHER:
        taken = st.selectbox(
            "Play",
            others,
            index=None,
            key=f"{key}_other",
            format_func=lambda id: plays[id].title,
            placeholder="Choose a play",
            width=420,
        )
    return plays[taken] if taken is not None else None


def _about(play: Play, audience: Audience) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{words.inert(play.title)}**")
        for label, said in (("For whom", play.cause), ("It asks for one thing", play.next_step)):
            st.markdown(f":gray[{label}:] {words.inert(said)}")
        st.caption(findings.play_said(play, audience))
        st.caption(called.KINDS[play.kind])


def _fields(view: View, picked: Chosen, play: Play) -> dict[str, dict[str, Any]]:
    """What only whoever composes knows, in every language that would be written in: by language, then by field."""
    asked = [name for name in play.asks if not isinstance(picked.audience.extra.get(name), dict)]
    for name in play.asks:
        if name not in asked:
            st.caption(f"{called.field_label(name)}: known account by account, as the product calls it.")
    if not asked:
        return {}
    people = picked.audience
    spoken = answers.languages(view, play.id, play.version, people.account_ids, people.user_ids)
    tags = spoken["language"].to_list() or ["en"]
    typed: dict[str, dict[str, Any]] = {}
    with panel.section("In your words", detail=_detail(len(tags))):
        for tag, place in zip(tags, st.tabs([_tab(*row) for row in spoken.iter_rows()] or ["English"]), strict=True):
            with place:
                typed[tag] = {name: _field(picked, play, tag, name) for name in asked}
    return typed


def _detail(languages: int) -> str:
    said = "The message says this as you write it."
    if languages > 1:
        said = f"The message says this as you write it, in each of its {languages} languages."
    return f"{said} Where something is missing that a text needs, nobody is sent that text, and the preview says so."


def _tab(tag: str, people: int) -> str:
    return f"{called.language(tag)} · {people:,}"


def _field(picked: Chosen, play: Play, tag: str, name: str) -> Any:
    known = picked.audience.extra.get(LANGUAGES, {}).get(tag, {}).get(name)
    if known is None and tag == "en":
        known = picked.audience.extra.get(name)  # pages name things in English
    lines = FIELDS[name].kind == "list"
    value = "\n".join(known) if isinstance(known, list | tuple) else known or ""
    common: dict[str, Any] = {
        "value": value,
        "key": f"field_{picked.campaign_id}_{play.id}_{tag}_{name}",
        "placeholder": called.example(name),
        "help": FIELDS[name].meaning,
        "max_chars": LONGEST_TEXT,
    }
    label = called.field_label(name) + (", one a line" if lines else "")
    if lines or name in _LONG:
        said = st.text_area(label, height=80, **common)
        return [line.strip() for line in said.splitlines() if line.strip()] if lines else said
    return st.text_input(label, **common)


def _with(audience: Audience, typed: dict[str, dict[str, Any]]) -> Audience:
    """The audience with what was typed; what a page knew of everybody was shown to be typed over, so it goes."""
    names = {name for told in typed.values() for name in told}
    kept = {name: value for name, value in audience.extra.items() if name not in names}
    said = {tag: {name: value for name, value in told.items() if value} for tag, told in typed.items()}
    return replace(audience, extra={**kept, LANGUAGES: said} if typed else kept)


def draft(view: View, picked: Chosen, play: Play) -> None:
    """Write everybody's message down as a draft, and open it; says calmly why not when that fails."""
    author, mine = viewer.actor(Right.DRAFT), data.book(view)
    book = data.frames(mine)
    bar = st.progress(0.0, text="Looking who may be written to …")

    def progress(done: int, of: int) -> None:
        if done == of or done % 25 == 0:
            bar.progress(done / of, text=f"Writing the messages: {done:,} of {of:,}")

    try:
        answers.refuse_others(mine, picked.campaign_id)
        made = compose(
            settings.get(),
            book,
            play,
            _people(picked.audience, view, book),
            title=picked.title.strip() or None,
            author=author,
            now=datetime.now(UTC),
            campaign_id=picked.campaign_id,
            progress=progress,
        )
    except (RecordsError, SettingsError) as error:
        bar.empty()
        st.error(words.marked(str(error)), icon=":material/edit_off:")
        return
    chosen.drop()
    chosen.show(made.campaign_id)
    st.rerun()


def _people(audience: Audience, view: View, book: Frames) -> Audience:
    """The audience with the people's own ids, where the viewer saw stand-ins."""
    if view.people or audience.user_ids is None:
        return audience
    ids = book.people.filter(stand_in(pl.col("user_id")).is_in(list(audience.user_ids))).select("user_id").collect()
    return replace(audience, user_ids=tuple(ids["user_id"]))
