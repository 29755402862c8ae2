"""Tells which long operation runs in Blender, from its jobs and from the caches that are being baked."""

import contextlib
from typing import TYPE_CHECKING

import bpy
from bpy.app.handlers import persistent

from bridge.objects import searched_objects
from bridge.rendering import RenderTracker

if TYPE_CHECKING:
    from collections.abc import Iterator


def register_render_handlers(tracker: RenderTracker) -> None:
    """Register handlers that report each render's start and end to the tracker.

    Blender calls them in the thread that renders. They also see a render that is shorter than a tick.
    """

    def began(*_: object) -> None:
        tracker.began()

    def ended(*_: object) -> None:
        tracker.ended()

    bpy.app.handlers.render_init.append(persistent(began))
    bpy.app.handlers.render_complete.append(persistent(ended))
    bpy.app.handlers.render_cancel.append(persistent(ended))


def is_rendering() -> bool:
    """Return whether Blender renders in the background."""
    return bool(bpy.app.is_job_running("RENDER"))


def is_baking() -> bool:
    """Return whether Blender bakes textures, or the cache of a simulation."""
    return bool(bpy.app.is_job_running("OBJECT_BAKE")) or any(_bakes())


def is_playing() -> bool:
    """Return whether an animation is played in a window. It takes processor time and is no work."""
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


def _bakes() -> "Iterator[bool]":
    for scene in bpy.data.scenes:
        world = scene.rigidbody_world
        if world is not None and world.point_cache is not None:
            yield bool(world.point_cache.is_baking)
    for item in searched_objects():
        for system in item.particle_systems:
            yield bool(system.point_cache.is_baking)
        for modifier in item.modifiers:
            yield _bakes_modifier(modifier)


def _bakes_modifier(modifier: "bpy.types.Modifier") -> bool:
    # A modifier that was just added may have no settings yet.
    with contextlib.suppress(AttributeError):
        match modifier.type:
            case "FLUID":
                return modifier.fluid_type == "DOMAIN" and bool(modifier.domain_settings.is_cache_baking_any)
            case "CLOTH" | "SOFT_BODY":
                return bool(modifier.point_cache.is_baking)
            case "DYNAMIC_PAINT":
                surfaces = modifier.canvas_settings.canvas_surfaces if modifier.canvas_settings else ()
                return any(surface.point_cache.is_baking for surface in surfaces)
    return False
