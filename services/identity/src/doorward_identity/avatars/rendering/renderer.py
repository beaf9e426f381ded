"""Renders pictures in processes of their own: one at a time, fairly, and within limits."""

import subprocess
import sys
from typing import Final

import structlog

from doorward_identity.avatars.avatar import Avatar
from doorward_identity.avatars.rendering.decoder_answer import InvalidAnswerError, decode_answer
from doorward_identity.avatars.rendering.errors import IMAGE_ERRORS
from doorward_identity.avatars.rendering.image_formats.errors import ImageErrorCode, ImageRejectedError
from doorward_kit.executors import OverloadedError
from doorward_kit.fair_executor import FairExecutor
from doorward_kit.metrics import Metrics
from doorward_kit.recent_jobs import Charge

log = structlog.get_logger(__name__)

QUEUE_SECONDS: Final = 5.0
"""Longest wait for the process before 503."""

DECODER_SECONDS: Final = 20.0
"""Elapsed time: more than the processor time (confinement.CPU_SECONDS), which the process may wait for."""

_EXPECTED_SECONDS: Final = 0.3

# -I: neither the environment nor the working directory adds code. -W: warnings are about metadata.
_COMMAND: Final = (
    sys.executable,
    "-I",
    "-Wignore",
    "-m",
    "doorward_identity.avatars.rendering.decoder_process",
)


class AvatarRenderer:
    """Renders one picture at a time. Its process has the low priority of the thread that starts it."""

    def __init__(self, metrics: Metrics) -> None:
        self._executor = FairExecutor(
            "avatar",
            threads=1,
            deadline=QUEUE_SECONDS,
            expected_seconds=_EXPECTED_SECONDS,
            metrics=metrics.executor("avatar"),
        )

    async def render(self, data: bytes, charge: Charge) -> Avatar:
        """Return the picture of an uploaded file; raises an error of IMAGE_ERRORS, OverloadedError."""
        try:
            return await self._executor.run(lambda: _render_now(data), charge)
        except ImageRejectedError as error:
            raise IMAGE_ERRORS[error.error_code] from error

    def shutdown(self) -> None:
        """Wait for the running process."""
        self._executor.shutdown()


def _render_now(data: bytes) -> Avatar:
    try:
        # Its environment is empty: ours has secrets.
        process = subprocess.run(  # noqa: S603 - a constant command
            _COMMAND,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            timeout=DECODER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        log.warning("avatar.decoder_timeout", seconds=DECODER_SECONDS)
        raise OverloadedError(retry_after=int(DECODER_SECONDS)) from None
    try:
        return decode_answer(process.stdout)
    except InvalidAnswerError:
        # Memory or time ran out, or a decoder crashed: at this image, so a retry would not help.
        log.warning("avatar.decoder_ended", status=process.returncode, bytes=len(data))
        raise ImageRejectedError(ImageErrorCode.TOO_LARGE) from None
