"""Mail templates: files, languages, and validation."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from doorward_client.settings import SettingsError
from doorward_mail.content.quoting import TrustedText
from doorward_mail.content.templates import MailTemplate, MailTemplates, UnknownTemplateError
from doorward_mail.settings import MailSettings

WELCOME = MailTemplate("welcome", samples=[{"name": "Ada"}])
COUNTER = iter(range(1000))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def welcome_files(locale: str, greeting: str) -> dict[str, str]:
    return {
        f"{locale}/welcome.subject.txt": greeting + " {{ name }}\n",
        f"{locale}/welcome.txt": greeting + " {{ name }}, to {{ product }}.\n",
        f"{locale}/welcome.html": '{% extends "layout.html" %}{% block content %}<b>'
        + greeting
        + " {{ name }}</b>{% endblock %}",
    }


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that ships English and German."""
    name = f"shipped_{next(COUNTER)}"
    write(tmp_path / "packages" / name, {"__init__.py": ""})
    write(
        tmp_path / "packages" / name / "mail",
        welcome_files("en", "Welcome") | welcome_files("de", "Willkommen"),
    )
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    return name


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The empty folder of custom templates."""
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def templates(package: str, own: Path | None = None, **settings: Any) -> MailTemplates:
    return MailTemplates(
        package, [WELCOME], MailSettings(mail_templates_dir=own, mail_from_name="Team", **settings)
    )


@pytest.mark.parametrize(
    ("locale", "greeting"),
    [
        ("de", "Willkommen"),
        ("de-AT", "Willkommen"),
        ("de_CH", "Willkommen"),
        ("DE", "Willkommen"),
        ("de-Latn-CH-1996", "Willkommen"),
        ("en-GB", "Welcome"),
        ("fr", "Welcome"),
        ("", "Welcome"),
        ("../../de", "Welcome"),
        ("de/../de", "Welcome"),
        ("*", "Welcome"),
    ],
)
def test_the_closest_language_is_taken(shipped: str, locale: str, greeting: str) -> None:
    texts = templates(shipped).render("welcome", locale, {"name": "Ada"})
    assert texts.subject == f"{greeting} Ada"
    assert texts.text == f"{greeting} Ada, to Team.\n"
    assert f"<b>{greeting} Ada</b>" in texts.html


def test_the_default_language_comes_before_english(shipped: str) -> None:
    mails = templates(shipped, mail_default_locale="de-AT")
    assert mails.render("welcome", "fr", {"name": "Ada"}).subject == "Willkommen Ada"
    assert mails.render("welcome", "en", {"name": "Ada"}).subject == "Welcome Ada"


def test_html_escapes_and_text_does_not(shipped: str) -> None:
    texts = templates(shipped).render("welcome", "en", {"name": "<b>&"})
    assert "<b>Welcome &lt;b&gt;&amp;</b>" in texts.html
    assert "<title>Welcome &lt;b&gt;&amp;</title>" in texts.html
    assert texts.text == "Welcome <b>&, to Team.\n"


def test_a_custom_file_replaces_only_its_own_template(shipped: str, own: Path) -> None:
    write(own, {"de/welcome.subject.txt": "Servus {{ name }}"})
    mails = templates(shipped, own)
    mails.check()
    texts = mails.render("welcome", "de", {"name": "Ada"})
    assert texts.subject == "Servus Ada"
    assert texts.text == "Willkommen Ada, to Team.\n"
    assert mails.render("welcome", "en", {"name": "Ada"}).subject == "Welcome Ada"


def test_custom_templates_can_add_a_language_and_a_region(shipped: str, own: Path) -> None:
    write(own, welcome_files("fr", "Bienvenue") | welcome_files("de-AT", "Servus"))
    mails = templates(shipped, own)
    mails.check()
    assert mails.render("welcome", "fr-CA", {"name": "Ada"}).subject == "Bienvenue Ada"
    assert mails.render("welcome", "de-at", {"name": "Ada"}).subject == "Servus Ada"
    assert mails.render("welcome", "de", {"name": "Ada"}).subject == "Willkommen Ada"


def test_custom_templates_can_replace_the_layout(shipped: str, own: Path) -> None:
    write(own, {"layout.html": "<h1>{{ product }}</h1>{% block content %}{% endblock %}"})
    mails = templates(shipped, own)
    mails.check()
    assert mails.render("welcome", "en", {"name": "Ada"}).html == "<h1>Team</h1><b>Welcome Ada</b>\n"


def test_templates_mounted_by_kubernetes_are_found(shipped: str, own: Path) -> None:
    """A ConfigMap is mounted as links to a hidden folder, which is replaced as a whole."""
    write(
        own / "..2026_11_21",
        {"de/welcome.subject.txt": "Servus {{ name }}"} | welcome_files("fr", "Bienvenue"),
    )
    (own / "..data").symlink_to("..2026_11_21")
    (own / "de").symlink_to("..data/de")
    (own / "fr").symlink_to("..data/fr")
    with capture_logs() as logged:
        mails = templates(shipped, own)
        mails.check()
    assert mails.render("welcome", "de", {"name": "Ada"}).subject == "Servus Ada"
    assert mails.render("welcome", "fr", {"name": "Ada"}).subject == "Bienvenue Ada"
    assert logged == []


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"de/welcome.txt": "Hallo {{ nmae }}"}, "welcome cannot be rendered in de: 'nmae' is undefined"),
        ({"de/welcome.html": "{% block x %}"}, "welcome cannot be rendered in de: "),
        ({"en/welcome.subject.txt": "{{ name.upper( }}"}, "welcome cannot be rendered in en: "),
        ({"de/welcome.subject.txt": "{# nothing #}"}, "an empty part in de"),
        ({"fr/welcome.txt": "Bienvenue"}, "incomplete in fr: .subject.txt, .html missing"),
        ({"layout.html": "{{ colour }}"}, "DOORWARD_MAIL_TEMPLATES_DIR: .*'colour' is undefined"),
        ({"de/welcome.html": '{% extends "lay.html" %}'}, "lay.html"),
        ({"de/welcome.txt": "{{ name.__class__.__mro__ }}"}, "unsafe"),
        ({"de/welcome.txt": '{% include "../../etc/passwd" %}'}, "passwd"),
    ],
)
def test_a_broken_file_is_reported_at_startup(
    shipped: str, own: Path, files: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint) as rejected:
        templates(shipped, write(own, files)).check()
    assert "\n" not in str(rejected.value)


def test_a_package_without_english_templates_is_an_error(shipped: str) -> None:
    mails = MailTemplates(shipped, [MailTemplate("goodbye", samples=[{}])], MailSettings())
    with pytest.raises(SettingsError, match="goodbye is incomplete in en"):
        mails.check()


def test_an_unused_file_is_reported(shipped: str, own: Path) -> None:
    write(own, {"de/wellcome.txt": "Hallo", "notes.md": ""})
    with capture_logs() as logged:
        templates(shipped, own).check()
    assert [entry["file"] for entry in logged] == ["de/wellcome.txt", "notes.md"]


def test_a_missing_variable_is_an_error(shipped: str) -> None:
    with pytest.raises(Exception, match="'name' is undefined"):
        templates(shipped).render("welcome", "en", {})


def test_an_unknown_mail_type_has_its_own_error(shipped: str) -> None:
    for ask in (templates(shipped).find, lambda name: templates(shipped).render(name, "en", {})):
        with pytest.raises(UnknownTemplateError):
            ask("goodbye")
    assert templates(shipped).find("welcome") is WELCOME


def test_a_branch_that_only_a_later_sample_takes_is_checked(shipped: str, own: Path) -> None:
    write(own, {"de/welcome.txt": "{% if name %}Hallo {{ name }}{% else %}{{ nmae }}{% endif %}"})
    both = MailTemplate("welcome", samples=[{"name": "Ada"}, {"name": None}])
    with pytest.raises(SettingsError, match="'nmae' is undefined"):
        MailTemplates(shipped, [both], MailSettings(mail_templates_dir=own)).check()


def test_text_is_defused_unless_the_service_trusts_it(shipped: str, own: Path) -> None:
    mails = templates(shipped, write(own, {"en/welcome.txt": "{{ name }} {{ link }}"}))
    link = "https://app.example.com"
    texts = mails.render("welcome", "en", {"name": f"see\n{link}", "link": TrustedText(link)})
    assert texts.text == f"see https[:]//app[.]example[.]com {link}\n"
    assert "https[:]//app[.]example[.]com" in texts.html


def test_a_variable_that_is_neither_text_nor_a_number_is_an_error(shipped: str) -> None:
    with pytest.raises(TypeError, match="not list"):
        templates(shipped).render("welcome", "en", {"name": ["https://evil.example"]})


def test_values_are_not_interpreted_as_templates(shipped: str) -> None:
    texts = templates(shipped).render("welcome", "en", {"name": "{{ product }}{% for %}"})
    assert texts.subject == "Welcome {{ product }}{% for %}"


def test_a_subject_is_one_line(shipped: str, own: Path) -> None:
    write(own, {"en/welcome.subject.txt": "Welcome,\n{{ name }}!\n\n"})
    texts = templates(shipped, own).render("welcome", "en", {"name": "A\r\nda\u2028"})
    assert texts.subject == "Welcome, A da!"
