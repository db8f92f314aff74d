"""Links that need no sign-in: nobody can make, edit or borrow one."""

import base64
import uuid

import pytest

import settings
from outreach import tokens
from outreach.tokens import BadToken

MESSAGE = uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100")
HELD = settings.read(settings.ROOT / "config", {"SECRET_KEY": "one key", "PUBLIC_URL": "https://t.example/"})
OTHER = settings.read(settings.ROOT / "config", {"SECRET_KEY": "another key"})
TOKEN = tokens.sign(HELD, "unsubscribe", MESSAGE)


def test_a_token_leads_back_to_its_message_and_is_the_same_every_time():
    assert tokens.read(HELD, "unsubscribe", TOKEN) == MESSAGE
    assert tokens.sign(HELD, "unsubscribe", MESSAGE) == TOKEN
    assert len(TOKEN) == tokens.LENGTH


def test_a_token_holds_the_messages_id_and_a_signature_and_nothing_else():
    written, signature = TOKEN.split(".")
    assert base64.urlsafe_b64decode(written + "==") == MESSAGE.bytes
    assert len(base64.urlsafe_b64decode(signature + "=")) == 32


def test_every_edited_or_shortened_token_is_refused():
    for at, letter in enumerate(TOKEN):
        for other in "AB_-.":
            if other != letter:
                with pytest.raises(BadToken):
                    tokens.read(HELD, "unsubscribe", TOKEN[:at] + other + TOKEN[at + 1 :])
        with pytest.raises(BadToken):
            tokens.read(HELD, "unsubscribe", TOKEN[:at])


def test_another_spelling_of_the_same_bytes_is_refused():
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelled = TOKEN[:-1] + alphabet[alphabet.index(TOKEN[-1]) ^ 1]
    assert base64.urlsafe_b64decode(spelled.split(".")[1] + "=") == base64.urlsafe_b64decode(TOKEN.split(".")[1] + "=")
    with pytest.raises(BadToken):
        tokens.read(HELD, "unsubscribe", spelled)


@pytest.mark.parametrize("odd", ["", ".", "é" * 66, "A" * 66, "A" * 22 + "." + "A" * 43, TOKEN + "=", "x" * 100_000])
def test_what_is_no_token_is_refused(odd):
    with pytest.raises(BadToken):
        tokens.read(HELD, "unsubscribe", odd)


def test_a_token_for_one_purpose_or_of_another_key_is_refused():
    with pytest.raises(BadToken):
        tokens.read(HELD, "answer", TOKEN)
    with pytest.raises(BadToken):
        tokens.read(OTHER, "unsubscribe", TOKEN)


def test_links_lead_to_the_public_address():
    assert tokens.link(HELD, "answer", MESSAGE) == f"https://t.example/answer/{tokens.sign(HELD, 'answer', MESSAGE)}"
    assert tokens.link(HELD, "unsubscribe", MESSAGE) == f"https://t.example/unsubscribe/{TOKEN}"


def test_without_a_key_no_link_is_made_and_the_message_says_what_to_set():
    bare = HELD.model_copy(update={"secret_key": None})
    with pytest.raises(settings.SettingsError, match="SECRET_KEY"):
        tokens.link(bare, "answer", MESSAGE)
