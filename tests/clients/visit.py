"""`python -m clients.visit URL`: a person opens an address in a browser, and signs in if a page asks for it.

Prints the address of the application that the browser ends at. The cookies stay in DOORWARD_COOKIES.
"""

import os
import sys
from pathlib import Path

from support.chromium import TIMEOUT_MS, running_chromium, sign_in


def main(url: str) -> None:
    """Go from the application to Doorward and back."""
    cookies, application = Path(os.environ["DOORWARD_COOKIES"]), os.environ["DOORWARD_APPLICATION"]
    known = cookies if cookies.exists() else None
    with running_chromium() as browser, browser.new_context(locale="en-GB", storage_state=known) as context:
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.goto(url)
        if not page.url.startswith(application):
            sign_in(page, os.environ["DOORWARD_EMAIL"], os.environ["DOORWARD_PASSWORD"])
            page.wait_for_url(f"{application}/**")
        context.storage_state(path=cookies)
        print(page.url)


if __name__ == "__main__":
    main(sys.argv[1])
