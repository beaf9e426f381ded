"""One image is decoded by one process, which ends with its limits and not with the service's."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable

import pytest

from doorward_identity.avatars.rendering import renderer
from doorward_identity.avatars.rendering.errors import (
    IMAGE_ERRORS,
    ImageAnimatedError,
    ImageInvalidError,
    ImageTooLargeError,
)
from doorward_identity.avatars.rendering.image_formats import Refusal
from doorward_identity.avatars.rendering.images import render
from doorward_identity.avatars.rendering.renderer import AvatarRenderer
from doorward_identity.passwords import charges
from doorward_kit.executors import OverloadedError
from doorward_kit.metrics import Metrics
from support import bombs, images
from support.hostile_images import ANIMATED

CHARGE = charges.by_owner(uuid.uuid4())


@pytest.fixture
def pictures() -> AvatarRenderer:
    return AvatarRenderer(Metrics())


def decoder_with(patch: str) -> tuple[str, ...]:
    """Return the command of a decoder whose `render` is replaced."""
    code = f"""
        import sys
        from doorward_identity.avatars.rendering import decoder_process
        def write(path):
            open(path, "w").write("x")
        def render(data):
            {patch}
        decoder_process.render = render
        sys.exit(decoder_process.main())
    """
    return (sys.executable, "-I", "-c", textwrap.dedent(code))


async def test_the_process_answers_as_the_function(pictures: AvatarRenderer) -> None:
    assert await pictures.render(images.jpeg(), CHARGE) == render(images.jpeg())
    with pytest.raises(ImageAnimatedError):
        await pictures.render(ANIMATED["PNG"], CHARGE)


async def test_an_image_that_takes_much_memory_ends_its_process(pictures: AvatarRenderer) -> None:
    """Of 300 KB and a million pixels libwebp makes 370 MB."""
    with pytest.raises((ImageInvalidError, ImageTooLargeError)):
        await pictures.render(bombs.webp_prefix_codes(), CHARGE)
    rendered = await pictures.render(bombs.webp_prefix_codes(16), CHARGE)
    assert rendered.large.startswith(b"RIFF")


@pytest.mark.parametrize(
    "make",
    [
        lambda: images.png(4096, 4096),
        lambda: images.jpeg(4096, 4096, progressive=True),
        lambda: images.webp(4096, 3072),
    ],
    ids=["PNG", "JPEG", "WebP"],
)
async def test_the_largest_images_are_within_the_limits(
    pictures: AvatarRenderer, make: Callable[[], bytes]
) -> None:
    rendered = await pictures.render(make(), CHARGE)
    assert rendered.large.startswith(b"RIFF")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit of memory is not kept")
@pytest.mark.parametrize(
    "patch",
    [
        "return bytearray(2**30)",
        "os.abort()",
        "os._exit(0)",
        "raise RuntimeError",
        "open('/tmp/x', 'w').write('x')",
    ],
    ids=["memory", "crash", "end", "error", "file"],
)
async def test_a_decoder_that_fails_refuses_the_image(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch, patch: str
) -> None:
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with(f"import os; {patch}"))
    with pytest.raises(ImageTooLargeError):
        await pictures.render(images.png(), CHARGE)


async def test_a_decoder_that_takes_long_is_ended(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the processor: the image's fault. Of the clock: perhaps the machine's, so the caller may retry."""
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with("while True: pass"))
    monkeypatch.setattr(renderer, "DECODER_SECONDS", 0.5)
    with pytest.raises(OverloadedError):
        await pictures.render(images.png(), CHARGE)
    limited = decoder_with("import resource; resource.setrlimit(0, (1, 1))\n            while True: pass")
    monkeypatch.setattr(renderer, "_COMMAND", limited)
    monkeypatch.setattr(renderer, "DECODER_SECONDS", 60.0)
    with pytest.raises(ImageTooLargeError):
        await pictures.render(images.png(), CHARGE)


async def test_a_decoder_gets_no_secret_of_the_service(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOORWARD_SECRET_KEY", "a secret of the service")
    looks = "import os; os.write(1 + ('DOORWARD_SECRET_KEY' in os.environ), b'-image_animated'); os._exit(0)"
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with(looks))
    with pytest.raises(ImageAnimatedError):
        await pictures.render(b"", CHARGE)


async def test_pictures_wait_for_each_other(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process at a time, because each may take 200 MB."""
    started: list[bytes] = []
    is_started, may_end = threading.Event(), threading.Event()

    def waits(data: bytes) -> bytes:
        started.append(data)
        is_started.set()
        assert may_end.wait(60)
        return data

    monkeypatch.setattr(renderer, "_render_now", waits)
    async with asyncio.TaskGroup() as tasks:
        for data in (b"first", b"second"):
            tasks.create_task(pictures.render(data, CHARGE))
        assert await asyncio.to_thread(is_started.wait, 60)
        # The second job waits: there is no thread that could have taken it.
        assert len(pictures._executor._waiting) == 1
        assert started == [b"first"]
        may_end.set()
    assert started == [b"first", b"second"]


async def test_a_long_queue_is_refused(pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures._executor, "_seconds", 100.0)
    monkeypatch.setattr(pictures._executor, "_refusal_seconds", 0.0)
    answers = await asyncio.gather(
        *(pictures.render(images.png(), CHARGE) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(answer, OverloadedError) for answer in answers) == 2


def test_every_refusal_has_an_error() -> None:
    assert set(IMAGE_ERRORS) == set(Refusal)
    assert all(IMAGE_ERRORS[refusal].code == refusal.value for refusal in Refusal)
    assert {error.status for error in IMAGE_ERRORS.values()} == {422}


def test_the_service_does_not_load_the_decoders() -> None:
    """They cost its process memory, and hostile files must not meet them there."""
    code = "import sys, doorward_identity.resources; print('PIL' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert loaded.stdout.strip() == b"False"
