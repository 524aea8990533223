"""The types that the page's modules declare in JSDoc, checked by TypeScript, which npm fetches where it can."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TYPESCRIPT = "typescript@5.9.3"
NPX = shutil.which("npx")


def tsc(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert NPX is not None
    command = [NPX, "--yes", "--prefer-offline", "--package", TYPESCRIPT, "--", "tsc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=ROOT, check=False)


@pytest.mark.slow
@pytest.mark.skipif(NPX is None, reason="node's npx is not installed")
def test_the_types_of_the_page_hold(tmp_path: Path) -> None:
    version = tsc("--version")
    if version.returncode:
        pytest.skip(f"npm cannot fetch {TYPESCRIPT}: {version.stderr[-200:]}")
    found = tsc("--project", "jsconfig.json")
    assert found.returncode == 0, found.stdout
    wrong = tmp_path / "wrong.js"
    wrong.write_text("// @ts-check\n/** @type {number} */ export const count = 'three';\n")
    assert "TS2322" in tsc("--noEmit", "--checkJs", "--allowJs", str(wrong)).stdout
