"""Prints what a Blender can do, as lines of a Markdown table, from attempts and from what it says of its build.

    blender --background --factory-startup --python capabilities.py
    python3 capabilities.py            # with the package `bpy`, which is an official build without a window

docs/images.md has the table of Debian's Blenders beside an official build.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import bpy

_KERNELS: Final = {
    "CUDA": ("kernel_sm_*", "kernel_compute_*"),
    "OptiX": ("kernel_optix*",),
    "HIP": ("kernel_gfx*",),
    "oneAPI": ("*oneapi*",),
}
_VIDEO_CODECS: Final = {
    "H.264": ("MPEG4", "H264"),
    "H.265": ("MPEG4", "H265"),
    "AV1": ("MKV", "AV1"),
    "VP9": ("WEBM", "WEBM"),
    "ProRes": ("QUICKTIME", "PRORES"),
    "FFV1": ("MKV", "FFV1"),
}
_FRAME_PIXELS: Final = 64


def capabilities(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield each thing with whether this Blender does it.

    Args:
        folder: where the attempts write.
    """
    _small_scene()
    built = bpy.app.build_options
    yield "Cycles with Open Image Denoise", _attempt(_denoise)
    for name, patterns in _KERNELS.items():
        yield f"Cycles' kernels for {name}", _has_kernels(patterns)
    yield "Cycles with Open Shading Language", bool(built.cycles_osl)
    yield "Cycles with path guiding", _cycles_with("path_guiding")
    yield "Cycles with Embree", _cycles_with("embree")
    exports: dict[str, tuple[str, Callable[[Path], object]]] = {
        "USD": ("scene.usdc", lambda file: bpy.ops.wm.usd_export(filepath=str(file))),
        "Alembic": ("scene.abc", lambda file: bpy.ops.wm.alembic_export(filepath=str(file), as_background_job=False)),
        "glTF": ("scene.glb", lambda file: bpy.ops.export_scene.gltf(filepath=str(file))),
        "glTF with Draco's compression": ("draco.glb", _export_with_draco),
        "FBX": ("scene.fbx", lambda file: bpy.ops.export_scene.fbx(filepath=str(file))),
        "OBJ": ("scene.obj", lambda file: bpy.ops.wm.obj_export(filepath=str(file))),
    }
    for name, (file_name, export) in exports.items():
        yield name, _writes(folder / file_name, export)
    yield "Grease pencil as PDF", bool(built.haru)
    yield "OpenVDB", bool(built.openvdb)
    yield "OpenSubdiv", bool(built.opensubdiv)
    yield "Fluid simulation", bool(built.fluid)
    yield "Motion tracking", bool(built.libmv)
    for name, (container, codec) in _VIDEO_CODECS.items():
        yield f"Video: {name}", _attempt(lambda c=container, k=codec, n=name: _render_video(folder / n, c, k))
    yield "Virtual reality (OpenXR)", bool(built.xr_openxr)


def _small_scene() -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x = scene.render.resolution_y = _FRAME_PIXELS
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.frame_end = 1


def _attempt(work: Callable[[], object]) -> bool:
    try:
        return bool(work())
    except (RuntimeError, TypeError, AttributeError, ImportError) as error:
        print(f"  {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return False


def _writes(file: Path, export: Callable[[Path], object]) -> bool:
    return _attempt(lambda: export(file)) and file.is_file()


def _denoise() -> object:
    scene = bpy.context.scene
    scene.cycles.use_denoising = True
    try:
        scene.cycles.denoiser = "OPENIMAGEDENOISE"
        return bpy.ops.render.render()
    finally:
        scene.cycles.use_denoising = False


def _cycles_with(name: str) -> bool:
    import _cycles  # noqa: PLC0415 - a build may lack it

    return bool(getattr(_cycles, f"with_{name}", False))


def _has_kernels(patterns: tuple[str, ...]) -> bool:
    scripts = Path(bpy.utils.system_resource("SCRIPTS"))
    # Those of oneAPI are a library beside Blender's own.
    folders = [scripts / "addons_core" / "cycles" / "lib", scripts.parents[1] / "lib"]
    return any(next(folder.glob(pattern), None) for folder in folders for pattern in patterns)


def _export_with_draco(file: Path) -> object:
    from io_scene_gltf2 import is_draco_available  # noqa: PLC0415 - an add-on

    # Without the library the add-on writes a file all the same.
    return is_draco_available() and bpy.ops.export_scene.gltf(
        filepath=str(file), export_draco_mesh_compression_enable=True
    )


def _render_video(target: Path, container: str, codec: str) -> bool:
    scene = bpy.context.scene
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format = container
    scene.render.ffmpeg.codec = codec
    scene.render.filepath = str(target)
    with contextlib.suppress(RuntimeError):
        bpy.ops.render.render(animation=True)
    return any(file.stat().st_size for file in target.parent.glob(f"{target.name}*"))


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = list(capabilities(Path(folder)))
    print(f"| | Blender {bpy.app.version_string} |\n| --- | --- |")  # noqa: T201
    for name, found in rows:
        print(f"| {name} | {'yes' if found else 'no'} |")  # noqa: T201


if __name__ == "__main__":
    main()
