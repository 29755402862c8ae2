"""A scene is saved in the home folder, and never over the file of another scene."""

from pathlib import Path

from workspace.names import free_name, is_inside, save_target


def test_a_scene_of_the_home_folder_keeps_its_file(tmp_path: Path) -> None:
    file = tmp_path / "shots" / "two.blend"
    assert save_target(str(file), tmp_path) == file


def test_a_scene_that_was_never_saved_gets_a_name(tmp_path: Path) -> None:
    assert save_target("", tmp_path) == tmp_path / "untitled.blend"


def test_an_older_untitled_scene_is_kept(tmp_path: Path) -> None:
    (tmp_path / "untitled.blend").touch()
    (tmp_path / "untitled-2.blend").touch()
    assert save_target("", tmp_path) == tmp_path / "untitled-3.blend"


def test_a_scene_from_elsewhere_does_not_overwrite_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "cart.blend").touch()
    assert save_target("/tmp/other/cart.blend", tmp_path) == tmp_path / "cart-2.blend"


def test_a_link_out_of_the_home_folder_is_not_followed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "out.blend").symlink_to(tmp_path / "out.blend")
    assert save_target(str(home / "out.blend"), home) == home / "out-2.blend"
    assert free_name(home, "out.blend") == home / "out-2.blend"


def test_a_name_that_is_too_long_is_free(tmp_path: Path) -> None:
    assert free_name(tmp_path, "x" * 300) == tmp_path / ("x" * 300)


def test_a_link_that_leads_to_itself_is_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "loop.blend").symlink_to("loop.blend")
    assert is_inside(tmp_path, tmp_path / "loop.blend")
    assert save_target(str(tmp_path / "loop.blend"), tmp_path) == tmp_path / "loop.blend"
