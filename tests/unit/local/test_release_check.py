"""What a release is refused for."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.release_check import ReleaseError, distributions, require_changes

RELEASED = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0]\n\n- New.\n\n## [1.1.0]\n\n- Old.\n"


def test_changes_without_a_version_are_refused() -> None:
    require_changes(RELEASED, "1.2.0")
    require_changes(RELEASED.replace("## [Unreleased]\n\n", ""), "1.2.0")
    with pytest.raises(ReleaseError, match="has unreleased changes"):
        require_changes(RELEASED.replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n"), "1.2.0")
    with pytest.raises(ReleaseError, match=r"no section of 1\.3\.0"):
        require_changes(RELEASED, "1.3.0")


def test_what_was_built_of_another_version_is_not_taken(tmp_path: Path) -> None:
    wheel = tmp_path / "earshot-1.2.0-py3-none-any.whl"
    sdist = tmp_path / "earshot-1.2.0.tar.gz"
    wheel.touch()
    with pytest.raises(ReleaseError, match=r"^earshot-1\.2\.0\.tar\.gz is not in"):
        distributions(tmp_path, "1.2.0")
    sdist.touch()
    assert distributions(tmp_path, "1.2.0") == [wheel, sdist]
    with pytest.raises(ReleaseError):
        distributions(tmp_path, "1.3.0")
