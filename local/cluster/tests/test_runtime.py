"""The node's image store: what a new build of an image replaces, and what stays."""

from localcluster.runtime import former_images

OURS, THEIRS = "docker.io/blender-sessions/blender", "docker.io/library/nginx"
DIGESTS = {
    f"{OURS}:new": "sha256:a",
    "sha256:id-of-a": "sha256:a",
    f"{OURS}:old": "sha256:b",
    "sha256:id-of-b": "sha256:b",
    f"{OURS}-5.2:old": "sha256:c",
    "sha256:id-of-c": "sha256:c",
    f"{THEIRS}:old": "sha256:d",
    "sha256:id-of-d": "sha256:d",
}
WANTED = [f"{OURS}:new"]


def test_a_new_build_replaces_the_former_one_and_nothing_else() -> None:
    assert former_images(DIGESTS, WANTED, set()) == [f"{OURS}:old", "sha256:id-of-b"]


def test_an_image_in_use_stays() -> None:
    assert former_images(DIGESTS, WANTED, {"sha256:b"}) == []


def test_the_same_image_by_a_former_name_keeps_its_content() -> None:
    digests = DIGESTS | {f"{OURS}:old": "sha256:a"}
    del digests["sha256:id-of-b"]
    assert former_images(digests, WANTED, set()) == [f"{OURS}:old"]


def test_a_second_run_finds_nothing_to_remove() -> None:
    left = {reference: digest for reference, digest in DIGESTS.items() if digest != "sha256:b"}
    assert former_images(left, WANTED, set()) == []
