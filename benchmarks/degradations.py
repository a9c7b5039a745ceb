"""Photographs made worse, in two ways that share no code: one to learn from, the other to check with.

A degradation takes a photograph, (height, width, 3) RGB uint8, the face's box in it, (left, top, right, bottom), and a
generator of random numbers, from which it draws how strong it is: from hardly visible to beyond recognition.
"""

import io

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from scipy import ndimage

KINDS = ("small", "blurred", "dark", "turned away", "covered")


def box_of(box: tuple) -> tuple[float, float, float]:
    """The middle of a face's box, and its edge."""
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)


def between(generator: np.random.Generator, low: float, high: float) -> float:
    """A strength, even in its logarithm."""
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))


# ---- to learn from: OpenCV


def shrunk(image, box, generator):
    factor = between(generator, 11, 65) / box_of(box)[2]
    if factor >= 1:
        return image
    way = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[generator.integers(3)]
    shape = tuple(max(8, round(extent * factor)) for extent in image.shape[1::-1])
    return cv2.resize(image, shape, interpolation=way)


def shrunk_and_enlarged(image, box, generator):
    small = shrunk(image, box, generator)
    return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def gaussian(image, box, generator):
    return cv2.GaussianBlur(image, (0, 0), between(generator, 0.008, 0.12) * box_of(box)[2])


def moved(image, box, generator):
    length = max(3, round(between(generator, 0.04, 0.6) * box_of(box)[2]))
    kernel = np.zeros((length, length), np.float32)
    angle = generator.uniform(0, np.pi)
    half = (length - 1) / 2
    start, end = (
        (round(half + sign * half * np.cos(angle)), round(half + sign * half * np.sin(angle))) for sign in (-1, 1)
    )
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def compressed(image, box, generator):
    quality = round(between(generator, 1, 20))
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1].copy()


def darkened(image, box, generator):
    noise = generator.normal(scale=between(generator, 0.3, 4), size=image.shape)
    return np.clip(image * 2 ** -generator.uniform(1, 6.5) + noise + 0.5, 0, 255).astype(np.uint8)


def gamma(image, box, generator):
    table = 255 * (np.arange(256) / 255) ** between(generator, 1.5, 9)
    return np.round(table).astype(np.uint8)[image]


def lit_from_one_side(image, box, generator):
    x, y, edge = box_of(box)
    angle = generator.uniform(-0.6, 0.6) + np.pi * generator.integers(2)
    columns, rows = np.meshgrid(np.arange(image.shape[1]) - x, np.arange(image.shape[0]) - y)
    side = (columns * np.cos(angle) + rows * np.sin(angle)) / edge
    darkest = 2 ** -generator.uniform(2, 7)
    light = darkest + (1 - darkest) / (1 + np.exp(-between(generator, 3, 20) * (side - generator.uniform(-0.2, 0.4))))
    return np.clip(image * light[..., None] + 0.5, 0, 255).astype(np.uint8)


