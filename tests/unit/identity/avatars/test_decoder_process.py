"""One image is decoded by one process, which ends with its limits and not with the service's."""

import asyncio
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from doorward_identity.avatars.rendering import renderer
from doorward_identity.avatars.rendering.confinement import landlock_version
from doorward_identity.avatars.rendering.errors import (
    IMAGE_ERRORS,
    ImageAnimatedError,
    ImageInvalidError,
    ImageTooLargeError,
)
from doorward_identity.avatars.rendering.image_formats import ImageErrorCode
from doorward_identity.avatars.rendering.images import render
from doorward_identity.avatars.rendering.renderer import AvatarRenderer
from doorward_identity.passwords import charges
from doorward_kit.executors import OverloadedError
from doorward_kit.metrics import Metrics
from support import bombs, colour_profiles, images
from support.hostile_images import ANIMATED

CHARGE = charges.by_owner(uuid.uuid4())


@pytest.fixture
def pictures() -> AvatarRenderer:
    return AvatarRenderer(Metrics())


def decoder_with(patch: str) -> tuple[str, ...]:
    """Return the command of a decoder whose `render` is replaced."""
    code = f"""
        import ctypes, os, socket, sys
        from doorward_identity.avatars.rendering import decoder_process
        from doorward_identity.avatars.rendering.image_formats import ImageRejectedError, ImageErrorCode
        def attempt(act):
            try:
                act()
            except OSError:
                raise ImageRejectedError(ImageErrorCode.ANIMATED)
        def read_memory(process):
            libc, room = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(1)
            here, there = (ctypes.c_void_p * 2)(ctypes.addressof(room), 1), (ctypes.c_void_p * 2)(1, 1)
            libc.process_vm_readv(process, here, 1, there, 1, 0)
            if ctypes.get_errno() == 1:
                raise PermissionError
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
    """For a file of 300 KB with a million pixels libwebp needs 370 MB."""
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
async def test_a_decoder_that_fails_rejects_the_image(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch, patch: str
) -> None:
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with(f"import os; {patch}"))
    with pytest.raises(ImageTooLargeError):
        await pictures.render(images.png(), CHARGE)


async def test_a_decoder_that_takes_long_is_ended(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPU time is due to the image; elapsed time may be due to the machine, so retries make sense."""
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with("while True: pass"))
    monkeypatch.setattr(renderer, "DECODER_SECONDS", 0.5)
    with pytest.raises(OverloadedError):
        await pictures.render(images.png(), CHARGE)
    limited = decoder_with("import resource; resource.setrlimit(0, (1, 1))\n            while True: pass")
    monkeypatch.setattr(renderer, "_COMMAND", limited)
    monkeypatch.setattr(renderer, "DECODER_SECONDS", 60.0)
    with pytest.raises(ImageTooLargeError):
        await pictures.render(images.png(), CHARGE)


def landlock() -> int:
    try:
        return landlock_version()
    except OSError:
        return 0


# What the limits forbid, and what the kernel's Landlock does.
FORBIDDEN = {
    "open a file": "open('/etc/passwd', 'rb')",
    "list a folder": "os.listdir('/')",
    "open a file in place of a stream": "(os.close(0), os.open('/etc/passwd', os.O_RDONLY))",
    "connect": "socket.socket()",
    "copy a descriptor": "os.dup(1)",
    "make a pipe": "os.pipe()",
    **(
        {"delete a file": "os.unlink({path!r})", "rename a file": "os.rename({path!r}, {path!r} + '2')"}
        if landlock() >= 1
        else {}
    ),
    **({"cut a file": "os.truncate({path!r}, 0)"} if landlock() >= 3 else {}),
    **({"read the service's memory": "read_memory(os.getppid())"} if landlock() >= 1 else {}),
    **({"signal the service": "os.kill(os.getppid(), 0)"} if landlock() >= 6 else {}),
}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere some limits are not kept")
@pytest.mark.parametrize("act", FORBIDDEN)
async def test_a_decoder_reaches_nothing(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, act: str
) -> None:
    path = tmp_path / "file"
    path.write_text("of the service")
    tried = FORBIDDEN[act].format(path=str(path))
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with(f"attempt(lambda: {tried})"))
    with pytest.raises(ImageAnimatedError):
        await pictures.render(b"", CHARGE)
    assert path.read_text() == "of the service"


async def test_what_is_allowed_is_no_rejection(
    pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(renderer, "_COMMAND", decoder_with("attempt(lambda: os.getppid())"))
    with pytest.raises(ImageTooLargeError):
        await pictures.render(b"", CHARGE)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
async def test_the_process_converts_colours(pictures: AvatarRenderer, mode: str) -> None:
    """All it needs is loaded before it is confined, and fits its memory."""
    profile = colour_profiles.cmyk((60, -30, -40)) if mode == "CMYK" else colour_profiles.display_p3()
    data = images.encoded(images.picture(4096, 4096, mode), "JPEG", icc_profile=profile)
    assert await pictures.render(data, CHARGE) == render(data)


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


async def test_a_long_queue_is_rejected(pictures: AvatarRenderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures._executor, "_seconds", 100.0)
    answers = await asyncio.gather(
        *(pictures.render(images.png(), CHARGE) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(answer, OverloadedError) for answer in answers) == 2


def test_every_rejection_has_an_error() -> None:
    assert set(IMAGE_ERRORS) == set(ImageErrorCode)
    assert all(IMAGE_ERRORS[error_code].code == error_code.value for error_code in ImageErrorCode)
    assert {error.status for error in IMAGE_ERRORS.values()} == {422}


def test_the_service_does_not_load_the_decoders() -> None:
    """The decoders cost memory, and must not read hostile files in the service's process."""
    code = "import sys, doorward_identity.resources; print('PIL' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert loaded.stdout.strip() == b"False"
