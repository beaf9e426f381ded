"""A login storm: everybody comes at nine. Alone it is a storm; in the mix it is those who come and go."""

import time

from locust import task

from load.wire import USERS
from scenarios.persona import Persona


class ArrivingPerson(Persona):
    """Logs in, looks, logs out: from the second time on with a device that the account knows."""

    def on_start(self) -> None:
        """Come without a session: the task begins with signing in."""

    @task
    def come_and_go(self) -> None:
        """Log in, by mistake with a wrong password before where the run allows it, and leave again."""
        if self.run_data.may_mistype(self.session.person):
            self.session.mistype()
            time.sleep(2)  # to type it again; longer than the first wait after free guesses
        if self.session.sign_in().ok:
            self.session.request(f"GET {USERS}/me")
            self.pause()
            self.session.sign_out()
