"""From the colours of an image to sRGB, which browsers assume of a picture without a profile."""

import io

from PIL import Image, ImageCms

from doorward_identity.avatars.rendering.image_formats import ImageErrorCode, ImageRejectedError
from doorward_identity.avatars.rendering.image_formats.colour_profile import ColourProfile, ColourSpace

_MODES = {ColourSpace.RGB: "RGB", ColourSpace.GREY: "L", ColourSpace.CMYK: "CMYK"}
_GREY_MODES = frozenset({"1", "L", "LA", "I;16"})


def working_mode(image: Image.Image, profile: ColourProfile | None) -> str:
    """Return the mode to reduce an image in; raises ImageRejectedError for a profile of other colours.

    An RGB profile may describe a grey image: its values are equal amounts of red, green and blue.
    """
    is_cmyk, is_grey = image.mode == "CMYK", image.mode in _GREY_MODES
    if profile is not None:
        if (profile.space is ColourSpace.CMYK) != is_cmyk:
            raise ImageRejectedError(ImageErrorCode.INVALID)
        if profile.space is ColourSpace.GREY and not is_grey:
            raise ImageRejectedError(ImageErrorCode.INVALID)
        if is_cmyk:
            return "CMYK"
    return "RGBA" if image.has_transparency_data else "RGB"


def in_srgb(image: Image.Image, profile: ColourProfile) -> Image.Image:
    """Convert an image in its working mode; raises ImageCms.PyCMSError for a profile that is none."""
    mode = _MODES[profile.space]
    transform = ImageCms.buildTransform(
        ImageCms.getOpenProfile(io.BytesIO(profile.data)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        ImageCms.Intent.PERCEPTUAL,
    )
    # Of a grey image red, green and blue are equal.
    colours = image.getchannel(0) if profile.space is ColourSpace.GREY else image.convert(mode)
    converted = ImageCms.applyTransform(colours, transform)
    assert converted is not None  # not in place
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted
