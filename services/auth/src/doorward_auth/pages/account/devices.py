"""Names of devices, for users to recognise a session by: what a browser says of itself, true or not."""

import re
from typing import Final

from doorward_ui.texts import Texts

_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdgA?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Firefox", re.compile(r"\b(Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"(Chrome|\bCriOS|\bChromium)/")),
    ("Safari", re.compile(r"\bSafari/")),
)
"""The first match is the browser, because browsers also name those that follow here."""

_SYSTEMS: Final = (
    ("Android", re.compile(r"\bAndroid\b")),
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\bMac OS X\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)

_SHOWN_LENGTH: Final = 60


def device_name(user_agent: str, texts: Texts) -> str:
    """Return a name such as `Firefox on Windows`, or the beginning of what is no browser's user agent."""
    browser = next((name for name, pattern in _BROWSERS if pattern.search(user_agent)), None)
    system = next((name for name, pattern in _SYSTEMS if pattern.search(user_agent)), None)
    if browser is not None and system is not None:
        return texts("account.device", browser=browser, system=system)
    return browser or system or user_agent[:_SHOWN_LENGTH].strip() or texts("account.unknown_device")
