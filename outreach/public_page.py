"""How the public pages look: one card, plain HTML, no script, no cookie, nothing fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import jinja2

LONGEST = 10_000
"""Characters of an answer."""

_STYLE = """
:root { color-scheme: light dark; --paper: #f4f6f9; --card: #ffffff; --ink: #1a2130; --quiet: #566072;
  --line: #d5dbe5; --button: #2850b8; --on-button: #ffffff; --note: #fff4e5; --note-ink: #7a3d00; }
@media (prefers-color-scheme: dark) { :root { --paper: #10141c; --card: #1a202b; --ink: #e6e9ef; --quiet: #a3adbf;
  --line: #3a4456; --button: #4a78e6; --on-button: #ffffff; --note: #3a2a14; --note-ink: #ffd9a8; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; align-items: center; justify-content: center;
  padding: 24px 16px; background: var(--paper); color: var(--ink); font: 17px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main { width: 100%; max-width: 34rem; background: var(--card); border: 1px solid var(--line); border-radius: 16px;
  padding: 26px 24px; }
.company { margin: 0 0 20px; color: var(--quiet); font-size: 15px; }
main > :last-child { margin-bottom: 0; }
h1 { margin: 0 0 12px; font-size: 25px; line-height: 1.3; font-weight: 650; overflow-wrap: anywhere;
  text-wrap: balance; }
p { margin: 0 0 16px; overflow-wrap: anywhere; }
form { margin: 24px 0 0; }
button { font: inherit; font-weight: 600; min-height: 50px; padding: 10px 26px; border-radius: 10px; cursor: pointer;
  border: 1px solid transparent; background: var(--button); color: var(--on-button); width: 100%; }
button.quiet { background: transparent; color: var(--ink); border-color: var(--line); font-weight: 500; }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--button); outline-offset: 2px; }
.undo { margin-top: 32px; padding-top: 20px; border-top: 1px solid var(--line); }
.undo p { margin-bottom: 10px; color: var(--quiet); }
.undo form { margin: 0; }
.note { background: var(--paper); border-radius: 10px; padding: 10px 14px; font-size: 16px; margin-bottom: 22px; }
.note.warns { background: var(--note); color: var(--note-ink); }
.quiet { color: var(--quiet); }
fieldset { border: 0; margin: 0 0 22px; padding: 0; }
legend { padding: 0; margin: 0 0 16px; }
.scores { display: grid; grid-template-columns: repeat(6, 1fr); gap: 8px; }
.scores label { position: relative; display: block; cursor: pointer; }
.scores input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
.scores span { display: flex; align-items: center; justify-content: center; min-height: 48px; border-radius: 10px;
  border: 1px solid var(--line); font-variant-numeric: tabular-nums; }
.scores input:checked + span { background: var(--button); border-color: var(--button); color: var(--on-button);
  font-weight: 650; }
.scores input:focus-visible + span { outline: 3px solid var(--button); outline-offset: 2px; }
.ends { display: flex; justify-content: space-between; gap: 16px; margin: 8px 0 0; color: var(--quiet);
  font-size: 14px; }
.ends span:last-child { text-align: right; }
label.words { display: block; margin: 0 0 8px; }
textarea { width: 100%; min-height: 112px; padding: 12px 14px; font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: 10px; resize: vertical; margin: 0 0 18px; display: block; }
@media (min-width: 640px) { main { padding: 44px 44px 40px; } .scores { grid-template-columns: repeat(11, 1fr);
  gap: 6px; } .scores span { min-height: 44px; } button { width: auto; } }
"""

POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "img-src data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""The content policy of these pages: this one style, forms to ourselves, and nothing else."""

_TEMPLATE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
    """<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow, noarchive">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{{ page.title }}</title>
<style>{{ style|safe }}</style>
</head>
<body>
<main>
<p class="company">{{ company }}</p>
{% if page.note %}
<p class="note{% if page.warns %} warns{% endif %}" role="{{ "alert" if page.warns else "status" }}">{{ page.note }}</p>
{% endif %}
{% if page.form and page.form.question == "nps" %}
{% else %}
<h1>{{ page.title }}</h1>
{% endif %}
{% if page.text %}
<p>{{ page.text }}</p>
{% endif %}
{% if page.form %}
{% set form = page.form %}
<form method="post" enctype="multipart/form-data">
<input type="hidden" name="question" value="{{ form.question }}">
<input type="hidden" name="language" value="{{ language }}">
{% if form.question == "nps" %}
<fieldset>
<legend><h1>{{ page.title }}</h1></legend>
<div class="scores">
{% for score in range(11) %}
<label><input type="radio" name="score" value="{{ score }}" required
{%- if form.score == score %} checked{% endif %}><span>{{ score }}</span></label>
{% endfor %}
</div>
<p class="ends"><span>0: {{ form.low }}</span><span>10: {{ form.high }}</span></p>
</fieldset>
{% endif %}
<label class="words" for="comment">{{ form.label }}</label>
<textarea id="comment" name="comment" rows="5" maxlength="{{ longest }}"
{%- if form.question == "exit" %} required{% endif %}>
{{ form.comment }}</textarea>
<button type="submit">{{ form.button }}</button>
</form>
{% endif %}
{% if page.button %}
<form method="post"><input type="hidden" name="language" value="{{ language }}"><button type="submit"
 name="do" value="stop">{{ page.button }}</button></form>
{% endif %}
{% if page.undo %}
<div class="undo"><p>{{ page.undo[0] }}</p><form method="post">
<input type="hidden" name="language" value="{{ language }}">
<button class="quiet" type="submit" name="do" value="again">{{ page.undo[1] }}</button></form></div>
{% endif %}
{% if page.link %}
<p><a href="{{ page.link[0] }}">{{ page.link[1] }}</a></p>
{% endif %}
</main>
</body>
</html>
"""
)


@dataclass(frozen=True)
class Form:
    """The form of an answer. ``score`` and ``comment`` are what stands in it when it is shown."""

    question: str
    label: str
    button: str
    low: str = ""
    high: str = ""
    score: int | None = None
    comment: str = ""


@dataclass(frozen=True)
class Page:
    """What one page says.

    ``note`` stands above the rest, and ``warns`` where something is missing or went wrong; ``undo`` is a sentence and
    a button, ``link`` where it leads and what it says.
    """

    title: str
    text: str = ""
    note: str = ""
    warns: bool = True
    form: Form | None = None
    button: str = ""
    undo: tuple[str, str] | None = None
    link: tuple[str, str] | None = None


def html(page: Page, *, language: str, company: str) -> str:
    """The page as HTML. Every value is escaped; none is ever HTML."""
    values: dict[str, Any] = {"page": page, "language": language, "company": company}
    return _TEMPLATE.render(values | {"style": _STYLE, "longest": LONGEST})
