import re
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import config
from ketaqa.config import Config
from ketaqa.errors import BadSetting

# a value unlike the default for every setting: as an environment variable, as TOML, as read
VALUES = {
    "index": ("my.index", '"my.index"', "my.index"),
    "encoder": ("models/one", '"models/one"', "models/one"),
    "host": ("0.0.0.0", '"0.0.0.0"', "0.0.0.0"),
    "port": ("8000", "8000", 8000),
    "allowed_origins": (
        "https://a.example, http://b.example:8080/",
        '["https://a.example", "http://b.example:8080/"]',
        ("https://a.example", "http://b.example:8080"),
    ),
    "root_path": ("/help", '"/help"', "/help"),
    "answer_or_silence": ("0.8", "0.8", 0.8),
    "max_question_length": ("200", "200", 200),
    "max_body_size": ("4096", "4096", 4096),
    "evaluate_page": ("true", "true", True),
    "collections": ("sets", '"sets"', "sets"),
}


def wrote(folder, text):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / config.FILE).write_bytes(data)
    return folder


def tried(environ):
    """The settings and no refusal, or the other way round."""
    try:
        return config.load(environ), ""
    except BadSetting as error:
        return None, str(error)


def test_without_file_and_environment_the_defaults_hold(tmp_path):
    assert config.load({}, tmp_path) == Config()


def test_every_setting_has_a_case_here():
    assert {f.name for f in fields(Config)} == set(VALUES)


@pytest.mark.parametrize("key", VALUES)
def test_every_setting_is_read_from_the_environment(key, tmp_path):
    text, _, wanted = VALUES[key]
    assert wanted != getattr(Config(), key)
    assert getattr(config.load({"KETAQA_" + key.upper(): text}, tmp_path), key) == wanted


@pytest.mark.parametrize("key", VALUES)
def test_every_setting_is_read_from_the_file(key, tmp_path):
    _, toml, wanted = VALUES[key]
    assert getattr(config.load({}, wrote(tmp_path, f"{key} = {toml}\n")), key) == wanted


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    folder = wrote(tmp_path, 'port = 8001\nhost = "::1"\n')
    found = config.load({"KETAQA_PORT": "8002", "PORT": "9", "OTHER": "x"}, folder)
    assert (found.port, found.host, found.max_body_size) == (8002, "::1", Config().max_body_size)


@pytest.mark.parametrize(
    ("key", "value", "found", "remedy"),
    [
        ("port", "http", "'http'", "whole number from 0 to 65535"),
        ("port", "", "''", "whole number"),
        ("port", "-1", "'-1'", "whole number"),
        ("port", "65536", "'65536'", "65535"),
        ("port", "80.5", "'80.5'", "whole number"),
        ("max_question_length", "0", "'0'", "from 1 to"),
        ("max_question_length", "9" * 5000, "999", "whole number"),
        ("max_body_size", "1e3", "'1e3'", "whole number"),
        ("root_path", "help", "'help'", "'/help'"),
        ("root_path", "/help/", "'/help/'", "no slash at its end"),
        ("root_path", "/", "'/'", "no slash at its end"),
        ("allowed_origins", "*", "'*'", "https://www.example.org"),
        ("allowed_origins", "example.org", "'example.org'", "scheme and host"),
        ("allowed_origins", "ftp://example.org", "'ftp://example.org'", "scheme and host"),
        ("allowed_origins", "https://example.org/page", "'https://example.org/page'", "scheme and host"),
        ("allowed_origins", "https://good.example,https://me@example.org", "'https://me@example.org'", "scheme and host"),
        ("allowed_origins", "https://example.org:99999", "99999", "scheme and host"),
        ("allowed_origins", "https://example.org; script-src *", "script-src", "scheme and host"),
        ("allowed_origins", "https://a.example https://b.example", "b.example", "scheme and host"),
        ("allowed_origins", "https://", "'https://'", "scheme and host"),
    ],
)
def test_a_wrong_value_is_refused_with_key_variable_value_and_remedy(key, value, found, remedy, tmp_path):
    name = "KETAQA_" + key.upper()
    with pytest.raises(BadSetting) as error:
        config.load({name: value}, tmp_path)
    said = str(error.value)
    assert said.startswith(f"{name}: {key} ")
    assert found in said
    assert remedy in said


@pytest.mark.parametrize(
    ("line", "key", "found", "remedy"),
    [
        ("port = true", "port", "True", "whole number"),
        ("port = 7860.5", "port", "7860.5", "whole number"),
        ("port = [7860]", "port", "[7860]", "whole number"),
        ("max_body_size = inf", "max_body_size", "inf", "whole number"),
        ("host = 127", "host", "127", "a text"),
        ("answer_or_silence = 7", "answer_or_silence", "7", "a number from 0 to 1"),
        ("answer_or_silence = true", "answer_or_silence", "True", "a number from 0 to 1"),
        ("index = ['a']", "index", "['a']", "a text"),
        ("allowed_origins = [1]", "allowed_origins", "[1]", "https://www.example.org"),
        ("allowed_origins = {a = 1}", "allowed_origins", "{'a': 1}", "https://www.example.org"),
        ("colour = 'red'", "'colour'", "'colour'", "known are allowed_origins, answer_or_silence, collections"),
        ("[server]\nport = 1", "'server'", "'server'", "known are"),
    ],
)
def test_a_wrong_line_in_the_file_is_refused_with_file_key_value_and_remedy(line, key, found, remedy, tmp_path):
    with pytest.raises(BadSetting) as error:
        config.load({}, wrote(tmp_path, line))
    said = str(error.value)
    assert str(tmp_path / config.FILE) in said
    assert key in said
    assert found in said
    assert remedy in said


@pytest.mark.parametrize("data", [b"port =", b"port = 1\nport = 2", b"host = '\xe9'", b"\x00"])
def test_a_file_that_is_not_toml_is_refused_by_name(data, tmp_path):
    with pytest.raises(BadSetting, match="mend it or take it away") as error:
        config.load({}, wrote(tmp_path, data))
    assert str(tmp_path / config.FILE) in str(error.value)


def test_no_setting_is_half_read_when_another_is_wrong(tmp_path):
    with pytest.raises(BadSetting, match="max_body_size"):
        config.load({"KETAQA_PORT": "8000", "KETAQA_MAX_BODY_SIZE": "big"}, tmp_path)


# what may stand in a Content-Security-Policy header and be compared with an Origin header: ASCII, no delimiter, no control
ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=12), st.sampled_from(["http://", "https://", ""]))
def test_an_accepted_origin_never_breaks_a_header(tail, scheme):
    found, refusal = tried({"KETAQA_ALLOWED_ORIGINS": scheme + tail})
    if refusal:
        assert "allowed_origins" in refusal
    else:
        assert all(ORIGIN.fullmatch(origin) for origin in found.allowed_origins), found


@pytest.mark.parametrize("host", ["例え.example", "a\0b.example", "a\x7f.example", "a(b).example", "a<b>.example"])
def test_an_origin_that_no_header_can_carry_is_refused(host, tmp_path):
    with pytest.raises(BadSetting, match=r"KETAQA_ALLOWED_ORIGINS: allowed_origins holds .*scheme and host"):
        config.load({"KETAQA_ALLOWED_ORIGINS": "https://" + host}, tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(VALUES)), st.text(max_size=20))
def test_any_value_is_either_read_or_refused_by_its_key(key, value):
    name = "KETAQA_" + key.upper()
    found, refusal = tried({name: value})
    if refusal:
        assert refusal.startswith(f"{name}: {key} ")
    else:
        assert type(getattr(found, key)) is type(getattr(Config(), key))