def flat_yaw(image, box, generator):
    """A picture of the picture, seen from the side."""
    x, y, edge = box_of(box)
    angle = np.radians(generator.uniform(25, 75)) * (1, -1)[generator.integers(2)]
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * edge
    depth = 1 + np.sin(angle) * corners[:, 0] / (edge * generator.uniform(2, 5))
    seen = np.column_stack([corners[:, 0] * np.cos(angle), corners[:, 1]]) / depth[:, None]
    matrix = cv2.getPerspectiveTransform(corners + np.array((x, y), np.float32), (seen + (x, y)).astype(np.float32))
    return cv2.warpPerspective(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def cylinder_yaw(image, box, generator):
    """The head as an upright cylinder that turns."""
    x, _, edge = box_of(box)
    radius = 0.75 * edge
    angle = np.radians(generator.uniform(15, 70)) * (1, -1)[generator.integers(2)]
    columns, rows = np.meshgrid(
        np.arange(image.shape[1], dtype=np.float32), np.arange(image.shape[0], dtype=np.float32)
    )
    across = (columns - x) / radius
    inside = np.abs(across) < 1
    around = np.clip(np.arcsin(np.clip(across, -1, 1)) + angle, -np.pi / 2, np.pi / 2)
    source = np.where(inside, x + radius * np.sin(around), columns).astype(np.float32)
    return cv2.remap(image, source, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def flat_turned(image, box, generator):
    """A picture of the picture, seen from any side."""
    x, y, edge = box_of(box)
    yaw, pitch, roll = np.radians(generator.uniform((-65, -40, -10), (65, 40, 10)))
    across = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    down = np.array([(1, 0, 0), (0, np.cos(pitch), np.sin(pitch)), (0, -np.sin(pitch), np.cos(pitch))])
    aside = np.array([(np.cos(roll), np.sin(roll), 0), (-np.sin(roll), np.cos(roll), 0), (0, 0, 1)])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * edge
    seen = np.column_stack([corners, np.zeros(4)]) @ (across @ down @ aside)
    seen = seen[:, :2] / (1 + seen[:, 2:] / (edge * generator.uniform(2.5, 8)))
    matrix = cv2.getPerspectiveTransform(corners + np.array((x, y), np.float32), (seen + (x, y)).astype(np.float32))
    return cv2.warpPerspective(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def relief_yaw(image, box, generator):
    """The face as a relief, deepest at its edges, with a nose; it turns aside and a little up or down."""
    x, y, edge = box_of(box)
    yaw = np.radians(generator.uniform(15, 60)) * (1, -1)[generator.integers(2)]
    pitch = np.radians(generator.uniform(-20, 20))
    depth, nose = generator.uniform(0.3, 0.8), generator.uniform(0.05, 0.15)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    across, down = (columns - x) / edge, (rows - y) / edge

    def relief(across, down):
        height = -depth * np.minimum((across / 0.6) ** 2 + 0.4 * (down / 0.7) ** 2, 1.5)
        return height + nose * np.exp(-((across / 0.09) ** 2) - ((down + 0.02) / 0.14) ** 2)

    # What is seen at a place, by steps that get smaller as they near it.
    from_x, from_y = across.copy(), down.copy()
    for _ in range(12):
        height = relief(from_x, from_y)
        from_x += 0.5 * ((across - height * np.sin(yaw)) / np.cos(yaw) - from_x)
        from_y += 0.5 * ((down - height * np.sin(pitch)) / np.cos(pitch) - from_y)
    reach = np.clip(np.hypot(across / 0.75, down / 0.95), 0.8, 1.2)
    share = (1.2 - reach) / 0.4  # the background stays
    places = [(part * share + whole * (1 - share)) * edge for part, whole in ((from_x, across), (from_y, down))]
    source_x, source_y = (np.asarray(part + middle, np.float32) for part, middle in zip(places, (x, y), strict=True))
    return cv2.remap(image, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def pitched(image, box, generator):
    return (
        cylinder_yaw(np.ascontiguousarray(image.transpose(1, 0, 2)), tuple(box[i] for i in (1, 0, 3, 2)), generator)
        .transpose(1, 0, 2)
        .copy()
    )


def paint_of(generator, image, shape):
    """What a cover looks like: one colour, noise, or another part of the photograph."""
    way = generator.integers(4)
    height, width = shape
    if way == 0:
        return np.full((height, width, 3), generator.choice([0, 0, 20, 128, 240, 255]), np.uint8)
    if way == 1:
        return np.broadcast_to(generator.integers(0, 256, 3).astype(np.uint8), (height, width, 3))
    if way == 2:
        cells = generator.integers(0, 256, (generator.integers(2, 12), generator.integers(2, 12), 3)).astype(np.uint8)
        return cv2.resize(cells, (width, height), interpolation=generator.integers(0, 2))
    top = generator.integers(0, max(1, image.shape[0] // 4))
    part = image[top : top + max(4, image.shape[0] // 5), : max(4, image.shape[1] // 4)]
    return cv2.resize(part, (width, height))


def half_covered(image, box, generator):
    left, top, right, bottom = box
    edge = right - left
    share = generator.uniform(0.25, 0.75) * edge
    side = ("below", "below", "above", "left", "right")[generator.integers(5)]
    wide = 0.3 * edge
    covers = {
        "below": (left - wide, bottom + wide - share - wide + 0.1 * edge, right + wide, bottom + wide),
        "above": (left - wide, top - wide, right + wide, top + share),
        "left": (left - wide, top - wide, left + share, bottom + wide),
        "right": (right - share, top - wide, right + wide, bottom + wide),
    }[side]
    height, width = image.shape[:2]
    left, top, right, bottom = (
        int(np.clip(edge, 0, most)) for edge, most in zip(covers, (width, height) * 2, strict=True)
    )
    result = image.copy()
    if right > left and bottom > top:
        result[top:bottom, left:right] = paint_of(generator, image, (bottom - top, right - left))
    return result


def masked(image, box, generator):
    """A surgical mask, from the nose to the chin."""
    x, y, edge = box_of(box)
    rise = generator.uniform(0.0, 0.2)
    outline = [
        (-0.52, 0.0),
        (-0.2, -rise),
        (0, -rise - 0.05),
        (0.2, -rise),
        (0.52, 0.0),
        (0.45, 0.45),
        (0, 0.75),
        (-0.45, 0.45),
    ]
    points = np.array([(x + across * edge, y + down * edge) for across, down in outline], np.int32)
    cover = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(cover, [points], 255)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.01 * edge + 0.1)[..., None] / 255
    colour = np.array([(235, 240, 245), (150, 190, 220), (30, 30, 35), (200, 120, 130)][generator.integers(4)])
    folds = 1 - 0.12 * (np.sin(np.arange(image.shape[0]) / edge * generator.uniform(20, 60)) > 0.6)[:, None, None]
    return np.clip(image * (1 - cover) + colour * folds * cover, 0, 255).astype(np.uint8)


def shaded_eyes(image, box, generator):
    """Sunglasses."""
    x, y, edge = box_of(box)
    result = image.copy()
    colour = tuple(int(value) for value in generator.integers(0, 60, 3))
    size = generator.uniform(0.12, 0.22), generator.uniform(0.1, 0.17)
    for side in (-0.21, 0.21):
        axes = tuple(max(1, round(part * edge)) for part in size)
        cv2.ellipse(result, (round(x + side * edge), round(y - 0.27 * edge)), axes, 0, 0, 360, colour, -1)
    cv2.line(
        result,
        (round(x - 0.5 * edge), round(y - 0.3 * edge)),
        (round(x + 0.5 * edge), round(y - 0.3 * edge)),
        colour,
        max(1, round(0.04 * edge)),
    )
    return result


def lenses(image, box, generator):
    """Glasses of any shape and shade, with reflections or without."""
    x, y, edge = box_of(box)
    result = image.copy()
    wide, high = generator.uniform(0.12, 0.25) * edge, generator.uniform(0.08, 0.2) * edge
    top, shade = y - generator.uniform(0.2, 0.3) * edge - high, generator.uniform(0, 0.35)
    for side in (-0.22, 0.22):
        left, right = (round(x + side * edge + sign * wide) for sign in (-1, 1))
        left, right, low, bottom = max(left, 0), max(right, 0), max(round(top), 0), max(round(top + 2 * high), 0)
        result[low:bottom, left:right] = result[low:bottom, left:right] * shade + generator.uniform(0, 70)
    return result


def blobs(image, box, generator):
    """Ellipses before the face, as of a hand, an arm, hair or a cup."""
    x, y, edge = box_of(box)
    result = image.copy()
    base = np.array(
        [(224, 180, 150), (150, 110, 85), (70, 45, 35), (30, 25, 20), (200, 200, 205)][generator.integers(5)]
    )
    middle = x + generator.uniform(-0.4, 0.4) * edge, y + generator.uniform(-0.4, 0.5) * edge
    for _ in range(generator.integers(2, 7)):
        colour = tuple(int(part) for part in np.clip(base + generator.normal(scale=15), 0, 255))
        place = tuple(round(part + generator.normal(scale=0.13) * edge) for part in middle)
        axes = tuple(max(1, round(part * edge)) for part in generator.uniform(0.08, 0.3, 2))
        cv2.ellipse(result, place, axes, generator.uniform(0, 180), 0, 360, colour, -1)
    return result


def wrapped(image, box, generator):
    """A cloth or mask with a curved upper edge anywhere between the chin and the eyes."""
    x, y, edge = box_of(box)
    begin, curve = generator.uniform(-0.12, 0.35), generator.uniform(-0.25, 0.25)
    reach = generator.uniform(0.35, 0.65)
    across = np.linspace(-reach, reach, 15)
    upper = [(x + a * edge, y + (begin + curve * (a / reach) ** 2) * edge) for a in across]
    points = np.array(
        [*upper, (x + reach * 0.8 * edge, y + 0.7 * edge), (x - reach * 0.8 * edge, y + 0.7 * edge)], np.int32
    )
    cover = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(cover, [points], 255)
    colour = generator.integers(0, 256) + generator.normal(scale=generator.choice([0, 0, 40]), size=3)
    texture = generator.normal(scale=generator.choice([0, 0, 3, 12]), size=image.shape[:2])[..., None]
    return np.where(cover[..., None] > 0, np.clip(colour + texture, 0, 255), image).astype(np.uint8)


def patches(image, box, generator):
    """Some polygons of any form before the face, of one colour or of other parts of the photograph."""
    x, y, edge = box_of(box)
    result = image.copy()
    for _ in range(generator.integers(1, 4)):
        count = generator.integers(3, 8)
        angles = np.sort(generator.uniform(0, 2 * np.pi, count))
        reach = generator.uniform(0.15, 0.5, count) * edge
        middle = x + generator.uniform(-0.45, 0.45) * edge, y + generator.uniform(-0.45, 0.5) * edge
        points = np.column_stack([middle[0] + reach * np.cos(angles), middle[1] + reach * np.sin(angles)])
        cover = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(cover, [points.astype(np.int32)], 255)
        result[cover > 0] = paint_of(generator, image, image.shape[:2])[cover > 0]
    return result


LEARNING = {
    "small": (shrunk, shrunk_and_enlarged),
    "blurred": (gaussian, moved, compressed),
    "dark": (darkened, gamma, lit_from_one_side),
    "turned away": (flat_yaw, flat_turned, cylinder_yaw, relief_yaw, pitched),
    "covered": (half_covered, half_covered, masked, shaded_eyes, lenses, blobs, patches, wrapped),
}


# ---- to check with: Pillow, SciPy and NumPy


def thumbnail(image, box, generator):
    edge = between(generator, 11, 65) * max(image.shape) / box_of(box)[2]
    picture = Image.fromarray(image)
    picture.thumbnail((round(edge),) * 2, generator.choice([Image.Resampling.LANCZOS, Image.Resampling.BOX]))
    return np.array(picture)


def averaged_blocks(image, box, generator):
    """A camera with few pixels, its picture enlarged."""
    size = max(1, round(box_of(box)[2] / between(generator, 10, 55)))
    height, width = (extent // size * size for extent in image.shape[:2])
    blocks = image[:height, :width].reshape(height // size, size, width // size, size, 3).mean(axis=(1, 3))
    way = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR)[generator.integers(2)]
    return np.array(Image.fromarray(blocks.astype(np.uint8)).resize((width, height), way))


def box_blurred(image, box, generator):
    times = generator.integers(1, 3)
    picture = Image.fromarray(image)
    for _ in range(times):
        picture = picture.filter(ImageFilter.BoxBlur(between(generator, 0.012, 0.16) * box_of(box)[2]))
    return np.array(picture)


def defocused(image, box, generator):
    radius = max(0.8, between(generator, 0.015, 0.2) * box_of(box)[2])
    reach = int(np.ceil(radius))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1)
    padded = np.pad(image.astype(float), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    size = [a + b - 1 for a, b in zip(padded.shape[:2], disk.shape, strict=True)]
    spectrum = np.fft.rfft2(disk / disk.sum(), size)[..., None]
    seen = np.fft.irfft2(np.fft.rfft2(padded, size, axes=(0, 1)) * spectrum, size, axes=(0, 1))
    height, width = image.shape[:2]
    return np.clip(seen[2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width] + 0.5, 0, 255).astype(np.uint8)


def shaken(image, box, generator):
    """Several sharp pictures on top of each other, as by a hand that shakes."""
    reach = between(generator, 0.01, 0.15) * box_of(box)[2]
    path = np.cumsum(generator.normal(size=(9, 2)), axis=0)
    path *= reach / max(np.abs(path).max(), 1e-6)
    shifted = [ndimage.shift(image.astype(np.float32), (*step, 0), order=1, mode="nearest") for step in path]
    return np.clip(np.mean(shifted, axis=0), 0, 255).astype(np.uint8)


def jpeg(image, box, generator):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=round(between(generator, 1, 15)), subsampling=2)
    return np.array(Image.open(file))


def dimmed(image, box, generator):
    return np.array(ImageEnhance.Brightness(Image.fromarray(image)).enhance(2 ** -generator.uniform(1, 6.5)))


def underexposed(image, box, generator):
    """Few photons, in linear light, read with noise."""
    photons = (image / 255.0) ** 2.2 * between(generator, 3, 3000) / 4
    seen = generator.poisson(photons) + generator.normal(scale=1.5, size=image.shape)
    scale = between(generator, 0.02, 0.3) / max(photons.max(), 1e-6)
    return (np.clip(seen * scale, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def black_crushed(image, box, generator):
    return np.clip(image.astype(int) - round(generator.uniform(40, 170)), 0, 255).astype(np.uint8)


def squeezed(image, box, generator):
    """Narrower and sheared, as Pillow's affine map does it."""
    x, _, _ = box_of(box)
    narrow, shear = 1 / generator.uniform(0.3, 0.8), generator.uniform(-0.35, 0.35)
    data = (narrow, 0, x - narrow * x, shear, 1, -shear * x)
    return np.array(
        Image.fromarray(image).transform(image.shape[1::-1], Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    )


def sphere_turned(image, box, generator):
    """The head as an ellipsoid that turns to the side and a little up or down."""
    x, y, edge = box_of(box)
    y += 0.05 * edge
    wide, high = 0.72 * edge, 0.95 * edge
    yaw = np.radians(generator.uniform(15, 75)) * (1, -1)[generator.integers(2)]
    pitch = np.radians(generator.uniform(-15, 15))
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(float)
    across, down = (columns - x) / wide, (rows - y) / high
    inside = across**2 + down**2 < 1
    depth = np.sqrt(np.maximum(1 - across**2 - down**2, 0))
    turned = across * np.cos(yaw) + depth * np.sin(yaw)
    depth = -across * np.sin(yaw) + depth * np.cos(yaw)
    tipped = down * np.cos(pitch) + np.maximum(depth, 0) * np.sin(pitch)
    hidden = depth < 0
    turned = np.where(hidden, np.sign(turned) * np.sqrt(np.maximum(1 - down**2, 0)), turned)
    source = [np.where(inside, y + high * np.clip(tipped, -1, 1), rows), np.where(inside, x + wide * turned, columns)]
    planes = [
        ndimage.map_coordinates(image[..., plane].astype(float), source, order=1, mode="nearest") for plane in range(3)
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def drawn_on(image, draw_shapes):
    picture = Image.fromarray(image)
    draw_shapes(ImageDraw.Draw(picture))
    return np.array(picture)


def hand(image, box, generator):
    """A hand before the face: a palm and fingers in the colour of skin."""
    x, y, edge = box_of(box)
    palette = [(224, 180, 150), (180, 130, 100), (120, 80, 60), (60, 40, 30)]
    colour = tuple(int(part) for part in palette[generator.integers(4)])
    dark = tuple(part // 2 for part in colour)
    middle = x + generator.uniform(-0.3, 0.3) * edge, y + generator.uniform(-0.1, 0.4) * edge
    size = generator.uniform(0.2, 0.42) * edge

    def shapes(draw):
        for finger in range(-2, 3):
            left = middle[0] + (finger * 0.45 - 0.2) * size
            height = (1.6 - 0.15 * abs(finger)) * size
            draw.rounded_rectangle((left, middle[1] - height, left + 0.42 * size, middle[1]), 0.2 * size, colour, dark)
        draw.ellipse((middle[0] - 1.1 * size, middle[1] - 0.6 * size, middle[0] + 1.1 * size, middle[1] + size), colour)

    return drawn_on(image, shapes)


def scarf(image, box, generator):
    """Stripes up to the nose or over it."""
    left, _, right, bottom = box
    edge = right - left
    begin = bottom - generator.uniform(0.1, 0.6) * edge
    colours = [tuple(int(part) for part in generator.integers(0, 256, 3)) for _ in range(3)]
    step = edge * generator.uniform(0.03, 0.2)

    def shapes(draw):
        for stripe in range(40):
            high = begin + stripe * step
            draw.polygon(
                [
                    (left - 0.3 * edge, high),
                    (right + 0.3 * edge, high + 0.1 * edge),
                    (right + 0.3 * edge, high + 0.1 * edge + step),
                    (left - 0.3 * edge, high + step),
                ],
                colours[stripe % 3],
            )

    return drawn_on(image, shapes)


def phone(image, box, generator):
    """A leaning rectangle over one side of the face."""
    x, y, edge = box_of(box)
    side = (1, -1)[generator.integers(2)]
    middle = x + side * generator.uniform(0.1, 0.5) * edge, y + generator.uniform(-0.3, 0.4) * edge
    angle, shape = (
        generator.uniform(0, np.pi),
        (generator.uniform(0.25, 0.4) * edge, generator.uniform(0.4, 0.8) * edge),
    )
    corners = [
        (
            middle[0] + a * shape[0] * np.cos(angle) - b * shape[1] * np.sin(angle),
            middle[1] + a * shape[0] * np.sin(angle) + b * shape[1] * np.cos(angle),
        )
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
    shade = int(generator.choice([5, 15, 60, 200]))
    return drawn_on(image, lambda draw: draw.polygon(corners, (shade, shade, shade + 10)))


def painted_mask(image, box, generator):
    x, y, edge = box_of(box)
    high = generator.uniform(-0.02, 0.2)
    colour = [(250, 250, 250), (120, 170, 210), (10, 10, 10), (90, 150, 90)][generator.integers(4)]
    outline = [(-0.5, high + 0.05), (0, -high / 2), (0.5, high + 0.05), (0.4, 0.5), (0, 0.65), (-0.4, 0.5)]
    points = [(x + a * edge, y + b * edge) for a, b in outline]
    return drawn_on(image, lambda draw: draw.polygon(points, colour, (80, 80, 80)))


def dark_glasses(image, box, generator):
    x, y, edge = box_of(box)
    high, reach = generator.uniform(0.1, 0.2) * edge, 0.42 * edge
    middle = y - 0.27 * edge

    def shapes(draw):
        for side in (-1, 1):
            inner, outer = sorted((x + side * 0.05 * edge, x + side * reach))
            draw.rounded_rectangle((inner, middle - high, outer, middle + high), high / 2, (12, 10, 14))
        draw.line(
            (x - 0.55 * edge, middle - high / 2, x + 0.55 * edge, middle - high / 2),
            (12, 10, 14),
            max(1, round(0.05 * edge)),
        )

    return drawn_on(image, shapes)


CHECKING = {
    "small": (thumbnail, averaged_blocks),
    "blurred": (box_blurred, defocused, shaken, jpeg),
    "dark": (dimmed, underexposed, black_crushed),
    "turned away": (squeezed, sphere_turned, sphere_turned),
    "covered": (hand, scarf, phone, painted_mask, dark_glasses),
}
